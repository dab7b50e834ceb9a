"""The family of a strategy: a hash of what its code does, blind to parameters, names, numbers, comments and layout.

Every run of a family is counted in the trial ledger. A class that was copied, renamed, re-indented, documented, given other
defaults or other numbers is still the same idea tried once more, so it has the same hash; other arithmetic changes it.
"""

from __future__ import annotations

import ast
import hashlib
import textwrap
import types
from typing import Any, Final

from quantservice.quant.honesty.code import belongs, code_text, functions_of, own_classes, plain_function, source_of
from quantservice.quant.strategies.base import Strategy

#: Methods that the platform calls: their names mean something, all others' do not.
CONTRACT: Final = frozenset(name for name in vars(Strategy) if not name.startswith("__"))
_SWAPPED: Final = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_SAY_NOTHING: Final = frozenset(("save_state", "load_state", "check", "name"))


def family_hash(cls: type[Strategy]) -> str:
    """Return the sha256 of a strategy's family."""
    return hashlib.sha256(_Family(cls).text().encode()).hexdigest()


class _Family:
    """Writes a strategy's methods in one normal form; helpers stand where they are called, not where they are written."""

    def __init__(self, cls: type[Strategy]) -> None:
        self.cls = cls
        self.methods: dict[str, types.FunctionType] = {}
        for base in reversed(own_classes(cls)):
            self.methods.update(functions_of(base))
        self.keys = self._view_keys()
        self.attributes: dict[str, str] = {}
        self._open: list[types.FunctionType] = []

    def text(self) -> str:
        """Return the normal form of what the platform calls."""
        called = sorted(name for name in self.methods if (name in CONTRACT or name == "__init__") and name not in _SAY_NOTHING)
        return "\n".join(f"{name}: {self.function(self.methods[name])}" for name in called)

    def function(self, function: types.FunctionType) -> str:
        """Return the normal form of one function; a call of itself, near or far, is told by how far up it is."""
        if function in self._open:
            return f"<up {len(self._open) - self._open.index(function)}>"
        tree = _tree(function)
        if tree is None:
            return f"<compiled {code_text(function.__code__, constants=False)}>"
        self._open.append(function)
        try:
            return ast.dump(_Normal(self, function).visit(tree), annotate_fields=False)
        finally:
            self._open.pop()

    def attribute(self, name: str) -> str:
        """Return what stands for an attribute of the strategy: its method, or a number in the order of appearance."""
        if name in CONTRACT:
            return name
        if name in self.methods:
            return f"<{self.function(self.methods[name])}>"
        return self.attributes.setdefault(name, f"attribute{len(self.attributes)}")

    def _view_keys(self) -> frozenset[str]:
        """Return the names that ``indicators()`` gives: they may be renamed freely."""
        tree = _tree(self.methods["indicators"]) if "indicators" in self.methods else None
        if tree is None:
            return frozenset()
        keys = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
        words = {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
        return frozenset(words - {"input", "output", "period", "instrument"})


def _tree(function: types.FunctionType) -> ast.AST | None:
    source = source_of(function)
    if source is None:
        return None
    try:
        body = ast.parse(textwrap.dedent(source)).body
    except SyntaxError:  # a lambda in the middle of an expression
        return None
    return body[0] if body else None


class _Normal(ast.NodeTransformer):
    """Rewrites one function's tree."""

    def __init__(self, family: _Family, function: types.FunctionType) -> None:
        self.family = family
        self.space: dict[str, Any] = function.__globals__
        self.locals: dict[str, str] = {}
        code = function.__code__
        self._known = {*code.co_varnames, *code.co_cellvars, *code.co_freevars, *_inner_names(code)}
        self.me = code.co_varnames[0] if code.co_argcount and function.__qualname__ != function.__name__ else ""

    def _local(self, name: str) -> str:
        return self.locals.setdefault(name, f"local{len(self.locals)}")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Drop what says nothing about the arithmetic: name, annotations, docstring."""
        arguments = node.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if argument is not None:
                argument.annotation = None
                argument.arg = self._local(argument.arg)
        node.args.defaults = [self.visit(item) for item in node.args.defaults]
        node.args.kw_defaults = [self.visit(item) if item is not None else None for item in node.args.kw_defaults]
        body = [item for item in node.body if not _says_nothing(item)]
        kept = [self.visit(item) for item in body]
        return ast.FunctionDef(
            name="", args=node.args, body=kept, decorator_list=[self.visit(item) for item in node.decorator_list], lineno=0
        )

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """An annotated assignment is an assignment; an annotation alone is nothing."""
        if node.value is None:
            return ast.Pass()
        return self.visit(ast.Assign(targets=[node.target], value=node.value))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Rename locals in the order of appearance; put own helpers in the place of their names."""
        if node.id in self._known:
            return ast.Name(id=self._local(node.id), ctx=ast.Load())
        return ast.Name(id=self._global(node.id), ctx=ast.Load())

    def _global(self, name: str) -> str:
        value = self.space.get(name, _MISSING)
        if value is _MISSING:
            return name
        if isinstance(value, int | float | complex | str | bytes | tuple | frozenset | None):
            return "<value>"
        if isinstance(value, types.ModuleType):
            return f"<module {value.__name__}>" if not belongs(value.__name__, self.family.cls) else "<own module>"
        if value is self.family.cls or (isinstance(value, type) and value in self.family.cls.__mro__):
            return "<strategy>"
        function = plain_function(value)
        if function is not None and belongs(function.__module__, self.family.cls):
            return f"<{self.family.function(function)}>"
        if isinstance(value, type) and belongs(value.__module__, self.family.cls):
            methods = [item for _name, item in sorted(functions_of(value).items()) if item not in self.family._open]
            return f"<class {' '.join(self.family.function(item) for item in methods)}>"
        if isinstance(value, type) or function is not None:
            return f"<{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}>"
        return f"<a {type(value).__name__}>"

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Rename what the strategy keeps in itself; leave the names of other things."""
        name = node.attr
        if isinstance(node.value, ast.Name) and node.value.id == self.me:
            name = self.family.attribute(name)
        elif isinstance(node.value, ast.Name) and isinstance(self.space.get(node.value.id), types.ModuleType):
            module = self.space[node.value.id]
            function = plain_function(getattr(module, name, None)) if belongs(module.__name__, self.family.cls) else None
            name = f"<{self.family.function(function)}>" if function is not None else name
        return ast.Attribute(value=self.visit(node.value), attr=name, ctx=ast.Load())

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Numbers are parameters; so are the names that the strategy gives to its indicators."""
        if isinstance(node.value, int | float | complex):
            return ast.Constant(value=0)
        if isinstance(node.value, str) and node.value.partition(".")[0] in self.family.keys:
            return ast.Constant(value=self.family.attribute(f"view {node.value.partition('.')[0]}"))
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """A negative number is a number."""
        operand = self.visit(node.operand)
        if isinstance(node.op, ast.USub | ast.UAdd) and isinstance(operand, ast.Constant):
            return operand
        return ast.UnaryOp(op=node.op, operand=operand)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A tag is a comment."""
        kept = [ast.keyword(arg=item.arg, value=self.visit(item.value)) for item in node.keywords if item.arg != "tag"]
        return ast.Call(func=self.visit(node.func), args=[self.visit(item) for item in node.args], keywords=kept)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """``a > b`` is ``b < a``. Swapped before anything is renamed, so that names come in one order."""
        if len(node.ops) == 1 and type(node.ops[0]) in _SWAPPED:
            swapped = _SWAPPED[type(node.ops[0])]()
            node = ast.Compare(left=node.comparators[0], ops=[swapped], comparators=[node.left])
        return ast.Compare(left=self.visit(node.left), ops=node.ops, comparators=[self.visit(item) for item in node.comparators])

    def visit_JoinedStr(self, _node: ast.JoinedStr) -> ast.AST:
        """A text that is made up for a reader or as a key."""
        return ast.Constant(value="")


_MISSING: Final = object()


def _inner_names(code: types.CodeType) -> set[str]:
    names: set[str] = set()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= {*constant.co_varnames, *constant.co_cellvars, *_inner_names(constant)}
    return names


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.Pass) or (isinstance(node, ast.AnnAssign) and node.value is None)

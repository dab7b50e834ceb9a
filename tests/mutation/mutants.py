"""Small random faults in Python source: where they can be made, and making one.

A *site* is a place in a module together with one change to it. Sites are found and applied on the syntax tree, so a mutant is
always valid Python. The module is written back by ``ast.unparse``; its line numbers are those of the original site.

Left out, because a change there is not a change of what the program does:

- type annotations, ``TYPE_CHECKING`` blocks and type aliases, docstrings, ``__slots__``, ``__all__`` and ``__repr__``;
- what is said to people and not computed with: log calls, and the arguments of a raised error (that it is raised is mutated);
- markers: ``Final``/``ClassVar`` wrappers, ``class``-level flags of msgspec such as ``gc=False``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

LOGGERS: Final = frozenset({"_log", "log", "logger"})
_COMPARE: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_BINARY: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Pow: ast.Mult,
}
_CALLS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Site:
    """One possible fault: the ``node``-th node of the tree in walking order, and which ``variant`` of its changes."""

    node: int
    variant: int
    line: int
    kind: str


Change = tuple[str, Callable[[], ast.AST | None]]


def sites(source: str) -> list[Site]:
    """Return every fault that can be made in ``source``, in a fixed order."""
    tree = ast.parse(source)
    skipped = _skipped(tree)
    parents = _parents(tree)
    found: list[Site] = []
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        for variant, (kind, _) in enumerate(_changes(node, parents)):
            found.append(Site(number, variant, getattr(node, "lineno", 0), kind))
    return found


def mutate(source: str, site: Site) -> tuple[str, str]:
    """Return ``source`` as the tree writes it, before and after the fault of ``site``."""
    tree = ast.parse(source)
    before = ast.unparse(tree)
    parents = _parents(tree)
    node = next(item for number, item in enumerate(ast.walk(tree)) if number == site.node)
    _, change = list(_changes(node, parents))[site.variant]
    new = change()
    if new is not None:
        _replace(parents[node], node, ast.copy_location(new, node))
    return before, ast.unparse(ast.fix_missing_locations(tree))


def _parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def _replace(parent: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for field, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, field, new)
            return
        if isinstance(value, list) and any(item is old for item in value):
            value[next(index for index, item in enumerate(value) if item is old)] = new
            return
    raise LookupError(f"{ast.dump(old)} is not a child of {ast.dump(parent)}")


# --- what is left out ---------------------------------------------------------------------------------------------------


def _skipped(tree: ast.AST) -> set[int]:
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        roots.extend(_left_out(node))
    return {id(inner) for root in roots for inner in ast.walk(root)}


def _left_out(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts below ``node`` (or itself) that no fault is made in."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            if node.name == "__repr__":
                yield node
            if node.returns is not None:
                yield node.returns
        case ast.ClassDef():
            yield from node.keywords
        case ast.arg() if node.annotation is not None:
            yield node.annotation
        case ast.AnnAssign():
            yield node.annotation
            if isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias" and node.value is not None:
                yield node.value
        case ast.Assign() if _is_type_alias(node) or _names(node) & {"__slots__", "__all__"}:
            yield node
        case ast.Expr():
            if isinstance(node.value, ast.Constant) or _is_log_call(node.value):
                yield node
        case ast.Raise():
            if isinstance(node.exc, ast.Call):
                yield from node.exc.args
                yield from node.exc.keywords
        case ast.If() if "TYPE_CHECKING" in ast.unparse(node.test):
            yield node


def _names(node: ast.Assign) -> set[str]:
    return {target.id for target in node.targets if isinstance(target, ast.Name)}


def _is_type_alias(node: ast.Assign) -> bool:
    """Say whether this is ``Name = A | B`` or ``Name = Generic[...]`` of capitalised names."""
    named = all(name[:1].isupper() and not name.isupper() for name in _names(node)) and bool(_names(node))
    return named and isinstance(node.value, ast.BinOp | ast.Subscript) and not isinstance(node.value, ast.Constant)


def _is_log_call(node: ast.AST) -> bool:
    if isinstance(node, ast.Await):
        node = node.value
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in LOGGERS
    )


# --- what can be done to a node -----------------------------------------------------------------------------------------


def _changes(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        yield from _compare(node)
    elif isinstance(node, ast.BoolOp):
        yield "and/or", _setter(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        new = _BINARY.get(type(node.op))
        if new is not None and not _is_text(node):
            yield "arithmetic", _setter(node, "op", new())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield "sign or not dropped", lambda: node.operand
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.Call):
        yield from _call(node)
    elif isinstance(node, ast.comprehension):
        for index, test in enumerate(node.ifs):
            yield "condition negated", _item_setter(node.ifs, index, _negated(test))
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not (
        isinstance(node, ast.While) and isinstance(node.test, ast.Constant)
    ):
        yield "condition negated", _setter(node, "test", _negated(node.test))
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "return None", _setter(node, "value", ast.Constant(None))
    if isinstance(node, ast.stmt) and _is_removable(node, parents):
        yield "statement removed", ast.Pass
    if isinstance(node, ast.Break):
        yield "break to continue", ast.Continue
    if isinstance(node, ast.Continue):
        yield "continue to break", ast.Break


def _compare(node: ast.Compare) -> Iterator[Change]:
    for index, operator in enumerate(node.ops):
        for new in _COMPARE.get(type(operator), ()):
            yield "comparison", _item_setter(node.ops, index, new())


def _constant(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield "true/false", _setter(node, "value", not value)
    elif isinstance(value, int | float):
        yield "constant + 1", _setter(node, "value", value + 1)
        yield "constant - 1", _setter(node, "value", value - 1)


def _call(node: ast.Call) -> Iterator[Change]:
    if not isinstance(node.func, ast.Name):
        return
    name = node.func.id
    if name in _CALLS:
        yield f"{name} to {_CALLS[name]}", _setter(node.func, "id", _CALLS[name])
    elif name == "range":
        for index, argument in enumerate(node.args[:2]):
            longer = ast.BinOp(argument, ast.Add(), ast.Constant(1))
            yield "range off by one", _item_setter(node.args, index, longer)


def _is_removable(node: ast.stmt, parents: dict[ast.AST, ast.AST]) -> bool:
    """Say whether the program still loads and runs without the statement."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call | ast.Await)
    if isinstance(node, ast.Assign):  # a plain name would only be missed at once
        return all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    if isinstance(node, ast.Raise):
        return not isinstance(parents[node], ast.ExceptHandler)
    return isinstance(node, ast.AugAssign | ast.Delete)


def _is_text(node: ast.BinOp | ast.AugAssign) -> bool:
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))
        for side in sides
    )


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _setter(node: ast.AST, field: str, value: object) -> Callable[[], None]:
    return lambda: setattr(node, field, value)


def _item_setter(items: list[ast.expr] | list[ast.cmpop], index: int, value: ast.AST) -> Callable[[], None]:
    return lambda: items.__setitem__(index, value)  # type: ignore[call-overload] # one of the two kinds of list

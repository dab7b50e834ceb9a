"""Inside a strategy's process: the registry with the person's own strategies, then requests until it is ended."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from quantservice.adapters.strategy_host import child
from quantservice.app.plugins import load_plugins
from quantservice.quant.honesty.code import code_hash
from quantservice.quant.honesty.family import family_hash
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.registry import STRATEGIES
from quantservice.services.strategies.commands import StrategyFacts


def serve(channel: socket.socket, plugins_dir: str) -> None:
    """Serve one strategy on ``channel``."""
    load_plugins(plugins_dir)
    child.serve(channel, make_strategy)


def make_strategy(name: str, parameters: Mapping[str, Any]) -> Strategy:
    """Return a strategy of the registry."""
    return STRATEGIES[name].cls(**dict(parameters))


def facts_of(strategy: str, parameters: Mapping[str, Any], plugins_dir: str) -> StrategyFacts:
    """Return all parameters and the hashes of a strategy's code; a person's files are read anew when they changed."""
    load_plugins(plugins_dir)
    made = make_strategy(strategy, parameters)
    cls = type(made)
    return StrategyFacts(parameters=dict(made.parameters), code_hash=code_hash(cls), family=family_hash(cls))

"""Execution: durable intents become orders at a venue, and what is known of them stays true, whatever is lost on the way."""

from quantservice.services.execution.algorithms import Algorithms
from quantservice.services.execution.collaborators import Books, Check, Told
from quantservice.services.execution.deadlines import Deadlines
from quantservice.services.execution.gateway import AccountTaken, Gateway
from quantservice.services.execution.guarding import Guard
from quantservice.services.execution.sending import GatewayConfig
from quantservice.services.execution.service import ExecutionConfig, ExecutionService

__all__ = [
    "AccountTaken",
    "Algorithms",
    "Books",
    "Check",
    "Deadlines",
    "ExecutionConfig",
    "ExecutionService",
    "Gateway",
    "GatewayConfig",
    "Guard",
    "Told",
]

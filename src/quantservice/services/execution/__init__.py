"""Execution: durable intents become orders at a venue, and what is known of them stays true, whatever is lost on the way."""

from quantservice.services.execution.collaborators import Books, Check, Told
from quantservice.services.execution.gateway import Gateway, GatewayConfig
from quantservice.services.execution.service import ExecutionConfig, ExecutionService

__all__ = ["Books", "Check", "ExecutionConfig", "ExecutionService", "Gateway", "GatewayConfig", "Told"]

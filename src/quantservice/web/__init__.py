"""The HTTP and WebSocket face: reads stores and projections, publishes commands."""

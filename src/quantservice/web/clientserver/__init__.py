"""The WebSocket server for client programs: queries, live subscriptions, access keys (its own port, 8765)."""

"""OKX: v5 over REST and WebSocket, spot and linear perpetual swaps."""

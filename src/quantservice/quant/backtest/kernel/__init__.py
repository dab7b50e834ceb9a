"""The compiled arithmetic of a backtest: one bar forward, whoever asks."""

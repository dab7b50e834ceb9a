"""The venues' shared transport: weight budget, proxies, REST client, WebSocket connections, raw tap. No venue's name in here."""

"""The words of the wire: stream names, JSON text of frames and answers, WebSocket framing."""

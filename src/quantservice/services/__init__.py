"""Loops that turn messages into messages: one folder or file, one service, one owner of one kind of state."""

"""Egress proxies, asked and answered."""

"""One account at one market of OKX: orders, what is pushed of them, and what is asked."""

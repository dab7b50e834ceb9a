"""One file per noun; each gives a router made for a context."""

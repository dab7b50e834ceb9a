"""``python -m quantservice.app.cli``: the same as ``qs``."""

from quantservice.app.cli import main

main()

# The long versions of what CI runs briefly. Each is one command; they need nothing but ./qs once.
.PHONY: kills

kills:  ## 2,000 SIGKILLs of a trading process at nine points: nothing doubled, lost or wrong
	PYTHONPATH=. .venv/bin/python -m tests.soak.trading_kills --kills 2000

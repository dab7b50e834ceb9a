# The long versions of what CI runs briefly. Each is one command; they need nothing but ./qs once.
.PHONY: canaries frames kills models obedience offline pauses rotation seeds switch
PYTHON := PYTHONPATH=src:. .venv/bin/python

canaries:  ## secrets of a dozen kinds in a running platform come out nowhere
	$(PYTHON) -m pytest -q tests/faults/test_secret_canaries.py

frames:  ## a million malformed frames: nothing is read wrong, no good one is lost
	$(PYTHON) -m tests.soak.frames --malformed 1000000

kills:  ## 2,000 SIGKILLs of a trading process at nine points: nothing doubled, lost or wrong
	$(PYTHON) -m tests.soak.trading_kills --kills 2000

models:  ## 50,000 steps of each: orders, book, candles, ledger against simple models
	QS_MODEL_STEPS=50000 $(PYTHON) -m pytest -q --timeout 1800 tests/property/test_stateful_models.py tests/property/test_order_book_model.py

obedience:  ## 10,000 hours of the venues' time: no request too many
	$(PYTHON) -m tests.soak.obedience --hours 10000

offline:  ## 500 episodes in which nobody listens: known to the last lot after one reconciliation
	$(PYTHON) -m tests.soak.offline --episodes 500

pauses:  ## 200 SIGSTOPs of a trading process while another one takes its account: it sends nothing any more
	$(PYTHON) -m tests.soak.trading_kills --pauses 200

rotation:  ## the master key rotates over 10,000 venue keys while they are used
	$(PYTHON) -m pytest -q -m slow tests/unit/services/test_accounts.py -k rotates

seeds:  ## 100,000 seeds of the deterministic simulation: no invariant of orders and books breaks
	$(PYTHON) -m tests.deterministic --seeds 100000

switch:  ## the kill switch, 100 times under load: heard within a second, everything cancelled within five
	$(PYTHON) -m tests.soak.kill_switch --runs 100

"""Mutation testing: are the tests able to fail? ``python -m tests.mutation.run --count 100 --seed N``."""

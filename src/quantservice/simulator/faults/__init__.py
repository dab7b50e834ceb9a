"""Faults by script: what can be made to go wrong, when, and for whom."""

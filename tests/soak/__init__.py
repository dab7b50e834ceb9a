"""The long versions of the fault tests, run by one command."""

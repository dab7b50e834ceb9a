"""The composition root: settings, wiring, runner, command line."""

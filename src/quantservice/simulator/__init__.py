"""An exchange in a box: the venues' own wire protocols over loopback, their rules, and faults on demand. Imports core only."""

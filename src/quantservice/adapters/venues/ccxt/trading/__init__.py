"""Trading at a venue that ccxt knows: one request sent once, outcomes, polling in the place of pushes."""

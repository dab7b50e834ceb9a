"""Keys that we give to clients, and the token of the owner."""

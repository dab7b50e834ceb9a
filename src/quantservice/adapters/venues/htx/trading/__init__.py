"""Trading at HTX: signed requests, private sockets, outcomes."""

"""The venue's private protocols: keys and signatures, orders and accounts over REST and WS-API, user data streams, the judge."""

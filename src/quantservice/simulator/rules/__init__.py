"""The venue's rules, and the referee that counts who breaks them."""

"""Any venue that ccxt knows: its words and signatures, over our connections, limits and rules of what an answer means."""

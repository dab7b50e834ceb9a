"""One folder per outside thing: buses, stores, venues, proxies, secrets. Adapters never import each other."""

"""Where prices come from: generated markets, replayed files, and the live state built on them."""

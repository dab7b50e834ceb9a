"""Speed against the figures asked for, and beside peers in the same run."""

"""Venues: one folder each, with the same file names; the name is the role."""

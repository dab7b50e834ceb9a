"""The other programs that a benchmark measures beside ours, each in an interpreter of its own."""

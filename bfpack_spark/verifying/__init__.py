"""verify: every invariant checked by reading what is on disk."""

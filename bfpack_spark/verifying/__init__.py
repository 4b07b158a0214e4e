"""verify: every invariant is checked by reading what is on disk."""

"""The session, what travels between driver and workers, and what is said of a run meanwhile."""

"""The Spark session, what travels between driver and workers, and what a run shows meanwhile."""

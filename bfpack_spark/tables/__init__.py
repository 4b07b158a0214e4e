"""Tables of Spark's catalog as input."""

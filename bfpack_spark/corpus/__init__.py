"""The input in any format: which files it is, and their documents; without Spark."""

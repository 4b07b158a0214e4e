"""The input in any format: which files it consists of, and their documents; without Spark."""

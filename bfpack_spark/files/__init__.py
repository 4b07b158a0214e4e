"""Paths and addresses, reading anywhere, writing whole, and locks; without Spark."""

"""Versions of a bucket: what decides them, how they become visible, what is kept; without Spark."""

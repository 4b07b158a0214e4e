"""Versions of a bucket: what decides them, how they become visible, and what is kept; without
Spark."""

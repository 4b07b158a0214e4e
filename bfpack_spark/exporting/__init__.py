"""Shards -> the same rows in a trainer's own format."""

"""Lengths -> plan: which fragment of which document goes where; no token is read."""

"""Lengths -> plan: which fragment of which document goes where. No token is read."""

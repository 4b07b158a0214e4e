"""Paths and addresses, reading from anywhere, writing whole files, and locks; without Spark."""

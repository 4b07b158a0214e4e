"""The report of a packing: one HTML file that needs no other file."""

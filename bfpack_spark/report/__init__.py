"""The report of a packing: one HTML file that needs nothing else."""

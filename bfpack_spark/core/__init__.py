"""The arithmetic of packing. It takes and returns arrays, and uses numpy alone: no files, no
Spark."""

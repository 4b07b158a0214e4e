"""The arithmetic of packing: arrays in, arrays out; numpy alone, no files, no Spark."""

"""Best-fit packing of whole documents into training sequences, on Spark. Imports nothing."""

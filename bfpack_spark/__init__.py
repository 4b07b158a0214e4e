"""Best-fit packing of whole documents into training sequences, on Spark. This file imports
nothing."""

"""Everything that Delta needs: a table as input, and a table to which sequences are published."""

"""Everything that Delta needs: a table as input, and sequences published to one."""

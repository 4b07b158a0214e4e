"""Which slice of the input each bucket is: the whole input, some of its files, or some of their
rows."""

"""Which slice of the input each bucket is: all of it, some of its files, or some of their rows."""

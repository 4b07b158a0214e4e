"""The two halves of the pipeline: a bucket's token store, and the sequences made of it."""

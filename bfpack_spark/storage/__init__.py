"""Everything that touches files: the corpus, the token store, the plan, the shards, the
versions."""

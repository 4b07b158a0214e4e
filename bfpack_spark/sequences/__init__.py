"""Plan and token store -> shards: tokens move once, to where the plan says."""

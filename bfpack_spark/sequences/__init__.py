"""Plan and token store -> shards: every token moves once, to the place that the plan gives it."""

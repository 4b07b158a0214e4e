"""Text -> token store: every document tokenized once, and kept for every seq_len."""

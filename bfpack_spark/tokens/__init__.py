"""Text -> token store: every document is tokenized once, and kept for every seq_len."""

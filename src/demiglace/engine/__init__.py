"""Generation for many sequences at once."""

"""Many sequences at once."""

"""Sources of training conversations, one per module."""

"""Sources of training conversations, one a module."""

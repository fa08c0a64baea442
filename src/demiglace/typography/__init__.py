"""Text -> images with a box for every character."""

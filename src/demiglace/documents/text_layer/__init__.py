"""Text layer of a file -> page, where it agrees with the picture."""

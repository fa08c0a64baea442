"""Text layer of a file -> page, where text and picture agree."""

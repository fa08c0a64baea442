"""Lines and crops of pages, to be read."""

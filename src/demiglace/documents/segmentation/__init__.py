"""Picture of a page -> crops of lines in reading order."""

"""From the picture of a page to crops of lines in reading order."""

"""Pictures of text to read: rendered lines and crops of pages."""

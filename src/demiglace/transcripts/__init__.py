"""Pages that were read, as other programs take them: Markdown, hOCR, searchable PDFs."""

"""Rendered pages: blocks of text printed on paper."""

"""Parsing of the wording of an answer."""

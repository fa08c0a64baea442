"""Benchmarks, a file for each family: rows of their public files -> examples, and how each is asked and counted."""

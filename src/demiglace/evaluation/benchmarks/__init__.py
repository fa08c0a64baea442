"""Benchmarks, a file for each family: from rows of their public files to examples, with prompts and figures."""

"""Constraints on answers that can be checked without knowing the truth: pure values, each with one check."""

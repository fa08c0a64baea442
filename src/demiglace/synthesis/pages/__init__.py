"""Blocks printed on paper."""

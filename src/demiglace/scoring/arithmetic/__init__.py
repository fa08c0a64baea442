"""Checking arithmetic claims such as "3 + 4 = 8"."""

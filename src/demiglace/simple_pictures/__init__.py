"""Endless simple pictures with known contents, in many styles as in other datasets, and questions about them."""

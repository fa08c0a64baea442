"""Synthetic data: known contents -> pictures, clips and questions."""

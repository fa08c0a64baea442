"""Degradation, levels, regions; request and answer."""

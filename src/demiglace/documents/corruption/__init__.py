"""Dynamic visual corruption: degradation, levels of damage, regions of a page, and the restoration task."""

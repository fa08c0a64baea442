"""A file -> pictures and frames, bounded; no tensors, no prompts."""

"""The model and its processor as other libraries want to meet them; each needs its own extra."""

"""Written words -> pictures with a box for every character."""

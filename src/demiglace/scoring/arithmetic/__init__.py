"""Claims such as "3 + 4 = 8" that do not hold."""

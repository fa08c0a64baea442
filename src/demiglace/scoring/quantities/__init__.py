"""Numbers, money, units, times and dates in a text."""

"""Numbers, money, units, times and dates of a text."""

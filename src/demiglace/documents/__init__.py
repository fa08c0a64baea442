"""Pages: what is written where, and what damages it."""

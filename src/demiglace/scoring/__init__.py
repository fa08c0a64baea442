"""Whether a response is right, and which of its claims are wrong: pure functions for data, evaluation and rewards."""

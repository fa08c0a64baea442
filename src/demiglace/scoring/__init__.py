"""Whether a response is correct, and which of its claims are wrong: pure functions for data, evaluation and rewards."""

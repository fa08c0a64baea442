"""Conversations to answers: sampling, generation, and the `Demiglace` that joins them."""

"""Scores as pure functions of texts (the extra `eval` installs what they need)."""

"""How an answer is put in words."""

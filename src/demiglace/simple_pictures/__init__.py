"""Simple pictures in many styles, as others draw them, with questions about what is there; known contents, endless."""

"""Fonts and texts made into rendered pictures whose every glyph is known: what a nano model learns to read from."""

"""Vocabulary of generated instructions: lists whose items are known, topics, and adjectives to describe them."""

from __future__ import annotations

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
LISTS = (  # plural, singular, and all accepted items
    (
        "colours",
        "a colour",
        ("red", "green", "blue", "yellow", "orange", "purple", "pink", "brown", "black", "white", "grey", "gray"),
    ),
    ("shapes", "a shape", ("circle", "square", "triangle", "rectangle", "star", "diamond", "oval", "cross", "hexagon")),
    (
        "months",
        "a month",
        (
            *("January", "February", "March", "April", "May", "June", "July", "August"),
            *("September", "October", "November", "December"),
        ),
    ),
    (
        "days of the week",
        "a day of the week",
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ),
    ("directions", "a direction", ("left", "right", "up", "down")),
    ("number words from one to nine", "a number word from one to nine", (*NUMBERS[1:], "nine")),
)
TOPICS = (
    *("moon", "sea", "river", "house", "garden", "winter", "summer", "train", "bridge", "paper", "window", "forest"),
    *("street", "kitchen", "letter", "stone", "bird", "horse", "ship", "road", "table", "school", "market", "island"),
)
ADJECTIVES = (
    *("bright", "old", "cold", "warm", "quiet", "small", "large", "dark", "soft", "clean", "wide", "narrow"),
    *("green", "simple", "strong", "calm", "early", "empty", "heavy", "kind", "round", "sharp", "slow", "young"),
)
OPENINGS = ("Today", "Often", "Here", "In spring", "Sometimes", "Look:")
ENDINGS = ("again!", "right now!", "as we know!", "at night!", "today!", "for all of us!")

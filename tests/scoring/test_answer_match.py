"""The table of verdicts on words: yes or no, letters, phrases, lists and choices. docs/scoring.md says why."""

# ruff: noqa: RUF005

import pytest

from demiglace.scoring.answer_match import is_right

RIGHT: dict[str, list[str]] = {
    # what is quoted takes nothing back
    "Stop! No entry.": ['It says: "Stop! No entry."', "Stop! No entry."],
    "Closed. Sorry for any trouble.": ["The sign says: Closed. Sorry for any trouble."],
    # yes or no
    "yes": ["Yes", "yes.", "Yes, it is", "YES!", "Yes, no doubt.", "yes, no doubt", "The answer is yes.", "**Yes**"]
    + ["Yes, there is no cat.", "yes it is"],
    "no": ["No", "No, it is not.", "no, not yes", "The answer is no.", "No it isn't", "No, there is no cat."],
    "true": ["True", "It is true."],
    "false": ["False.", "It is false."],
    # letters
    "B": ["B", "b", "(B)", "B.", "B)", "(b)", "**B**", "$B$", r"\boxed{B}", "B,", "Answer: B", "The answer is B"]
    + ["'B'", "‘B’", "“B”", "The answer is 'B'.", "It is ‘B’."]
    + [
        "The answer is B.",
        "The answer is B, a red box.",
        "The answer is (B) green.",
        "B. green",
        "B: green",
        "B) green",
    ]
    + [
        "Option B",
        "I think B",
        "I would choose B.",
        "The correct option is B",
        "The answer is B, not A",
        "Not A. B",
        "A green one, so B",
    ]
    + [
        "B\n\nBecause A is red",
        "the answer is b because a is red",
        "Both A and C are wrong; B",
        "<think>A or B</think>B",
    ]
    + ["The color is green, which fits option B best", "B is right.", "It's B"],
    "C": ["It shows a dog, so C", "Cannot tell, but C", "Based on the video, the answer is C.", "Best answer: C"]
    + ["A dog runs. Answer: C", "During the clip a dog runs, so the answer is C", "C. blue"],
    "D": ["I think it's D", "I'd say D."],
    "A": ["A", "A.", "It is A.", "A is right", "Option A shows it."],
    "a": ["A", "a"],
    "(B) green": ["B", "(B)", "(B) green", "B. green", "green", "Green", "The answer is B."],
    # phrases
    "red": [
        "Red.",
        "red",
        "It is red.",
        "The answer is red",
        "**red**",
        '"red"',
        "Red is the answer.",
        "Red it is.",
        "Red, I think.",
    ]
    + [
        "Well, red.",
        "The square is dark red",
        "It is not blue but red.",
        "Not blue. Red.",
        "red, not blue",
        "Sure! Red.",
    ],
    "Paris": ["paris.", "It is Paris", "PARIS", "It is Paris, of course."],
    "York": ["York", "It is York.", "The York"],
    "cat": ["The cat.", "a cat", "It is a cat."],
    "north face": ["the north face"],
    "the north face": ["north face"],
    "Dr. Pepper": ["dr. pepper", "Dr. Pepper"],
    "john's": ["john\u2019s"],
    "Room 5": ["Room 5", "room 5.", "It is room 5."],
    "v2": ["v2", "It is v2."],
    "5 apples": ["5 apples", "There are 5 apples."],
    "12 people": ["12 people", "It seats 12 people."],
    "N/A": ["N/A", "n/a"],
    "None": ["None", "none."],
    "not applicable": ["Not applicable.", "It is not applicable."],
    "(5)": ["(5)"],
    "<65": ["< 65", "It is <65.", "less than 65", "It is less than 65.", "(<65)", "under 65"],
    ">= 5": ["≥5", ">=5", "at least 5", "≥ 5."],
    "<10%": ["less than 10%", "The share is < 10%."],
    ">$50": ["> $50", "more than $50"],
    "more than 5": [">5", "It is more than 5."],
    "12 Main St, Springfield": ["12 Main St, Springfield.", "The address is 12 Main St, Springfield."],
    # lists
    "red, blue": ["red, blue", "Red and blue", "red; blue", "red & blue", "The colours are red and blue.", "red,blue"]
    + ["[red, blue]"],
    "1,2,3": ["1, 2, 3", "1, 2 and 3", "[1, 2, 3]", "The numbers are 1, 2, 3."],
    "[6, 12]": ["6, 12", "[6, 12]", "6 and 12", "[6.0, 12]"],
    "(1,2)": ["(1, 2)", "(1,2)"],
    "Red, Blue": ["red, blue"],
}

WRONG: dict[str, list[str]] = {
    "yes": ["no", "No, not yes", "no, not yes", "Yes and no", "yes or no", "true", "not yes", "It is hard to say", ""],
    "no": ["yes", "Yes, there is no cat.", "There is no cat.", "Yes. No.", "none"],
    "true": ["false", "not true", "It is not true.", "true or false"],
    "B": ["A", "A or B", "C", "AB", "Not B", "not B", "A, not B", "Because of Brown", "green", "It is hard to say", ""]
    + ["B or C", "I would choose A.", "A. B", "(A) and (B)", "B is wrong", "A green one", "Answer: A\nB"]
    + ["'A'", "'A' or 'B'", "‘A’ and ‘B’", "not 'B'", "It isn't 'B'."],
    "A": ["A green one, so B", "A dog.", "B"],
    "I": ["I think so.", "I cannot read it, maybe A or I"],
    "(B) green": ["A", "red", "B. red", "(A) green", "not green", "green or red"],
    "red": [
        "not red",
        "It is not red.",
        "Red and blue",
        "red or blue",
        "blue, red",
        "red, blue",
        "red/blue",
        "It is coloured",
    ]
    + [
        "reddish",
        "red blue green",
        "either red or blue",
        "It is red. It is blue.",
        "red-haired",
        "The red one is larger",
    ]
    + ["It isn't red", "never red", "neither red nor blue", "blue", "", "the red, the blue", "red, or maybe blue"]
    + ["infrared", "red " * 60, "red. No, blue.", "blue (red)", "instead of red", "red is wrong"],
    "Paris": [
        "It is Paris or London",
        "Paris is London",
        "London is Paris or so",
        "Paris is the capital of France.",
        "Paris, London",
        "not Paris",
        "Parisian",
        "Paris and London",
    ],
    "York": ["New York", "-New York", "It is New York."],
    "centre": ["recentred", "cen tre", "centre street"],
    "123": ["12345", "0.123"],
    "Room 5": ["Room 5.12", "Room 55", "Room 5A", "Bedroom 5", "Room 5-6"],
    "v2": ["v2.1", "v22"],
    "5 apples": ["3.5 apples", "15 apples", "-5 apples", "5", "5 apples or 6 apples", "1,5 apples"]
    + ["<5 apples", "over 5 apples", "It says > 5 apples"],
    "12 people": ["10-12 people", "112 people", "1.12 people"],
    "(5)": ["5", "-5"],
    "<65": [">65", "65", "65 years", "≤65", "more than 65", "not <65", "<65 or >65", "<64, <65", "It is >65.", "-65"],
    "<5": ["5", "more than 5", "at most 5", "<6", "less than 50"],
    "<10%": ["10%", "more than 10%", ">10%", "<10"],
    ">= 5": ["<= 5", ">5", "5", "more than 5"],
    ">$50": ["<$50", "$50", ">50"],
    "$50 fee": ["<$50 fee", "> $50 fee"],
    "24/7": ["24 7"],
    "coca-cola": ["coca cola"],
    "red, blue": ["red", "blue", "blue, red", "red, blue, green", "red or green", "not red, blue"],
    "1,2,3": ["1, 2", "1, 2, 4", "3, 2, 1", "123"],
    "[6, 12]": ["6", "12", "[12, 6]", "100", "(6, 12)"],
    "(1,2)": ["[1, 2]", "1"],
}

CHOICES: list[tuple[str, str, tuple[str, ...], bool]] = [
    ("The answer is B, a red box.", "B", ("A", "B", "C", "D"), True),
    ("It shows a dog, so C", "C", ("A", "B", "C", "D"), True),
    ("I think it's D", "D", tuple("ABCDEFGHI"), True),
    ("A vitamin C tablet, so B", "B", ("A", "B"), True),
    ("B or C", "B", ("A", "B", "C"), False),
    ("I", "I", tuple("ABCDEFGHI"), True),
    ("yes, no doubt", "yes", ("yes", "no"), True),
    ("no", "yes", ("yes", "no"), False),
    ("That's right, left", "left", ("left", "right"), False),
    ("left, not right", "left", ("left", "right"), True),
    ("not left", "left", ("left", "right"), False),
    ("not left but right", "right", ("left", "right"), True),
    ("It is to the left of the star.", "left", ("left", "right"), True),
    ("It moved left and right.", "left", ("left", "right"), False),
    ("left or banana", "left", ("left", "right"), False),
    ("banana or left", "left", ("left", "right"), False),
    ("left, or something else", "left", ("left", "right"), False),
    ("It is not up or down, it is left.", "left", ("left", "up", "down"), True),
    ("1 of 3", "1", ("1", "2", "3"), False),
    ("It is in the top left.", "top left", ("left", "right", "top left"), True),
    ("It is in the top left.", "left", ("left", "right", "top left"), False),
    ("The red circle appeared.", "red circle", ("red circle", "blue star"), True),
    ("The red circle appeared, then the blue star.", "red circle", ("red circle", "blue star"), False),
    ("There are more circles.", "circles", ("circles", "squares", "equal"), True),
    ("Their numbers are equal.", "equal", ("circles", "squares", "equal"), True),
    ("green", "(B) green", ("(A) red", "(B) green"), True),
    ("B. green", "B. Green", ("A. Red", "B. Green"), True),
    ("B", "B. Smith", ("B. Smith", "John Doe"), False),
    ("3.5 kg", "5 kg", ("5 kg", "3.5 kg"), False),
    ("<5", "<5", ("<5", ">5", "5"), True),
    (">5", "<5", ("<5", ">5", "5"), False),
    ("It is less than 5.", "<5", ("<5", ">5", "5"), True),
    ("The answer is >5", "<5", ("<5", ">5", "5"), False),
    ("5", "<5", ("<5", ">5", "5"), False),
]


def rows(table):
    return [(response, reference) for reference, responses in table.items() for response in responses]


@pytest.mark.parametrize(("response", "reference"), rows(RIGHT))
def test_right(response, reference):
    assert is_right(response, reference)


@pytest.mark.parametrize(("response", "reference"), rows(WRONG))
def test_wrong(response, reference):
    assert not is_right(response, reference)


@pytest.mark.parametrize(("response", "reference", "choices", "right"), CHOICES)
def test_between_choices(response, reference, choices, right):
    assert is_right(response, reference, choices) == right


@pytest.mark.parametrize(
    ("said", "answer", "right"),
    [
        ("3", "3", True),
        ("There are 3 squares.", "3", True),
        ("3.0", "3", True),
        ("There are 2 circles and 3 squares.", "3", False),
        ("13", "3", False),
        ("1,250.50", "1250.50", True),
        ("The total is $1,250.50.", "1250.5", True),
        ("Red.", "red", True),
        ("The square is dark red", "red", True),
        ("It is coloured", "red", False),
        ("-4", "4", False),
        ("", "4", False),
        ("left " * 60, "left", False),
    ],
)
def test_right_and_wrong(said, answer, right):
    assert is_right(said, answer) == right


@pytest.mark.parametrize(
    ("said", "answer", "right"),
    [
        ("It is to the left.", "left", True),
        ("Left", "left", True),
        ("It is to the right.", "left", False),
        ("It is left or right.", "left", False),
        ("left right up down", "left", False),
        ("It is in the top left.", "top left", True),
        ("It is in the top left.", "left", False),
        ("It is in the top left, so left.", "top left", False),
        ("It moved upwards.", "up", False),
    ],
)
def test_a_sentence_names_one_of_the_choices(said, answer, right):
    assert is_right(said, answer, ("left", "right", "up", "top left")) == right

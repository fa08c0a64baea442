"""The table of verdicts: what counts as a right answer, by the type of the reference. docs/scoring.md says why."""

# ruff: noqa: RUF005

import pytest

from demiglace.scoring.answer_match import is_right

RIGHT: dict[str, list[str]] = {
    # integers
    "7": [
        "7 or so",
        "7",
        "7.",
        "7.0",
        "7?",
        "+7",
        "seven",
        "Seven.",
        "**7**",
        "`7`",
        "$7$",
        r"\boxed{7}",
        r"$\boxed{7}$",
        "(7)",
    ]
    + ["The answer is 7.", "Answer: 7", "Final answer: **7**", "**Answer:** 7", "<answer>7</answer>", "It is 7."]
    + ["There are 7 apples.", "There are seven squares.", "7 and 7", "seven (7)", "7 apples", "#7", "no. 7", "No. 7"]
    + ["7, as 3 + 4 = 7", "3 + 4 = 7", "3 + 4 = 7, so it is 7.", "x = 7", "7, not 8", "Not 8, 7.", "Not 8. It is 7."]
    + ["It is not 8 but 7.", "7 because 3 and 4 make 7", "There are 3 cats and 4 dogs.\nAnswer: 7", "7 and not 8"]
    + ["<think>8 or 9?</think>7", "The larger one is 7.", "007", "Total:7", "7%", "7 cm", "$7", "about 7", "7th"]
    + ["There is no doubt that it is 7.", "No, it is 7.", "\uff17", "It's 7\u2014no doubt.", "14 / 2 = 7", "7 / 1 = 7"]
    + ["7 or so"],
    "0": ["0", "zero", "0.0", "-0", "There are 0 squares."],
    "1": ["one", "There is one square.", "1 time", "It is 1."],
    "-3": ["\u22123", "-3", "minus 3", "Minus three.", "negative 3", "\u20113", "-3.0", "The change is \u22123."],
    "\u22125": ["-5", "\u22125"],
    "+5": ["5", "+5"],
    "5.": ["5", "5.0"],
    "12": ["12%", "no. 12", "#12", "twelve", "12 kg", "12 dollars", "1.2e1", "a dozen is not it: 12"],
    "21": ["twenty-one", "twenty one", "It is twenty-one."],
    "105": ["one hundred and five", "one hundred five"],
    "100": ["$100.", "100.00", "1e2", "one hundred"],
    "1000": ["1e3", "1,000", "1 000", "1E3", "1 × 10^3", "10^3 = 1000", "1'000", "one thousand", "1 thousand"],
    "1500": ["1.5e3", "1,500", "1.5 × 10^3", "1.5 thousand"],
    "1234": ["1,234", "1 234", "1\u202f234", "1,234,", "1,234.00", "01234"],
    "1,234": ["1234", "1,234"],
    "1234567": ["1,234,567", "1 234 567", "12,34,567"],
    "5000": ["5 000", "5,000"],
    "1500000": ["1.5 million", "1,500,000", "1.5e6"],
    "1.5 million": ["1500000", "1,500,000", "1.5 million"],
    "2019": ["in 2019", "May 2019", "It was in 2019."],
    "12345678901234568": ["12345678901234568", "12,345,678,901,234,568", "12345678901234568.0"],
    "1e3": ["1000", "1,000"],
    "three": ["3", "three"],
    # decimals and fractions
    "0.5": [".5", "0.5", "0.50", "Answer: .5", "1/2", r"\frac{1}{2}", "½", "0,5", "It is .5."],
    "0.75": ["The price is .75", "3/4", ".750"],
    "35.25": ["$35.25", "35.25 USD", "RM35.25", "RM 9.00 + RM 26.25 = RM 35.25", "35,25", "35.250", "€35.25"],
    "1234.50": ["1,234.50", "1.234,50", "1234.5", "1 234.50", "$1,234.50", "1'234.50"],
    "12.5": ["12,5", "12.50", "12.5 kg"],
    "-5.00": ["-RM5.00", "-5", "-$5.00", "$-5.00", "minus 5"],
    "-5": ["-$5.00", "$-5", "-$5", "minus 5", "\u2212$5.00"],
    "3/4": ["3 / 4", "0.75", "¾", r"$\frac{3}{4}$", "6/8", "It is 3/4."],
    "1/2": ["0.5", r"\frac{1}{2}", r"\frac12", "½", "2/4"],
    r"$\frac12$": ["0.5", "1/2"],
    "2 1/2": ["2.5", "2½", "5/2", r"2\frac{1}{2}"],
    # money
    "$35.25": ["$35.25", "$ 35.25", "35.25 dollars", "USD 35.25", "US$35.25", "35.25 USD", "The total is $35.25."],
    "$1,234.50": ["$1234.5", "$1,234.5", "USD 1234.50"],
    "$1234.5": ["$1,234.50"],
    "RM35.25": ["RM 35.25", "RM35.25", "MYR 35.25", "35.25 RM", "The total is RM 35.25.", "rm35.25"],
    "RM 9.00": ["RM9.00", "RM9", "9 ringgit"],
    "$5": ["5 dollars", "$5.00", "five dollars"],
    "€35": ["35 €", "35€", "EUR 35", "35 euros", "35,00 €"],
    "£5": ["5 pounds", "£5.00"],
    "$0.50": ["$.50", "$0.5"],
    "-$5.00": ["$-5.00", "-5 USD", "\u2212$5"],
    "$5M": ["$5 million", "$5,000,000"],
    # per cent
    "12%": ["12 %", "12.0%", "12 percent", "12 per cent", "twelve percent", "The share is 12%.", r"12\%", r"$12\%$"],
    "5%": ["+5%", "5 %", "5.00%"],
    # measures
    "5 cm": ["5cm", "5.0 cm", "5 centimetres", "5 centimeters", "five cm", "It is 5 cm long.", "5 cm, not 5 m"],
    "5cm": ["5 cm", "5.0cm"],
    "5.0 cm": ["5 cm"],
    "5 kg": ["5kg", "5 KG", "5 kilograms", "The bag weighs 5 kg."],
    "20 °C": ["20°C", "20 degrees Celsius"],
    "12 m²": ["12 m2", "12 square metres", "12 m^2"],
    "60 km/h": ["60km/h", "60 km per hour"],
    "3rd": ["3rd", "3RD", "the 3rd"],
    # ranges, times, dates
    "10-12": ["10\u201312", "10-12", "It is 10-12.", "pages 10-12"],
    "12:30": ["12:30", "At 12:30.", "12:30 PM", "12:30pm", "12:30 p.m.", "The time is 12:30"],
    "9:15": ["09:15", "9:15 AM", "It is 9:15 am."],
    "21:15": ["9:15 PM", "21:15"],
    "12:30:15": ["12:30:15", "At 12:30:15."],
    "3 PM": ["3:00 PM", "15:00", "3pm"],
    "2024-03-01": ["2024-03-01", "The date is 2024-03-01.", "1 March 2024", "March 1, 2024", "1st of March 2024"]
    + ["Mar 1, 2024", "2024/03/01", "2024-3-1"],
    "25/12/2018": ["25.12.2018", "25-12-2018", "2018-12-25", "25 Dec 2018", "December 25, 2018", "It is 25/12/2018."],
    "3/1/2024": ["03/01/2024", "3/1/2024", "3-1-2024"],
    "March 1, 2024": ["1 March 2024", "2024-03-01", "It was on March 1, 2024."],
    "25/12/18": ["25/12/18", "25-12-18"],
    "15-JAN-19": ["15 Jan 19", "15-Jan-19"],
    "05/05/2024": ["2024-05-05", "May 5, 2024"],
    "May 2019": ["May 2019", "05/2019", "In May 2019."],
    # identifiers
    "007": ["007", "It is 007.", "Answer: 007"],
    "INV-0012": ["INV-0012", "inv-0012", "The number is INV-0012.", "Invoice INV-0012"],
    "555-1234": ["555-1234", "Call 555-1234."],
    "A12": ["A12", "a12", "It is A12."],
    "20181234567890123": ["20181234567890123"],
    # yes or no
    "yes": ["Yes", "yes.", "Yes, it is", "YES!", "Yes, no doubt.", "yes, no doubt", "The answer is yes.", "**Yes**"]
    + ["Yes, there is no cat.", "yes it is"],
    "no": ["No", "No, it is not.", "no, not yes", "The answer is no.", "No it isn't", "No, there is no cat."],
    "true": ["True", "It is true."],
    "false": ["False.", "It is false."],
    # letters
    "B": ["B", "b", "(B)", "B.", "B)", "(b)", "**B**", "$B$", r"\boxed{B}", "B,", "Answer: B", "The answer is B"]
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
    "7": [
        "7 or red",
        "red or 7",
        "7, or maybe none",
        "",
        " ",
        "8",
        "17",
        "70",
        "7.5",
        "-7",
        "\u22127",
        "minus 7",
        "7 or 8",
        "8 or 7",
        "$7$ or $8$",
        "7/8",
        "7-8",
    ]
    + ["7, 8", "7 8", "not 7", "It is not 7.", "It isn't 7.", "7 is wrong.", "7 is not the answer", "no more than 7"]
    + ["more than 7", "at least 7", "7 or more", "7+", ">7", "less than 7", "nearly 7", "7 and a half", "x7"]
    + ["There are 7 items on 2 pages", "7 apples and 3 pears", "3 + 5 = 7", "7 = 8", "7 = 3 + 5", "A7", "7:30"]
    + [r"\boxed{7} \boxed{8}", r"\boxed{7} or \boxed{8}", r"\boxed{7} or 8", "Answer: 7\nAnswer: 8", "Answer: 7 or 8"]
    + ["7. No, wait, 8.", "7? No.", "7. Wrong.", "It is 7. It is 8.", "Step 1: 3 + 4 = 7. Step 2: 7 + 3 = 10"]
    + [
        "<think>7",
        "<think>7</think>",
        "<think>7</think>8",
        "7²",
        "7\u00bd",
        "seven or eight",
        "seventy",
        "between 6 and 8",
    ]
    + [
        "1, 2, 3, 4, 5, 6, 7",
        "7 dozen",
        "7 thousand",
        "$7M",
        "14/2",
        "neither 7 nor 8",
        "7e1",
        "0.7",
        "7k",
        "7K",
        "7a",
        "7M",
    ]
    + ["7 or red", "red or 7", "7, or maybe none"],
    "5": [".5", "-$5.00", "-5", "Version 1.5", "1.5", "$.5", "5/1", "15", "5.5 cm", "(-5)", "5 million"],
    "50": ["$.50", ".50", "0.50", "1,50"],
    "-3": ["3", "(3)", "not -3", "-3.5"],
    "-5": ["(5)", "5", "5 - 10"],
    "0": ["none", "no", "nothing", "10"],
    "1": ["one or two", "the first", "7 or one"],
    "12": ["10-12", "A-12", "A12", "item-12", "112", "12:00", "1.2", "12.5", "12-15"],
    "3": ["three or four", "thirty", "3.0.1", "1/3"],
    "1000": ["1.000", "1e4", "100", "10000", "1_000"],
    "1234": ["1.234", "12,34", "1,2,3,4", "11,234", "1 2345"],
    "1234567": ["123,4567", "1.234,567"],
    "234": ["1,234", "1 234"],
    "2019": ["2019-05-01", "05/2019", "May 5, 2019", "2020", "2019.5", "2019s"],
    "12345678901234568": ["12345678901234567", "12345678901234568.5"],
    "20181234567890123": ["20181234567890124"],
    "0.5": ["50%", "5", "0.05", "1/3", "0.5.1", "1.5"],
    "0.1": ["10%"],
    "0.333": ["1/3"],
    "1/3": ["0.333", "0.333333"],
    "35.25": ["-35.25", "35.2500001", "35.3", "35", "135.25", "35.25 or 36", "35:25"],
    "12.5": ["125", "12.05", "112.5"],
    "4": ["3/4", "12/3", "4.4"],
    "$35": [
        "RM35$",
        "$35 EUR",
        "$35.25",
        "The total is $35.25.",
        "$350",
        "35",
        "€35",
        "$35,250",
        "35 million",
        "$35k",
        "-$35",
    ],
    "$35.25": ["35.25", "35.250", "€35.25", "RM35.25", "-$35.25", "$35.25 or $36", "A$35.25"],
    "$1,234": ["$1,234.50", "$1"],
    "RM5": ["RM5.90", "5.00", "5"],
    "EUR 35": ["EUR 35.25", "35", "USD 35"],
    "50 EUR": ["1,234.50 EUR", "50"],
    "$1,234.50": ["1,234.50"],
    "12%": ["12", "0.12", "112%", "12.5%", "-12%", "12 points"],
    "5%": ["12.5%", "-5%", "5", "0.05", "15%"],
    "60%": ["50-60%", "6%"],
    "0.12": ["12%", r"12\%"],
    "5 kg": ["3.5 kg", "-5 kg", "5 g", "5", "5 lb", "15 kg", "5 kg or 6 kg", "not 5 kg", "2.5 kg", "5,5 kg"],
    "5 cm": ["5", "5 m", "5 mm", "50 mm", "5.5 cm", "0.05 m"],
    "5 hours": ["2.5 hours", "5 minutes", "5"],
    "4 cup": ["3/4 cup"],
    "5 cup": ["3.5 cup"],
    "3rd": ["3", "4th"],
    "10-12": ["10", "12", "10 or 12", "11-12", "-2", "10-12-13"],
    "12:30": [
        "12:31",
        "12:30:15",
        "112:30",
        "10:12:30",
        "12:30-13:00",
        "12:45",
        "0.4",
        "12:30 AM",
        "12",
        "12.30",
        "1230",
    ],
    "9:15 PM": ["9:15", "9:15 AM", "09:15"],
    "2024-03-01": [
        "2024-01-03",
        "2024",
        "2020",
        "2024-05-09",
        "01/03/2024",
        "03/01/2024",
        "March 2024",
        "2024-03-01 or 02",
    ],
    "2024-10-11": ["2003", "2024-11-10"],
    "12/03/2024": ["03/12/2024", "2024-03-12", "2024-12-03", "12", "12/03/2023"],
    "03/2024": ["12/03/2024", "04/2024", "03/2025"],
    "25/12/18": ["25/12/2018", "2018-12-25", "25/12/19"],
    "15-JAN-19": ["15 January 2019", "15-JAN-20"],
    "01/02/2024": ["01/05/1999", "1"],
    "May 2019": ["2019", "May 2018", "June 2019"],
    "007": ["7", "07", "0007", "007 or 008"],
    "A12": ["12", "A-12", "A13", "A120"],
    "INV-0012": ["INV-0013", "0012", "INV-0012 or INV-0013"],
    "555-1234": ["-679", "555-1235", "(012) 555-1234"],
    "yes": ["no", "No, not yes", "no, not yes", "Yes and no", "yes or no", "true", "not yes", "It is hard to say", ""],
    "no": ["yes", "Yes, there is no cat.", "There is no cat.", "Yes. No.", "none"],
    "true": ["false", "not true", "It is not true.", "true or false"],
    "B": ["A", "A or B", "C", "AB", "Not B", "not B", "A, not B", "Because of Brown", "green", "It is hard to say", ""]
    + ["B or C", "I would choose A.", "A. B", "(A) and (B)", "B is wrong", "A green one", "Answer: A\nB"],
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
    "5 apples": ["3.5 apples", "15 apples", "-5 apples", "5", "5 apples or 6 apples", "1,5 apples"],
    "12 people": ["10-12 people", "112 people", "1.12 people"],
    "(5)": ["5", "-5"],
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

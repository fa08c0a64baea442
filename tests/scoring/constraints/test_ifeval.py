"""Every instruction of IFEval: a text that follows it and one that does not; ids and arguments that are not known."""

import sys
import types

import pytest

from demiglace.scoring.constraints.ifeval import INSTRUCTIONS, LANGUAGE, IfevalInstruction

AT_LEAST, LESS = "at least", "less than"
CASES = [
    ("keywords:existence", {"keywords": ["sea", "C++"]}, "Overseas we like c++", "The sea"),
    ("keywords:frequency", {"keyword": "sea", "relation": AT_LEAST, "frequency": 2}, "sea, seal", "sea"),
    ("keywords:frequency", {"keyword": "sea", "relation": LESS, "frequency": 2}, "sea", "sea, SEA"),
    ("keywords:forbidden_words", {"forbidden_words": ["sea"]}, "Overseas", "The Sea"),
    ("keywords:letter_frequency", {"letter": "e", "let_relation": AT_LEAST, "let_frequency": 3}, "EeE", "ee"),
    ("keywords:letter_frequency", {"letter": "#", "let_relation": AT_LEAST, "let_frequency": 2}, "# #", "#"),
    ("keywords:letter_frequency", {"letter": "e", "let_relation": LESS, "let_frequency": 1}, "sky", "sea"),
    ("length_constraints:number_sentences", {"relation": AT_LEAST, "num_sentences": 2}, "One. Two.", "One"),
    ("length_constraints:number_words", {"relation": AT_LEAST, "num_words": 2}, "don't", "dont"),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb\n***", "a\n\nb"),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a *** b", "a *** *** b"),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "So"},
        "a\n\n\"so, it's", "a\n\nand so",
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "so"},
        "So", "a\n\nb",
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and [b]", "[a] b"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "a\np. s. b", "a\nPS b"),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "P.P.S b", "P.S. b"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n  - b", "* a\n**b**\n+ c"),
    ("detectable_format:constrained_response", {}, "My answer is no. Sorry.", "No."),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and *b*", "*a* b **"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1\na\nSection 2", "Section 1\nSECTION 2",
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "a: 1"),
    ("detectable_format:title", {}, "<<Joy>>\nText", "<< >>"),
    ("combination:two_responses", {}, "a\n******\nb", "a\n******\na"),
    ("combination:two_responses", {}, "******a******b", "a******b******c"),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Why?"}, "why? So.", "So. Why?"),
    ("startend:end_checker", {"end_phrase": "That is all."}, '"so. that is all."', "That is all. Bye"),
    ("startend:quotation", {}, '"a"', '"a'),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": AT_LEAST, "capital_frequency": 2},
        "I saw NASA", "I saw",
    ),
    ("change_case:english_capital", {}, "ALL OF IT", "ALL Of it"),
    ("change_case:english_lowercase", {}, "all of it", "All of it"),
    ("punctuation:no_comma", {}, "a; b", "a, b"),
]  # fmt: skip


@pytest.mark.parametrize(("id_", "arguments", "good", "bad"), CASES, ids=[case[0] for case in CASES])
def test_instructions(id_: str, arguments: dict[str, object], good: str, bad: str) -> None:
    instruction = IfevalInstruction(id_, arguments)
    assert instruction.is_met_by(good)
    assert not instruction.is_met_by(bad)


def test_every_instruction_has_a_case() -> None:
    assert {id_ for id_, *_ in CASES} == INSTRUCTIONS.keys() - {LANGUAGE}
    assert len(INSTRUCTIONS) == 25


def test_arguments_without_a_value_are_left_out_and_tables_with_gaps_are_read() -> None:
    given = {"num_bullets": 2.0, "relation": None, "keywords": None}
    assert IfevalInstruction("detectable_format:number_bullet_lists", given).arguments == {"num_bullets": 2}


@pytest.mark.parametrize(
    ("id_", "arguments", "told"),
    [
        ("punctuation:no_coma", {}, "'punctuation:no_coma'; similar: punctuation:no_comma"),
        ("punctuation:no_comma", {"num_words": 3}, "takes no argument, not num_words"),
        ("startend:end_checker", {}, "startend:end_checker: end_phrase is missing"),
        ("detectable_format:number_bullet_lists", {"num_bullets": 0}, "a whole number from 1 to 1000000, got 0"),
        ("detectable_format:number_bullet_lists", {"num_bullets": 2.5}, "must be a whole number .*, got 2.5"),
        ("length_constraints:number_words", {"relation": "at most", "num_words": 3}, "one of less than, at least"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_told_and_never_counts(id_: str, arguments: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        IfevalInstruction(id_, arguments)


def test_a_language_needs_a_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langdetect", None)
    with pytest.raises(ValueError, match="pip install langdetect"):
        IfevalInstruction(LANGUAGE, {"language": "de"})


def test_the_detector_is_seeded_and_what_it_cannot_tell_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unclear(Exception):
        pass

    def detect(text: str) -> str:
        if not any(map(str.isalpha, text)):
            raise Unclear
        return "de" if "ist" in text else "en"

    factory = types.SimpleNamespace(seed=None)
    detector = types.SimpleNamespace(DetectorFactory=factory, detect=detect, LangDetectException=Unclear)
    monkeypatch.setitem(sys.modules, "langdetect", detector)
    instruction = IfevalInstruction(LANGUAGE, {"language": "de"})
    assert [instruction.is_met_by(text) for text in ("Es ist", "It is", "123")] == [True, False, True]
    assert factory.seed == 0

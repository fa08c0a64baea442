"""What IFEval's checks say, as lm-eval carries them: `tests/scoring/constraints/lm_eval_verdicts.jsonl`.

    pip install lm-eval==0.4.13 langdetect==1.0.9 immutabledict nltk
    python tests/golden/make_ifeval_verdicts.py tests/scoring/constraints/lm_eval_verdicts.jsonl

A line is an instruction, its arguments, a text, and lm-eval's strict and loose verdict on it. Left out are the kinds in
which ours depart by intention (docs/scoring.md): sentences, words in capitals, languages, and both cases, whose
language lm-eval guesses. No text begins with blank lines, which ours strips. Run on 29 November 2026.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

EACH = 12  # of an instruction and its arguments; as many that are followed as that are not, where there are
TEXTS = (
    "The sea is calm.",
    "the sea, the sea, the SEA and overseas",
    "don't look at the well-known 3.5 km_h sign",
    "* red\n* green\n- blue",
    "  * red\n\t- green\n+ blue\n• grey",
    "**Bold** and *light* and ** and *a*b*",
    "- - -\n---\n* * *",
    "First\n\nSecond\n\nThird",
    "First\n\n\n\nThird",
    "'First, of all'\n\n\"Second\" one",
    "First\n***\nSecond\n***\nThird",
    "***\nFirst***Second\n***",
    "First\n***\n***\nSecond",
    "Yes [name], see [address] and [x]\n[over\nlines]",
    "So it is.\nP.S. Thanks",
    "So it is.\n\np. p. s. thanks",
    "PS: none\np.s none",
    "My answer is yes.",
    "Sure, here:\nMy answer is maybe. Bye",
    "my answer is no.",
    "Section 1\nred\nSection 2\ngreen\nSECTION 3",
    "Section1 Section2 Sections 3",
    '{"a": 1}',
    '```json\n{"a": [1, 2]}\n```',
    '```\n"red"\n``` ',
    "Here:\n```json\n{}\n```",
    "[1, 2",
    "<<The sea>>\nIt is calm",
    "<< >> << x",
    "<<<a>>>",
    "one\n******\ntwo",
    "one******one",
    "******one******two******",
    "one******two******three",
    "Why is the sea blue? So it is.",
    "  why is the SEA blue?",
    "So. Why is the sea blue?",
    '"That is all."',
    "and that is all.",
    "That is all. Bye",
    'A "quoted" text"',
    '"',
    '"quoted" and "quoted"',
    "a; b: c",
    "Sure:\na, b\nc",
    "eerie Éé seas",
    "Sure!\n* red\n* green\nBye",
    "12 1,000 हिन्दी 你好 x",
)
ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("keywords:existence", {"keywords": ["sea"]}),
    ("keywords:existence", {"keywords": ["sea", "calm"]}),
    ("keywords:frequency", {"keyword": "sea", "relation": "at least", "frequency": 3}),
    ("keywords:frequency", {"keyword": "sea", "relation": "less than", "frequency": 1}),
    ("keywords:forbidden_words", {"forbidden_words": ["sea", "red"]}),
    ("keywords:letter_frequency", {"letter": "e", "let_relation": "at least", "let_frequency": 3}),
    ("keywords:letter_frequency", {"letter": "S", "let_relation": "less than", "let_frequency": 2}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 3}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}),
    ("length_constraints:number_words", {"num_words": 9, "relation": "at least"}),
    ("length_constraints:number_words", {"num_words": 4, "relation": "less than"}),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "first"},
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "Second"},
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 3}),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}),
    ("detectable_format:number_bullet_lists", {"num_bullets": 3}),
    ("detectable_format:constrained_response", {}),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}),
    ("detectable_format:multiple_sections", {"section_spliter": "Section", "num_sections": 2}),
    ("detectable_format:json_format", {}),
    ("detectable_format:title", {}),
    ("combination:two_responses", {}),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Why is the sea blue?"}),
    ("startend:end_checker", {"end_phrase": "That is all."}),
    ("startend:quotation", {}),
    ("punctuation:no_comma", {}),
)


def main() -> None:
    from lm_eval.tasks.ifeval.utils import (  # type: ignore[import-not-found]  # in an environment of its own
        InputExample,
        test_instruction_following_loose,
        test_instruction_following_strict,
    )

    lines = []
    for id_, arguments in ASKED:
        found = defaultdict[tuple[bool, bool], list[str]](list)
        for text in TEXTS:
            example = InputExample(0, [id_], "", [arguments])
            strict = test_instruction_following_strict(example, text).follow_all_instructions
            loose = test_instruction_following_loose(example, text).follow_all_instructions
            record = {"id": id_, "arguments": arguments, "text": text, "strict": strict, "loose": loose}
            found[strict, loose].append(json.dumps(record, ensure_ascii=False))
        lines += [line for own in found.values() for line in own[:EACH]]
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

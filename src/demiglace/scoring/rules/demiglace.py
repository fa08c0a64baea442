"""Our rules: docs/scoring.md. No answer is picked at random; a response without a clear answer is unreadable."""

from __future__ import annotations

from collections.abc import Mapping

from demiglace.scoring.families.chair import score_objects
from demiglace.scoring.families.constraints import score_constraints, score_constraints_loosely
from demiglace.scoring.families.containment import score_contained, score_formula_contained
from demiglace.scoring.families.edit_distance import score_anls, score_text
from demiglace.scoring.families.multiple_choice import score_choice
from demiglace.scoring.families.page import score_page_formulas, score_page_order, score_page_tables, score_page_text
from demiglace.scoring.families.relaxed_number import score_relaxed_number
from demiglace.scoring.families.rounded_number import score_rounded_number
from demiglace.scoring.families.short_answer import score_short_answer
from demiglace.scoring.families.tables import score_table, score_table_structure
from demiglace.scoring.families.vqa_accuracy import score_vqa
from demiglace.scoring.families.yes_no import score_yes_no
from demiglace.scoring.rules.family import Family
from demiglace.scoring.verdict import Scorer

DEMIGLACE: Mapping[Family, Scorer] = {
    "choice": score_choice,
    "choice of MMMU": score_choice,
    "open question of MMMU": score_short_answer,
    "choice of a video": score_choice,
    "yes or no": score_yes_no,
    "yes or no of POPE": score_yes_no,
    "short answer": score_short_answer,
    "relaxed number": score_relaxed_number,
    "rounded number": score_rounded_number,
    "ANLS": score_anls,
    "VQA accuracy": score_vqa,
    "contained text": score_contained,
    "contained formula": score_formula_contained,
    "text": score_text,
    "page text": score_page_text,
    "page order": score_page_order,
    "page tables": score_page_tables,
    "page formulas": score_page_formulas,
    "table": score_table,
    "table structure": score_table_structure,
    "constraints": score_constraints,
    "constraints, loosely": score_constraints_loosely,
    "named objects": score_objects,
}

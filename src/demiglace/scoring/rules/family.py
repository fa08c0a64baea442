"""Families of benchmarks that are scored alike, by name."""

from __future__ import annotations

from typing import Literal

Family = Literal[
    "choice",  # pictures: MMBench, MMStar, AI2D
    "choice of MMMU",  # kits have a separate rule for it
    "open question of MMMU",
    "choice of a video",  # Video-MME, MLVU, LVBench, MotionBench
    "yes or no",  # MME, HallusionBench
    "yes or no of POPE",
    "short answer",  # right or wrong by type: drawn questions, easy-vqa, mathematics
    "relaxed number",  # ChartQA
    "rounded number",  # MathVista: numbers with decimals
    "ANLS",  # DocVQA, InfographicVQA
    "VQA accuracy",  # TextVQA, VQAv2: the answers of ten people
    "contained text",  # OCRBench
    "contained formula",  # OCRBench: handwritten mathematics
    "text",  # of a line or page, verbatim
    "page text",  # OmniDocBench: a page in Markdown, paragraphs matched
    "page order",  # OmniDocBench: the order of the paragraphs
    "page tables",  # OmniDocBench: TEDS of all tables of a page
    "page formulas",  # OmniDocBench: edits of the source of formulas on lines of their own
    "table",  # TEDS, of a table in HTML or Markdown
    "table structure",  # TEDS without the text of cells
    "constraints",  # instructions, IFEval: all must be met
    "constraints, loosely",  # with IFEval's leniency
    "named objects",  # ObjHalBench: no object that is not in the picture
]

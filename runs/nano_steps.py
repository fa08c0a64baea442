"""The steps of `runs/nano.py`: what was run to make the weights that ship, in order, with what it took and brought."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = ROOT / "runs" / "documents"  # where the mixtures look for it


@dataclass(frozen=True)
class Step:
    """words: of the command, in which {NAME} is the model of an earlier step. expected: what was measured after it;
    a loss is the mean of the last five lines of its run in `experiments`. Empty for averages that were not measured.

    heads: the step whose heads are lent to a model that was fine-tuned or averaged, and has none beside it.
    """

    name: str
    minutes: float
    words: str
    expected: str = ""
    heads: str = "reader"


READ = f"--documents {DOCUMENTS / 'train'}"
SFT = "sft experiments/nano/{}.toml --preset nano"
SEEING_SFT = "sft experiments/seeing/{}.toml --preset nano --sample-power 0.25"
JOINT = "joint experiments/seeing/{}.toml"
WIDE = (
    "rl experiments/hybrid_rl/wide.toml --preset nano --start {short} --long-share 0.5 --prompts 32 --lr 5e-5"
    " --short-limit 64 --long-limit 160 --seed 0 --dtype float32"
)
STEPS = (
    Step("first", 105, "train nano", "CER of clean lines in unseen fonts .130"),
    Step("more", 126, f"train nano --seed 1 --start {{first}} {READ}", "the same .060"),
    Step("reader", 86, f"train nano --seed 2 --start {{more}} {READ}", "the same .053; nano-reader"),
    Step("questions", 100, f"{SFT.format('sft')} --start {{reader}} --steps 450,300", "14 of 24 questions on scenes"),
    Step("half", 0, "average {reader} {questions} --share 0.5", "CER of degraded lines .056"),
    Step("kept", 18, f"{SFT.format('sft_reading_kept')} --start {{half}} --steps 152,0", "loss .39"),
    Step("seen", 13, f"train nano --seed 3 --start {{kept}} {READ} --stages colours", "97 % of patches by colour"),
    Step("scenes", 14, f"{SFT.format('sft_reading_kept')} --start {{seen}} --steps 117,0", "loss .32"),
    Step("mixed", 12, f"{SFT.format('sft_colours')} --start {{scenes}} --steps 0,87 --long-lr 8e-4", "loss .30"),
    Step(
        "names", 12,
        f"{SFT.format('sft_names_of_colours')} --start {{mixed}} --steps 0,120 --long-lr 1.2e-3 --min-lr 4e-4",
        "loss .15",
    ),
    Step(
        "colours", 19, f"{SFT.format('sft_colours')} --start {{names}} --steps 0,180 --long-lr 8e-4",
        "10 of 24 questions on colours, CER .118",
    ),
    Step("less", 0, "average {reader} {colours} --share 0.8"),
    Step(
        "calm", 8,
        f"{SFT.format('sft_colours')} --start {{less}} --seed 1 --steps 0,60 --long-lr 5e-4 --min-lr 5e-5", "CER .091",
    ),
    Step("coloured", 0, "average {colours} {calm} --share 0.5", "colours 9 of 24, flashes 17 of 24, CER .099"),
    Step(
        "slips", 34, f"{SFT.format('sft_slips')} --start {{coloured}} --steps 301,0 --lr 1e-3 --min-lr 1e-4",
        "0 of 24 totals",
    ),
    Step(
        "digits", 49, f"{SFT.format('sft_slips')} --start {{slips}} --steps 430,0 --lr 9e-4 --min-lr 5e-5 --seed 1",
        "9 of 40 totals",
    ),
    Step(
        "totals", 23,
        f"{SFT.format('sft_slips_last')} --start {{digits}} --steps 200,0 --lr 7e-4 --min-lr 3e-5 --seed 2",
        "55 of 100 totals, CER .139",
    ),
    Step("receipts", 0, "average {digits} {totals} --share 0.6", "51 of 100 totals, CER .108"),
    Step(
        "everything", 69,
        f"{SFT.format('sft_everything')} --start {{totals}} --steps 520,0 --lr 9e-4 --min-lr 3e-5 --seed 3",
        "36 of 60 totals, CER .093",
    ),
    Step("most", 0, "average {receipts} {everything} --share 0.75", "35 of 60 totals, CER .089"),
    Step(
        "all", 12,
        f"{SFT.format('sft_everything_last')} --start {{most}} --steps 90,0 --lr 6e-4 --min-lr 2e-5 --seed 4",
        "colours 21 of 40, flashed text 35 of 40, CER .093",
    ),
    Step(
        "direction", 10, f"{SFT.format('sft_direction')} --start {{all}} --steps 61,0 --lr 1e-3 --min-lr 3e-4 --seed 5",
        "24 of 40 directions",
    ),
    Step("moving", 0, "average {all} {direction} --share 0.5", "11 of 24 directions"),
    Step(
        "motion", 49,
        f"{SFT.format('sft_motion')} --start {{moving}} --steps 290,0 --lr 9e-4 --min-lr 3e-5 --seed 6"
        " --sample-power 0.25",
        "19 of 40 directions, CER .120",
    ),
    Step(
        "answers", 0, "average {all} {motion} --share 0.75",
        "39 of 60 totals, flashes 26 of 40, flashed text 36 of 40, CER .099",
    ),
    Step("forms", 22, f"shapes {{answers}} {READ} --steps 260", "75 % of patches by form", heads="seen"),
    Step(
        "bulk", 21,
        f"{SEEING_SFT.format('bulk_general')} --start {{forms}} --steps 325,0 --lr 1.2e-3 --min-lr 1e-4 --seed 31"
        " --batch-rows 12 --micro-batch-rows 6",
        "forms 48 %, colours 42 %",
    ),
    Step(
        "tokens", 15, f"shapes {{bulk}} {READ} --steps 252 --batch 24 --lr 1.5e-3 --seed 31",
        "35 % of visual tokens by form", heads="forms",
    ),
    Step(
        "shapes", 18,
        f"{JOINT.format('bulk_general')} {{tokens}} --steps 219 --lr 1.2e-3 --rows 10 --pictures 40"
        " --seed 33",
        "forms 59 %, colours 62 %",
    ),
    Step(
        "presence", 6,
        f"{JOINT.format('presence')} {{shapes}} --steps 97 --lr 1.2e-3 --min-lr 2e-4 --rows 8 --pictures 16 --seed 34",
        "whether a shape is there, 62 %",
    ),
    Step(
        "several", 18,
        f"{JOINT.format('presence')} {{presence}} --steps 300 --lr 6e-4 --rows 8 --pictures 16"
        " --seed 35",
        "the same among several shapes 79 %",
    ),
    Step(
        "claims", 8, f"{JOINT.format('claims')} {{several}} --steps 190 --lr 7e-4 --rows 8 --pictures 12 --seed 36",
        "the same 85 %, in all wordings 58 %",
    ),
    Step(
        "wordings", 29,
        f"{JOINT.format('claims')} {{claims}} --steps 300 --lr 9e-4 --min-lr 2e-4 --rows 10 --pictures 12 --seed 37",
        "in all wordings 79 %",
    ),
    Step(
        "mixture", 28,
        f"{SEEING_SFT.format('everything')} --start {{wordings}} --steps 0,400 --long-lr 9e-4 --min-lr 3e-5"
        " --seed 38",
        "easy-VQA 75 %, flashed text 1 of 24",
    ),
    Step("both", 0, "average {answers} {mixture} --share 0.5", "flashed text 6 of 10"),
    Step(
        "again", 9,
        f"{JOINT.format('again')} {{both}} --steps 150 --lr 9e-4 --min-lr 4e-4 --rows 8 --pictures 8"
        " --seed 39",
        "loss 1.06", heads="wordings",
    ),
    Step(
        "restored", 14,
        f"{SEEING_SFT.format('everything_last')} --start {{again}} --steps 0,330 --long-lr 9e-4 --min-lr 3e-5"
        " --seed 40",
        "easy-VQA 67 %, flashed text 16 of 24",
    ),
    Step("mean", 0, "average {mixture} {restored} --share 0.65"),
    Step(
        "balanced", 13,
        f"{SEEING_SFT.format('both')} --start {{mean}} --steps 0,330 --long-lr 7e-4 --min-lr 2e-5"
        " --seed 41",
        "easy-VQA 67 %, flashed text 17 of 24",
    ),
    Step(
        "longer", 11,
        f"{SEEING_SFT.format('both')} --start {{balanced}} --steps 0,300 --long-lr 6e-4 --min-lr 2e-5"
        " --seed 42",
        "easy-VQA 79 %, flashed text 16 of 24",
    ),
    Step("reminded", 0, "average {longer} {answers} --share 0.15"),
    Step(
        "seeing", 14,
        f"{SEEING_SFT.format('everything_last')} --start {{reminded}} --steps 0,380 --long-lr 6e-4 --min-lr 2e-5"
        " --seed 43",
        "easy-VQA 77 %, flashed text 18 of 24",
    ),
    Step("reading", 0, "average {seeing} {answers} --share 0.2", "easy-VQA 64 %, flashed text 20 of 24"),
    Step(
        "along", 11,
        f"{JOINT.format('again')} {{reading}} --steps 220 --lr 7e-4 --min-lr 3e-4 --rows 8 --pictures 8"
        " --seed 50",
        "easy-VQA 77 %, flashed text 0 of 24", heads="again",
    ),
    Step("halfway", 0, "average {along} {reading} --share 0.5", "easy-VQA 70 %, flashed text 16 of 24"),
    Step(
        "last", 18,
        f"{SEEING_SFT.format('last')} --start {{halfway}} --steps 0,420 --long-lr 5e-4 --min-lr 1e-5"
        " --seed 52",
        "easy-VQA 68 %, flashed text 20 of 24",
    ),
    Step(
        "sees", 0, "average {last} {reading} --share 0.3",
        "easy-VQA 69 %, colours 22 of 24, flashed text 22 of 24, clean lines CER .043",
    ),
    Step(
        "reinforced", 17,
        "rl experiments/seeing/rl_clips.toml --preset nano --start {sees} --long-share 0.125 --prompts 48 --steps 120"
        " --short-limit 112 --long-limit 160 --seed 63",
        "easy-VQA 82 %, flashes 10 of 24",
    ),
    Step(
        "short", 0, "average {sees} {reinforced} --share 0.5",
        "easy-VQA 80 %, order 16 of 24, flashes 14 of 24, clean lines CER .043",
    ),
    Step("wide252", 80, f"{WIDE} --steps 252", "long answers to 13 kinds 46 %, before 35 %"),
    Step("wide300", 95, f"{WIDE} --steps 300", "the same 44 %"),
    Step("wide359", 114, f"{WIDE} --steps 359", "the same 45 %"),
    Step("wide276", 0, "average {wide252} {wide300} --share 0.5"),
    Step("wide", 0, "average {wide276} {wide359} --share 0.3333", "easy-VQA 62 %"),
    Step("middle", 0, "average {short} {wide} --share 0.5", "easy-VQA 65 %"),
    Step(
        "modes", 28,
        "rl experiments/hybrid_rl/both_modes.toml --preset nano --start {middle} --long-share 0.5 --prompts 36"
        " --steps 130 --lr 6e-5 --short-limit 112 --long-limit 160 --seed 71",
        "easy-VQA 72 %, long answers to 17 kinds 42 %",
    ),
    Step(
        "nano", 0, "average {short} {modes} --share 0.35",
        "easy-VQA 80 %, long answers to 17 kinds 35 %, clean lines CER .043; what ships",
    ),
)  # fmt: skip

"""Pairs as tests make them up, and records of a user's own pairs on disk."""

import json
from dataclasses import dataclass

import PIL.Image

from demiglace.conversation import Image, Message, Text
from demiglace.records.preferences import Preference
from demiglace.rl.claim_verdict import ClaimVerdict
from demiglace.rl.claims import AtomicClaim
from demiglace.rl.judged_answers import JudgedAnswer, JudgedAnswers, JudgedClaim

COLOURS = ("red", "green", "blue", "yellow", "black")


def preference(number):
    """Asks about a picture of one colour; the answers differ in length."""
    colour, other = COLOURS[number % 5], COLOURS[(number + 2) % 5]
    messages = (Message("user", (Image(PIL.Image.new("RGB", (60, 40), colour)), Text("Which colour?"))),)
    return Preference(messages, f"It is {colour}.", f"I see {other}, and more." if number % 2 else other, False)


def write_pairs(folder, count=6):
    """A file of pairs with their pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(count):
        colour, other = COLOURS[number % 5], COLOURS[(number + 2) % 5]
        PIL.Image.new("RGB", (60, 40), colour).save(folder / f"{number}.png")
        line = {"question": "Which colour?", "chosen": f"It is {colour}.", "rejected": f"It is {other}, no?"}
        lines.append(json.dumps(line | {"image": f"{number}.png"}))
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "pairs.jsonl"


def judged_answer(text, *verdicts, num_tokens=None, problem=""):
    """verdicts: yes and no of each claim."""
    claims = (JudgedClaim(AtomicClaim(f"{text} {n}.", f"Is it {n}?"), ClaimVerdict(*v)) for n, v in enumerate(verdicts))
    return JudgedAnswer(text, num_tokens or len(text), tuple(claims), problem)


def judged(*answers, prompt_id=0):
    return JudgedAnswers(prompt_id, "pictures", "short", "Which colour?", answers)


@dataclass
class LikeColour:
    """A verifier that rejects claims without this word, and counts what it is asked."""

    word: str
    num_asked: int = 0

    def verdicts(self, asked):
        self.num_asked += len(asked)
        texts = [conversation.messages[-1].content[-1].text for conversation in asked]
        return [ClaimVerdict(1.0, 0.0) if self.word in text else ClaimVerdict(0.0, 1.0) for text in texts]

"""Answers and groups as tests make them up."""

from demiglace.rl.rollout import Group, Rollout
from demiglace.scoring.question import Question

COLOUR = Question("colour", "Which colour?", "red", "It is red.", choices=("red", "green", "blue"))


def rollout(response, mode="short", stopped_by="end", tokens=(1, 2), prompt_id=0):
    return Rollout(prompt_id, mode, tuple(tokens), (-0.5,) * len(tokens), 0, stopped_by, response)


def group(*responses, question=COLOUR, mode="short", domain="colours"):
    made = [one if isinstance(one, Rollout) else rollout(one, mode) for one in responses]
    return Group(question, tuple(made), domain)

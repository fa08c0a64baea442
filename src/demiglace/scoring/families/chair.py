"""CHAIR (Rohrbach et al., 2018): the share of objects named in captions that are not in the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from demiglace.scoring.phrasing.notation import one_notation, squeezed
from demiglace.scoring.phrasing.phrases import occurrence
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict


@dataclass(frozen=True)
class NamedObjects:
    """The objects that one caption names, with repetitions; `absent` are those not in the picture."""

    named: tuple[str, ...]
    absent: tuple[str, ...]
    present: frozenset[str]


@dataclass(frozen=True)
class Chair:
    """Shares, each None if the total is 0.

    instance: absent objects among all named ones (CHAIR_i). sentence: captions that name an absent object (CHAIR_s).
    recall: objects of the pictures that their captions name.
    """

    instance: float | None
    sentence: float | None
    recall: float | None


def named_objects(caption: str, present: Iterable[str], synonyms: Mapping[str, Sequence[str]]) -> NamedObjects:
    """Objects that a caption names, as whole words, singular or with -s or -es; the longest name at each place.

    present: objects of the picture. synonyms: object -> its names; "hot dog" hides the "dog" in it.
    Raises ValueError if the picture has an object without names.
    """
    inside = frozenset(present)
    if unknown := inside - synonyms.keys():
        raise ValueError(
            f"no names are given for {', '.join(sorted(unknown))}, of {len(inside)} objects in the picture"
        )
    owners = {
        form: owner for owner, names in synonyms.items() for name in names if name.strip() for form in _forms(name)
    }
    found = occurrence(list(owners)).finditer(squeezed(one_notation(caption))) if owners else ()
    named = tuple(owners[place.group()] for place in found)
    return NamedObjects(named, tuple(name for name in named if name not in inside), inside)


def objects_said(response: str, expected: Expected) -> NamedObjects:
    """The objects that a response names after its reasoning. In `expected`, the answers are the objects of the picture,
    and the choices are all objects with their names, separated by commas.
    """
    synonyms = {owner: names.split(", ") for owner, names in expected.choices.items()}
    return named_objects(response.rpartition("</think>")[2], expected.answers, synonyms)


def score_objects(response: str, expected: Expected) -> Verdict:
    """1 if a response names no object that is not in the picture, else 0; unreadable if it is empty."""
    if not response.rpartition("</think>")[2].strip():
        return UNREADABLE
    absent = objects_said(response, expected).absent
    return Verdict(float(not absent), ", ".join(dict.fromkeys(absent)))


def chair(captions: Sequence[NamedObjects]) -> Chair:
    """CHAIR over all captions; an empty caption names nothing, and lowers only recall."""
    named = sum(len(caption.named) for caption in captions)
    absent = sum(len(caption.absent) for caption in captions)
    present = sum(len(caption.present) for caption in captions)
    recalled = sum(len(caption.present & set(caption.named)) for caption in captions)
    return Chair(
        instance=absent / named if named else None,
        sentence=sum(bool(caption.absent) for caption in captions) / len(captions) if captions else None,
        recall=recalled / present if present else None,
    )


def _forms(name: str) -> tuple[str, ...]:
    plain = squeezed(name)
    return plain, f"{plain}s", f"{plain}es"

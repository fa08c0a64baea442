"""CHAIR (Rohrbach et al., 2018): how many of the objects that captions name are not in the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from demiglace.scoring.phrasing.notation import one_notation, squeezed
from demiglace.scoring.phrasing.phrases import occurrence
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict


@dataclass(frozen=True)
class NamedObjects:
    """The objects that one caption names, each time that it names them; `absent` are those not in the picture."""

    named: tuple[str, ...]
    absent: tuple[str, ...]
    present: frozenset[str]


@dataclass(frozen=True)
class Chair:
    """Shares, each None where there is nothing to take a share of.

    instance: absent objects among all that are named (CHAIR_i). sentence: captions that name an absent one (CHAIR_s).
    recall: objects of the pictures that their captions name.
    """

    instance: float | None
    sentence: float | None
    recall: float | None


def named_objects(caption: str, present: Iterable[str], synonyms: Mapping[str, Sequence[str]]) -> NamedObjects:
    """What a caption names, as whole words, in the singular or with -s or -es; the longest name at each place.

    present: objects of the picture. synonyms: object -> its names, of which "hot dog" hides the "dog" inside it.
    Raises ValueError where the picture has an object without names.
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
    return NamedObjects(named, tuple(one for one in named if one not in inside), inside)


def objects_said(response: str, expected: Expected) -> NamedObjects:
    """What a response names after its reasoning. The answers are the objects of the picture, the choices all objects,
    each with its names, a comma between them.
    """
    synonyms = {owner: names.split(", ") for owner, names in expected.choices.items()}
    return named_objects(response.rpartition("</think>")[2], expected.answers, synonyms)


def score_objects(response: str, expected: Expected) -> Verdict:
    """1 where a response names no object that is not in the picture, else 0; unreadable where it is empty."""
    if not response.rpartition("</think>")[2].strip():
        return UNREADABLE
    absent = objects_said(response, expected).absent
    return Verdict(float(not absent), ", ".join(dict.fromkeys(absent)))


def chair(captions: Sequence[NamedObjects]) -> Chair:
    """Over all captions; an empty caption names nothing, and lowers recall alone."""
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

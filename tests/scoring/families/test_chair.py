import pytest

from demiglace.scoring.families.chair import Chair, chair, named_objects

SYNONYMS = {
    "dog": ("dog", "puppy"),
    "hot dog": ("hot dog",),
    "person": ("person", "man", "woman", "people"),
    "bus": ("bus",),
    "dining table": ("dining table", "table"),
}


@pytest.mark.parametrize(
    ("caption", "named"),
    [
        ("A puppy and two dogs beside a Man.", ("dog", "dog", "person")),
        ("He eats hot dogs at the dining table.", ("hot dog", "dining table")),
        ("Buses, a doghouse and a tablet.", ("bus",)),
        ("", ()),
    ],
)
def test_objects_are_named_by_whole_words(caption: str, named: tuple[str, ...]) -> None:
    assert named_objects(caption, (), SYNONYMS).named == named


def test_chair() -> None:
    captions = [
        named_objects("A dog, a puppy and a bus.", ["dog", "person"], SYNONYMS),
        named_objects("A man at a table.", ["person", "dining table"], SYNONYMS),
    ]
    assert [caption.absent for caption in captions] == [("bus",), ()]
    assert chair(captions) == Chair(instance=1 / 5, sentence=1 / 2, recall=3 / 4)


def test_nothing_has_no_shares() -> None:
    assert chair([]) == Chair(None, None, None)
    assert chair([named_objects("", [], SYNONYMS)]) == Chair(None, 0.0, None)
    assert named_objects("a dog", [], {}).named == named_objects("a dog", [], {"nothing": ("", " ")}).named == ()


def test_an_object_without_names_is_a_fault() -> None:
    with pytest.raises(ValueError, match="no names are given for cat, of 2 objects"):
        named_objects("a dog", ["dog", "cat"], SYNONYMS)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.scoring.families.table_tree import Part, TableTree, tables
from demiglace.scoring.families.tables import score_table, score_table_structure, table_similarity
from demiglace.scoring.families.tree_distance import Tree
from demiglace.scoring.verdict import UNREADABLE, Expected

HTML = "<table><tr><th>item</th><th>price</th></tr><tr><td>tea</td><td>2.50</td></tr></table>"
MARKDOWN = "| item | price |\n|---|--:|\n| tea | 2.50 |"

parts = st.builds(
    Part, st.just("cell"), st.sampled_from([1, 1, 2]), st.sampled_from([1, 1, 3]), st.text("ab1", max_size=3)
)
rows = st.lists(st.lists(parts, min_size=1, max_size=3), min_size=1, max_size=3)
trees = rows.map(
    lambda drawn: Tree.of(Part("table"), [Tree.of(Part("row"), [Tree.of(cell) for cell in row]) for row in drawn])
)


@pytest.mark.parametrize(
    "text",
    [
        MARKDOWN,
        f"The table:\n\n{MARKDOWN}\n\nIt has two rows.",
        "item | price\n--- | ---\ntea | 2.50",
        HTML.upper().replace("ITEM", "item").replace("PRICE", "price").replace("TEA", "tea"),
        "<table><thead><tr><td>item<td>price</thead><tbody><tr><td><b>tea</b><td>2.50</table>",
        "```html\n<table border=1>\n <tr> <td> item </td> <td colspan='1'>price</td> </tr>\n"
        "<tr><td>te<i>a</i></td><td rowspan=one>2.50",
        HTML.replace("<tr>", "", 1),
    ],
)
def test_one_table_in_many_writings(text: str) -> None:
    assert tables(text) == tables(HTML)


def test_cells_cover_rows_and_columns() -> None:
    found = tables("<table><tr><td rowspan=2 colspan='3'>a<br>b<td><table><tr><td>c</td></tr></table></td></table>")
    assert [part for part in found[0].labels if part.kind == "cell"] == [
        Part("cell", 2, 3, "a b"),
        Part("cell", 1, 1, "c"),
    ]


@pytest.mark.parametrize("text", ["", "no table", "a | b", "---\n---", "<table></table>", "<td>a</td>", "a\n---\nb"])
def test_what_is_no_table_is_none(text: str) -> None:
    assert tables(text) == []
    assert score_table(text, Expected((HTML,))) == UNREADABLE


@pytest.mark.parametrize(
    ("response", "score", "structure"),
    [
        (HTML, 1.0, 1.0),
        (f"<think>{HTML}</think>{MARKDOWN}", 1.0, 1.0),
        (MARKDOWN.replace("tea", "sea"), 1 - 1 / 3 / 6, 1.0),
        (MARKDOWN + "\n| milk | 1.20 |", 1 - 3 / 9, 1 - 3 / 9),
        (HTML.replace("<th>item", "<th colspan=2>item"), 1 - 1 / 6, 1 - 1 / 6),
        ("<table><tr><td>x</td></tr></table>", 1 - 5 / 6, 1 - 4 / 6),
    ],
)
def test_teds(response: str, score: float, structure: float) -> None:
    assert score_table(response, Expected((HTML,))).score == pytest.approx(score)
    assert score_table_structure(response, Expected((HTML,))).score == pytest.approx(structure)


def test_the_best_of_several_answers_counts() -> None:
    assert score_table(MARKDOWN, Expected((HTML.replace("tea", "milk"), HTML))).score == 1.0


def test_an_answer_without_a_table_is_a_fault() -> None:
    with pytest.raises(ValueError, match="1 answers, but 0 tables in them"):
        score_table(HTML, Expected(("tea",)))


def test_a_runaway_table_is_not_compared() -> None:
    long = "<table>" + "<tr><td>a</td></tr>" * 2_000 + "</table>"
    assert score_table(long, Expected((HTML,))).score == 0.0


@given(trees, trees)
@settings(max_examples=60, deadline=None)
def test_similarity_is_a_similarity(one: TableTree, other: TableTree) -> None:
    similarity = table_similarity(one, other)
    assert 0 <= similarity <= 1
    assert similarity == pytest.approx(table_similarity(other, one))
    assert similarity <= table_similarity(one, other, structure_only=True) + 1e-9
    assert table_similarity(one, one) == 1

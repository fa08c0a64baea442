"""Every page of every PDF in a folder is a record: its regions damaged by chance, their texts the answer."""

import pickle

import numpy as np
import pytest

from demiglace.data.sources.pdf_folder import PdfFolder
from demiglace.records.bad_record import BadRecord

PAGES = [["The first paragraph of a page", "goes over two lines."], ["Only one line here."], []]


def pdf_of(pages: list[list[str]]) -> bytes:
    """A small PDF, its lines in Helvetica below each other; a page without lines is empty."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        drawn = "BT /F 18 Tf 24 TL 40 200 Td " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
        resources = "/Resources << /Font << /F 3 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 360 240] {resources} /Contents {len(objects)} 0 R >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body = "".join(f"{number} 0 obj\n{content}\nendobj\n" for number, content in enumerate(objects, start=1))
    return f"%PDF-1.7\n{body}trailer << /Root 1 0 R >>\n".encode()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "b.pdf").write_bytes(pdf_of(PAGES))
    (tmp_path / "more" / "A.PDF").write_bytes(pdf_of(PAGES[1:2]))
    (tmp_path / "notes.txt").write_text("no PDF")
    return tmp_path


def seen(source: PdfFolder, block: int, row: int, seed: tuple[int, ...] = (5,)):
    user, assistant = source.read(block, row, seed).messages
    return np.asarray(user.content[0].source), user.content[1].text, assistant.content[0].text


def test_every_page_is_a_record(folder):
    source = PdfFolder("papers", folder, unit="line", share=1.0)
    assert source.blocks == (3, 1)
    assert [seen(source, *place)[2].split("\n\n") for place in [(0, 0), (0, 1), (1, 0)]] == [*PAGES[:2], PAGES[1]]


def test_pdfs_come_in_natural_order_without_hidden_files(tmp_path):
    for name in ("10.pdf", "2.pdf", "._2.pdf", ".old/1.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(pdf_of(PAGES[:1]))
    (tmp_path / "folder.pdf").mkdir()
    assert [path.name for path in PdfFolder("papers", tmp_path).files] == ["2.pdf", "10.pdf"]


def test_a_share_of_the_regions_is_asked_for(folder):
    source = PdfFolder("papers", folder, unit="word", share=0.3)
    words = " ".join(PAGES[0]).split()
    asked = seen(source, 0, 0)[2].split("\n\n")
    assert len(asked) == round(0.3 * len(words))
    assert set(asked) <= set(words)


def test_a_page_is_a_function_of_place_and_seed(folder):
    source = PdfFolder("papers", folder, unit="word")
    picture, request, answer = seen(source, 0, 0)
    again = seen(pickle.loads(pickle.dumps(source)), 0, 0)
    assert np.array_equal(picture, again[0])
    assert (request, answer) == again[1:]
    others = [seen(source, 0, 0, seed=(number,)) for number in range(4)]
    assert len({other[1] for other in others}) > 1


def test_the_levels_decide_on_the_damage(folder):
    def read(level: str):
        return seen(PdfFolder("papers", folder, share=1.0, levels={level: 1.0}), 0, 1)

    (clean, request, answer), (masked, *asked) = read("clean"), read("high")
    assert [request, answer] == asked
    assert not np.array_equal(clean, masked)
    assert np.array_equal(clean, seen(PdfFolder("papers", folder, share=0.5, levels={"clean": 1.0}), 0, 1)[0])


def test_pages_without_text_and_broken_files_are_named(folder):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    source = PdfFolder("papers", folder)
    assert source.blocks == (3, 1, 1)
    with pytest.raises(BadRecord, match=r"b\.pdf#3: "):
        source.read(0, 2, (0,))
    with pytest.raises(BadRecord, match=r"broken\.pdf#1: .*is not a readable PDF"):
        source.read(1, 0, (0,))


def test_wrong_numbers_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"share must be a number in \(0, 1\], got 2"):
        PdfFolder("papers", tmp_path, share=2)
    with pytest.raises(ValueError, match="levels: 'hihg' is unknown"):
        PdfFolder("papers", tmp_path, levels={"hihg": 1.0})
    with pytest.raises(ValueError, match="no PDF in"):
        PdfFolder("papers", tmp_path).blocks  # noqa: B018

"""Drawn instructions as a source: functions of row and seed, answered or to be answered, and by name in a mixture."""

import pickle
from pathlib import Path

import pytest

from demiglace.conversation import Text
from demiglace.data.mixture_file import read_mixture
from demiglace.data.sources.generated_instructions import GeneratedInstructions


def test_an_instruction_is_a_function_of_row_and_seed() -> None:
    source = GeneratedInstructions("made")
    assert source.blocks is None
    assert source.ask(0, 7, (3,)) == pickle.loads(pickle.dumps(source)).ask(0, 7, (3,))
    assert source.ask(0, 7, (3,)) != source.ask(0, 8, (3,)) != source.ask(0, 8, (4,))
    assert source.where(0, 7) == "made, instruction 7"
    assert len({source.ask(0, row, (3,))[1].kind for row in range(80)}) > 12


@pytest.mark.parametrize("long_share", [0.0, 1.0])
def test_a_sample_follows_its_instruction_and_shows_nothing(long_share: float) -> None:
    source = GeneratedInstructions("made", long_share=long_share)
    long = 0
    for row in range(30):
        parts, question = source.ask(0, row, (3,))
        sample = source.read(0, row, (3,))
        assert parts == ()
        assert sample.messages[0].content == (Text(question.text),)
        said = sample.messages[1].content[0]
        assert isinstance(said, Text)
        assert question.is_answered_by(said.text)
        long += bool(sample.thinking)
    assert long == 0 if long_share == 0 else long >= 25


def test_a_mixture_names_kinds_and_mistakes_are_told(tmp_path: Path) -> None:
    def written(options: str) -> Path:
        path = tmp_path / "rl.toml"
        path.write_text(f'[[source]]\nname = "text"\nkind = "instructions"\n{options}\nweights = {{ hybrid_rl = 1 }}\n')
        return path

    (source,) = read_mixture(written('kinds = ["json"]\nmost_extras = 0')).mixture("hybrid_rl").sources
    assert isinstance(source, GeneratedInstructions)
    assert {source.ask(0, row, (0,))[1].kind for row in range(5)} == {"instruction_json"}
    for options, message in (
        ('kinds = ["rhyme"]', r"kinds\[0\] must be one of one_of, lines"),
        ("kinds = []", "kinds must be a list of at least 1"),
        ("most_extras = 9", "most_extras must be a whole number from 0 to 4, got 9"),
        ('topics = ["a"]', "topics is unknown; instructions takes kind, kinds, long_share"),
    ):
        with pytest.raises(ValueError, match=message):
            read_mixture(written(options)).mixture("hybrid_rl")

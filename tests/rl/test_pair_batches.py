import pytest
from clips import plain_clip
from mixtures import small_processor
from preferences import COLOURS, preference, write_pairs

from demiglace.conversation import Conversation, Message, Text, Video
from demiglace.data.sources.jsonl import JsonFile
from demiglace.processing.fitting import fit_for_answer
from demiglace.records.bad_record import BadRecord
from demiglace.records.preferences import Preference
from demiglace.rl.pair_batches import PairBatches, answer_tokens, pairs_of_records


def test_an_answer_is_what_the_template_makes_of_it():
    processor = small_processor()
    asked = Message("user", (Text("Which colour?"),))
    for text, is_long in (("It is red.", False), ("<think>\nI see.\n</think>\n\nRed.", True)):
        whole = processor.training_sample(Conversation((asked, Message("assistant", (Text(text),))), thinking=is_long))
        prompt = processor.prepare(Conversation((asked,), thinking=is_long))
        tokens = answer_tokens(processor, text, is_long)
        start = len(prompt.tokens)
        assert whole.tokens[start : start + len(tokens)].tolist() == tokens
        assert tokens[-1] == processor.tokenizer.special["im_end"]


def test_a_batch_has_each_prompt_once_and_the_chosen_answer_first():
    processor = small_processor()
    batch = PairBatches(processor, preference, positions=1024).batch([3, 0])
    assert batch.owners.tolist() == [0, 0, 1, 1]
    assert len(batch.prompts.tokens) == 2
    said = [
        processor.tokenizer.decode(row[: n - 1].tolist()) for row, n in zip(batch.answers, batch.lengths, strict=True)
    ]
    assert said[0] == preference(3).chosen
    assert said[3] == preference(0).rejected


def test_a_pair_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="takes at least 48 tokens"):
        PairBatches(small_processor(), preference, positions=20).batch([0])


def test_a_long_video_is_fitted_as_when_its_answers_were_sampled():
    processor, asked = small_processor(), Message("user", (Video(plain_clip(20)), Text("What happens?")))
    pair = Preference((asked,), "It turns red.", "Nothing.", False)
    batch = PairBatches(processor, lambda number: pair, positions=300).batch([0])
    fitted = fit_for_answer(processor, Conversation((asked,)), 299).conversation
    assert fitted.messages[0].content[0].sampling.package_frames > 1
    assert batch.prompts.tokens[0].tolist() == processor.prepare(fitted).tokens.tolist()


def test_records_are_read_by_number_and_bad_ones_named(tmp_path):
    path = write_pairs(tmp_path, count=3)
    read = pairs_of_records(JsonFile("pairs", path))
    assert [read(number).chosen for number in range(3)] == [f"It is {colour}." for colour in COLOURS[:3]]
    path.write_text(path.read_text() + '{"question": "What?"}\n')
    with pytest.raises(BadRecord, match=r"pairs.jsonl:4"):
        pairs_of_records(JsonFile("pairs", path))(3)

"""Scores of a tiny classifier, and folders that hold none."""

import json

import pytest
import torch
from rollouts import group
from safetensors.torch import load_file, save_file

pytest.importorskip("transformers")

from classifiers import write_classifier, write_decoder

from demiglace.rl.reward_model import SequenceClassifier


def test_each_answer_has_the_score_that_it_has_alone(tmp_path):
    judge = SequenceClassifier(write_classifier(tmp_path), torch.device("cpu"))
    asked = group("red", "it is blue.", "")
    together = judge(asked, ["red", "it is blue.", ""])
    assert together == pytest.approx([judge(asked, [text])[0] for text in ("red", "it is blue.", "")], abs=1e-5)
    assert len(set(together)) == 3


@pytest.mark.parametrize("pad_token", ["[PAD]", None])
def test_a_decoder_scores_an_answer_as_alone_whatever_its_tokenizer_pads_with(tmp_path, pad_token):
    judge = SequenceClassifier(write_decoder(tmp_path, pad_token), torch.device("cpu"))
    texts = ["red", "it is blue. it is red.", "red"]
    alone = [judge(group("red"), [text])[0] for text in texts]
    assert judge(group("red"), texts) == alone
    assert alone[0] == alone[2] != alone[1]


def test_a_chat_template_is_followed(tmp_path):
    template = "{% for message in messages %}[CLS] {{ message.content }} [SEP] {% endfor %}"
    pair = SequenceClassifier(write_classifier(tmp_path / "pair"), torch.device("cpu"))
    chat = SequenceClassifier(write_classifier(tmp_path / "chat", chat_template=template), torch.device("cpu"))
    asked = group("red")
    assert chat._encoded("which", "red")["input_ids"].tolist() == [[2, 4, 3, 2, 7, 3]]
    assert pair._encoded("which", "red")["input_ids"].tolist() == [[2, 4, 3, 7, 3]]
    assert chat(asked, ["red"]) != pair(asked, ["red"])


def test_what_is_no_reward_model_is_told(tmp_path):
    cpu = torch.device("cpu")
    with pytest.raises(ValueError, match="holds no sequence classifier"):
        SequenceClassifier(tmp_path, cpu)
    with pytest.raises(ValueError, match="a reward model has 1 output, got 3"):
        SequenceClassifier(write_classifier(tmp_path / "three", num_labels=3), cpu)
    with pytest.raises(ValueError, match="the tokenizer has 13 tokens, but the model knows 9"):
        SequenceClassifier(write_classifier(tmp_path / "other", vocab_size=9), cpu)
    judge = SequenceClassifier(write_classifier(tmp_path / "one"), cpu)
    with pytest.raises(ValueError, match=r"have 3\d tokens, reward model .* 24 positions"):
        judge(group("red"), ["red " * 30])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("tokenizer.json", "{}"),
        ("tokenizer_config.json", "[]"),
        ("config.json", "[]"),
        ("model.safetensors", ""),
    ],
)
def test_a_damaged_file_is_told(tmp_path, file, text):
    folder = write_classifier(tmp_path / "judge")
    (folder / file).write_text(text)
    with pytest.raises(ValueError, match="judge holds no sequence classifier: "):
        SequenceClassifier(folder, torch.device("cpu"))


def test_weights_that_are_not_in_the_file_are_not_drawn(tmp_path):
    """As of a language model, whose file has no head: transformers would draw one, and the rewards would be chance."""
    folder = write_classifier(tmp_path / "judge")
    path = folder / "model.safetensors"
    held = {name: value for name, value in load_file(path).items() if not name.startswith("classifier")}
    save_file(held, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"judge lacks 2 weights of a sequence classifier: classifier\.bias"):
        SequenceClassifier(folder, torch.device("cpu"))


def test_no_code_of_a_folder_is_asked_for(tmp_path, capsys):
    folder = write_classifier(tmp_path / "judge")
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own.C", "AutoModelForSequenceClassification": "own.M"}}
    (folder / "config.json").write_text(json.dumps(config | own))
    with pytest.raises(ValueError, match="judge holds no sequence classifier: "):
        SequenceClassifier(folder, torch.device("cpu"))
    assert "Do you wish" not in capsys.readouterr().out

"""What Trainer, TRL and PEFT ask of the model: less memory, hidden states, the part below the head."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch
from checkpoints import tiny_checkpoint as write_tiny_checkpoint

pytest.importorskip("transformers", reason="the transformers extra is not installed")

from torch.nn import functional as F
from transformers import AutoModelForImageTextToText, AutoProcessor

from demiglace.integrations.transformers import MiniCPMVForConditionalGeneration
from demiglace.model import weights
from demiglace.processing.processor import Processor

Model = MiniCPMVForConditionalGeneration


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint", released_ids=False)


@pytest.fixture
def model(folder: Path) -> Model:
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)


@pytest.fixture(scope="module")
def inputs(folder: Path) -> Any:
    """Two questions about pictures, padded on the right, as collators make them."""
    processor = AutoProcessor.from_pretrained(folder)
    shown = {"type": "image", "image": PIL.Image.new("RGB", (60, 40), "red")}
    asked = [
        [{"role": "user", "content": [shown, {"type": "text", "text": text}]}, {"role": "assistant", "content": "red"}]
        for text in ("Colour?", "What is the colour of this?")
    ]
    rows = {"padding": True, "padding_side": "right", "pad_to_multiple_of": None, "truncation": True, "max_length": 999}
    inputs = processor.apply_chat_template(asked, tokenize=True, return_dict=True, processor_kwargs=rows)
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    return inputs | {"labels": labels}


def learned(model: Model, inputs: Any) -> tuple[dict[str, torch.Tensor], int]:
    """Gradients by name, and bytes that the forward pass keeps for the backward pass."""
    kept = 0

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    model.zero_grad()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(**inputs).loss
    loss.backward()
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}, kept


@pytest.mark.parametrize("options", [None, {"use_reentrant": False}, {"use_reentrant": True}], ids=str)
def test_checkpointing_keeps_less_and_learns_the_same(model: Model, inputs: Any, options: Any) -> None:
    model.train()
    plain, kept = learned(model, inputs)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
    model.enable_input_require_grads()
    again, kept_less = learned(model, inputs)
    assert plain.keys() == again.keys()
    assert any(name.startswith("vpm.encoder.layers") for name in plain)
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient)
    assert kept_less < 0.7 * kept
    model.gradient_checkpointing_disable()
    assert learned(model, inputs)[1] == kept


def test_layers_are_run_as_transformers_was_told_to_run_them(model: Model, inputs: Any) -> None:
    ran: list[Any] = []

    def run(layer: Callable[..., torch.Tensor], *given: Any) -> torch.Tensor:
        ran.append(layer)
        return layer(*given)

    model.train()._set_gradient_checkpointing(True, run)
    model(**inputs)
    assert ran == list(model.llm.model.layers)
    model.eval()(**inputs)
    assert len(ran) == len(model.llm.model.layers)  # nothing is kept, so nothing is run again


def test_checkpointing_goes_without_a_cache(model: Model, inputs: Any) -> None:
    model.train().gradient_checkpointing_enable()
    outputs = model(**inputs, use_cache=True)
    outputs.loss.backward()
    assert outputs.to_tuple()[2:] == ()


def test_hidden_states_are_those_of_the_layers(folder: Path, model: Model, inputs: Any) -> None:
    with torch.no_grad():
        outputs = model(**inputs, output_hidden_states=True)
        first, *_, last = outputs.hidden_states
        assert len(outputs.hidden_states) == len(model.llm.model.layers) + 1
        torch.testing.assert_close(model.llm.lm_head(last), outputs.logits)
        text = inputs["mm_token_type_ids"] == 0
        assert torch.equal(first[text], model.llm.model.embed_tokens(inputs["input_ids"])[text])
        layer = model.llm.model.layers[-1]
        seen: list[torch.Tensor] = []
        hook = layer.register_forward_hook(lambda _, __, output: seen.append(output))
        below = model.base_model(**{name: value for name, value in inputs.items() if name != "labels"})
        hook.remove()
        assert torch.equal(below.last_hidden_state, last)
        assert torch.equal(model.llm.model.norm(seen[0]), last)
        model.config.output_hidden_states = True
        assert len(model(**inputs).hidden_states) == len(outputs.hidden_states)


def test_the_base_model_reads_text_alone(folder: Path, model: Model) -> None:
    batch = Processor.load(folder).tokenizer.encode("Why?")
    ids = torch.tensor([batch])
    with torch.no_grad():
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        assert torch.equal(model.llm.lm_head(hidden), model(input_ids=ids).logits)


def test_rows_that_were_added_to_the_vocabulary_are_learned(model: Model, inputs: Any) -> None:
    size = model.config.vocab_size
    model.resize_token_embeddings(size + 3, mean_resizing=False)
    labels = inputs["labels"].clone()
    labels[:, -1] = size + 2
    loss = model(**{**inputs, "labels": labels}).loss
    loss.backward()
    assert bool(loss.isfinite())
    assert float(model.llm.lm_head.weight.grad[size + 2].abs().max()) > 0


def test_the_config_says_whether_keys_and_values_are_kept(model: Model, inputs: Any, tmp_path: Path) -> None:
    assert model.config.use_cache is True
    with torch.no_grad():
        assert len(model(**inputs).to_tuple()) == 3
        assert len(model(**inputs, use_cache=False).to_tuple()) == 2
        assert len(model.train()(**inputs).to_tuple()) == 2
        model.eval().config.use_cache = False
        assert len(model(**inputs).to_tuple()) == 2
    model.save_pretrained(tmp_path)
    assert AutoModelForImageTextToText.from_pretrained(tmp_path).config.use_cache is False
    assert weights.read_config(tmp_path) == model.config.architecture()


@pytest.mark.parametrize("adapted", [False, True], ids=["model", "adapters"])
def test_smoothed_labels_are_those_of_the_next_token(model: Model, inputs: Any, tmp_path: Path, adapted: bool) -> None:
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    from transformers import Trainer, TrainingArguments

    with torch.no_grad():
        logits = model(**inputs).logits[:, :-1].flatten(0, 1)
    if adapted:
        peft = pytest.importorskip("peft", reason="peft is not installed")
        model = peft.get_peft_model(model, peft.LoraConfig(target_modules=["q_proj"]))  # B is zero: the same outputs
    arguments = TrainingArguments(str(tmp_path), label_smoothing_factor=0.1, use_cpu=True, report_to=[])
    with torch.no_grad():
        loss = Trainer(model.eval(), arguments).compute_loss(model, dict(inputs))
    expected = F.cross_entropy(logits, inputs["labels"][:, 1:].flatten(), label_smoothing=0.1)
    torch.testing.assert_close(loss, expected)

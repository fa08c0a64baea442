"""From random weights to a nano model that reads lines of text, on two CPU cores.

    demiglace train nano --folder runs/nano

The paper starts from SigLIP2 and Qwen3; here encoder and decoder are pre-trained first, on generated data:

1. `encoder`: images of text, with the characters in each patch as dense labels;
2. `decoder`: text written as ideal visual tokens, to be transcribed in spite of errors in them;
3. `resampler`, 4. `vision`, 5. `full`: the paper's three pre-training stages (section 3): the resampler alone,
   then the encoder with it, then everything at a constant learning rate;
6. `decay`: everything while the learning rate decays, with corrupted words and crops of real pages mixed in;
7. `colours`: the encoder alone, on the same, scenes and clips, with the shares of colours in each patch as labels.

Expected results and hours: docs/nano.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from safetensors.torch import load_file, save_file

from demiglace.bootstrap import collate
from demiglace.bootstrap.collate import Prompt
from demiglace.bootstrap.learner import Learner, learner_from_seed
from demiglace.bootstrap.objectives import (
    ColourObjective,
    GlyphObjective,
    ReadingObjective,
    SumOfObjectives,
    TranscriptionObjective,
)
from demiglace.bootstrap.picture_shards import AHEAD, PictureStream, ReadingSample, ShardSpec, make_sample, renderers
from demiglace.bootstrap.query_init import init_queries
from demiglace.conversation import Conversation, Image
from demiglace.data.sources.rendered import QUESTIONS
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import generate
from demiglace.jobs.circumstances import USUAL, Circumstances
from demiglace.jobs.compilation import compile_layers
from demiglace.jobs.export import export
from demiglace.jobs.run_folder import open_folder
from demiglace.jobs.run_record import Inputs, marks, model_files
from demiglace.jobs.time_plan import PLAN_FILE, seconds_of_a_step
from demiglace.model import weights
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer
from demiglace.recipes.nano import NANO_STAGES, NanoRecipe
from demiglace.safe_files import atomic_path, write_whole
from demiglace.scoring.text_distance import corpus_character_error_rate
from demiglace.training.checkpoint import latest, what_is_left
from demiglace.training.distributed import ALONE
from demiglace.training.flops import Learning
from demiglace.training.objective import Objective
from demiglace.training.stage import Stage
from demiglace.training.trainer import Trainer
from demiglace.typography.font_folder import folder_faces

HEADS_FILE, SAMPLES_FILE, PICTURES = "heads.safetensors", "samples.txt", "pictures"
QUERY_INIT_BATCHES = 4
MOST_TOKENS = 60  # of a line that is read at a checkpoint


def train(
    recipe: NanoRecipe,
    folder: Path,
    log: Callable[[str], None] = lambda told: None,
    restart: bool = False,
    under: Circumstances = USUAL,
) -> Path | None:
    """Run or resume the recipe in `folder`; the folder of the finished model, None where a signal or the deadline
    stopped it.

    log: gets messages for the terminal. restart: whether an earlier run in the folder is set aside first.
    Raises ValueError where the folder is in use or holds another run, and `checkpoint.NotWritten`.
    """
    settings, made = asdict(recipe), [*NANO_STAGES, "model", HEADS_FILE, PICTURES, PLAN_FILE]
    del settings["only"], settings["save_every"]  # the other stages may come later
    with open_folder(folder, settings, lambda: inputs_of(recipe), made, ALONE, log, restart):
        return run_stages(recipe, folder, under, log)


def inputs_of(recipe: NanoRecipe) -> Inputs:
    documents = [] if recipe.documents is None else recipe.documents.glob("*.pdf")
    fonts = [] if recipe.fonts is None else [Path(face.path) for face in folder_faces(recipe.fonts)]
    start = [] if recipe.start is None else [*model_files(recipe.start), recipe.start.parent / HEADS_FILE]
    return {"data": marks(documents), "fonts": marks(fonts), "start": marks(start)}


def run_stages(recipe: NanoRecipe, folder: Path, under: Circumstances, log: Callable[[str], None]) -> Path | None:
    """The stages that are asked for, one after the other; as `train`."""
    learner = initial_learner(recipe)
    if under.compiled:
        compile_layers(learner.model.llm.model.layers, log)
    processor = nano_processor(recipe)
    samples = Samples(recipe, processor, count=min(32, recipe.batch_size))

    def export(learner: Learner) -> None:
        if under.on_export is not None:
            export_with_heads(learner, processor, folder)
            under.on_export(folder)

    pool = renderers(under.num_renderers)
    peak = under.peak(log)
    try:
        for stage, objective in stages(recipe, processor, folder / PICTURES, pool, under):
            if stage.name not in recipe.only:
                continue
            if stage.name == "resampler" and latest(folder / stage.name) is None:
                init_queries(learner.cpu(), first_samples(recipe, folder / PICTURES, pool))
            learner.to(under.device)
            if under.plan is not None:
                stage = under.plan.fitted(stage, partial(seconds_of_a_step, learner, stage, objective))
            reads = isinstance(objective, ReadingObjective | SumOfObjectives)
            callback, own = AtCheckpoint(samples if reads else None, export), folder / stage.name
            if not Trainer(learner, stage, objective, own, callback, peak=peak, pace=under.pace, log=log).run():
                return None
            with what_is_left(folder / stage.name):
                export_with_heads(learner, processor, folder)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return folder / "model"


def stages(
    recipe: NanoRecipe, processor: Processor, pictures: Path, pool: Executor, under: Circumstances = USUAL
) -> Iterator[tuple[Stage, Objective]]:
    """The stages in order, each with what it learns from. Rates are stable until the last two, where they decay."""
    prompts, how = [prompt(processor, question) for question in QUESTIONS], under.computation

    def stream(spec: ShardSpec) -> PictureStream:
        return PictureStream(spec, recipe.batch_size, pictures, pool, max(AHEAD, under.num_renderers))

    seeing_alone = recipe.stage("encoder", ("model.vpm", "patch_head"), recipe.encoder_steps, 2e-3)
    yield seeing_alone, GlyphObjective(stream(recipe.spec(1)), how)
    text = TranscriptionObjective(
        prompts, processor.tokenizer, recipe.batch_size, recipe.max_characters, recipe.seed + 2, how
    )
    yield recipe.stage("decoder", ("model.llm", "book"), recipe.decoder_steps, 2e-3), text

    def reading(
        spec: ShardSpec, learned: Stage, frame_weight: float, patch_weight: float, letter_place_weight: float = 0.0
    ) -> ReadingObjective:
        weights = (frame_weight, patch_weight, letter_place_weight)
        of_model = Learning.of(learned.trainable)
        return ReadingObjective(stream(spec), prompts, processor.tokenizer, *weights, how, of_model)

    stage = recipe.stage("resampler", ("model.resampler",), recipe.resampler_steps, 1e-3)
    yield stage, reading(recipe.spec(3), stage, 5.0, 0.0)
    seeing = ("model.resampler", "model.vpm", "patch_head")
    stage = recipe.stage("vision", seeing, recipe.vision_steps, 1.5e-3)
    yield stage, reading(recipe.spec(4), stage, 2.0, 0.5)
    everything, rate = ("model", "patch_head", "book", "letter_place_head"), recipe.late_learning_rate
    late_weights = (0.5, 0.3, recipe.letter_place_weight)
    stage = recipe.stage("full", everything, recipe.full_steps, rate)
    yield stage, reading(recipe.spec(5), stage, *late_weights)
    stage = recipe.stage("decay", everything, recipe.decay_steps, rate, decay_share=1.0)
    yield stage, reading(recipe.late_spec(6), stage, *late_weights)
    heads = ("patch_head", "book", "colour_head", "letter_place_head")
    shapes = ColourObjective(processor.config.slicing, max(1, recipe.batch_size // 3), recipe.seed * 1000 + 7, how)
    stage = recipe.stage("colours", ("model.vpm", *heads), recipe.colours_steps, rate, decay_share=1.0)
    yield stage, SumOfObjectives([reading(recipe.late_spec(8), stage, *late_weights), shapes])


def first_samples(recipe: NanoRecipe, pictures: Path, pool: Executor) -> list[ReadingSample]:
    """The pictures with which the resampler's stage begins."""
    stream = PictureStream(recipe.spec(3), recipe.batch_size, pictures, pool)
    return list(chain.from_iterable(stream.batch(number) for number in range(QUERY_INIT_BATCHES)))


class Samples:
    """Reads lines never trained on at every checkpoint; what stood there and what was read goes to `samples.txt`."""

    def __init__(self, recipe: NanoRecipe, processor: Processor, count: int) -> None:
        spec = replace(recipe.spec(9), max_lines=1, max_characters=40)
        self.samples = [make_sample(spec, index) for index in range(count)]
        self.prompt, self.tokenizer = prompt(processor, QUESTIONS[0]), processor.tokenizer

    def __call__(self, learner: Learner, folder: Path, step: int) -> str:
        read = transcribe(learner, self.samples, self.prompt, self.tokenizer)
        wanted = [sample.text for sample in self.samples]
        rate = corpus_character_error_rate(wanted, read)
        lines = [f"{text}\n  {answer}\n" for text, answer in zip(wanted, read, strict=True)]
        head = f"step {step}: character error rate {rate:.3f} on {len(wanted)} lines\n"
        path = folder / SAMPLES_FILE
        write_whole(path, f"{path.read_text() if path.exists() else ''}{head}{''.join(lines)}\n")
        return head + "".join(lines[:4])

    def lacks(self, folder: Path, step: int) -> bool:
        """Whether the run was killed after it had saved a step, and before that was written."""
        path = folder / SAMPLES_FILE
        return not path.exists() or f"\nstep {step}: " not in f"\n{path.read_text()}"


@dataclass(frozen=True)
class AtCheckpoint:
    """What is done with the model of a checkpoint: it is exported, and where it can read already, reads samples."""

    samples: Samples | None
    export: Callable[[Learner], None]

    def __call__(self, learner: Learner, folder: Path, step: int) -> str:
        self.export(learner)
        return "" if self.samples is None else self.samples(learner, folder, step)

    def lacks(self, folder: Path, step: int) -> bool:
        return self.samples is not None and self.samples.lacks(folder, step)


def transcribe(learner: Learner, samples: list[ReadingSample], asked: Prompt, tokenizer: Tokenizer) -> list[str]:
    """What the model reads in rendered pictures, greedily."""
    batch = collate.questions([asked] * len(samples), collate.pictures(samples, np.random.default_rng(0)))
    batch = batch.to(learner.model.llm.model.embed_tokens.weight.device)
    greedy = SamplingParams.greedy(MOST_TOKENS)
    written: list[list[int]] = [[] for _ in samples]
    for step in generate(learner.model, batch, [greedy] * len(samples), {asked.end}):
        if step.stopped_by != "end":
            written[step.row].append(step.token)
    return [tokenizer.decode(ids) for ids in written]


def nano_processor(recipe: NanoRecipe) -> Processor:
    """Bytes as vocabulary; one slice for a picture, since the model is taught to read no more behind 64 tokens."""
    slicing = SlicingConfig(recipe.scale_resolution, recipe.config.vision.patch_size, max_slices=1)
    config = ProcessorConfig(slicing=slicing, num_queries=recipe.config.resampler.num_queries)
    return Processor(Tokenizer.bytes_only(), config)


def prompt(processor: Processor, question: str) -> Prompt:
    """What stands around a picture when `question` is asked about it, by the processor's own hand."""
    side = processor.config.slicing.patch_size
    sample = processor.prepare(Conversation.ask(question, Image(PIL.Image.new("RGB", (side, side)))))
    return Prompt(sample.tokens, sample.visual_places, processor.tokenizer.special["im_end"])


def initial_learner(recipe: NanoRecipe) -> Learner:
    """A learner drawn from the seed, or one that `export_with_heads` wrote."""
    learner = learner_from_seed(recipe.config, recipe.seed)
    if recipe.start is not None:
        learner.model.load_state_dict(weights.load(recipe.start, torch.float32).state_dict())
        heads = load_file(recipe.start.parent / HEADS_FILE)
        learner.load_state_dict({name: tensor.float() for name, tensor in heads.items()}, strict=False)
    return learner


def export_with_heads(learner: Learner, processor: Processor, folder: Path) -> None:
    """The model, in `model`, and beside it the heads that stay behind, in bfloat16 too; the learner stays as it is."""
    export(copy.deepcopy(learner.model), processor, folder / "model")
    heads = {name: tensor for name, tensor in learner.state_dict().items() if not name.startswith("model.")}
    with atomic_path(folder / HEADS_FILE) as aside:
        save_file({name: tensor.to(torch.bfloat16) for name, tensor in heads.items()}, aside)

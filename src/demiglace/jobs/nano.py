"""From random weights to a nano model that reads lines of text, on two CPU cores.

    demiglace train nano --folder runs/nano

The paper starts from SigLIP2 and Qwen3; here encoder and decoder are pre-trained first, on generated data:

1. `encoder`: images of text, with the characters in each patch as dense labels;
2. `decoder`: text given as ideal visual tokens with errors, to be transcribed;
3. `resampler`, 4. `vision`, 5. `full`: the paper's three pre-training stages (section 3): only the resampler,
   then resampler and encoder, then everything at a constant learning rate;
6. `decay`: everything while the learning rate decays, with corrupted words and crops of real pages mixed in;
7. `colours`: only the encoder, on the same, scenes and clips, with the shares of colours in each patch as labels;
8. `shapes`, optional: encoder and resampler, on the same and simple pictures, with the shares of forms and colours in
   each patch and visual token as labels.

Expected results and hours: docs/nano.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from demiglace.bootstrap import collate
from demiglace.bootstrap.collate import LabelledPictures
from demiglace.bootstrap.computation import ON_HOST, Computation
from demiglace.bootstrap.learner import SLOTS_PER_TOKEN, Learner, learner_from_seed
from demiglace.bootstrap.line_stream import LineSource, LineStream
from demiglace.bootstrap.objectives import (
    ColourObjective,
    GlyphObjective,
    ItemObjective,
    Pictures,
    ReadingObjective,
    SumOfObjectives,
    TranscriptionObjective,
    labelled,
)
from demiglace.bootstrap.picture_shards import AHEAD, PictureStream, ShardSpec, renderers
from demiglace.bootstrap.query_init import init_queries
from demiglace.data.sources.rendered import QUESTIONS
from demiglace.data.text_crops.page_crops import pdfs_in
from demiglace.jobs.compilation import compile_layers
from demiglace.jobs.execution import DEFAULT_EXECUTION, Execution
from demiglace.jobs.export import export
from demiglace.jobs.nano_samples import AtCheckpoint, Samples, prompt
from demiglace.jobs.run_folder import open_folder
from demiglace.jobs.run_record import Inputs, marks, model_files
from demiglace.jobs.time_plan import PLAN_FILE, seconds_of_a_step
from demiglace.model import weights
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer
from demiglace.recipes.nano import NANO_STAGES, NanoRecipe
from demiglace.safe_files import atomic_path
from demiglace.training.checkpoint import latest, write_errors
from demiglace.training.distributed import ALONE
from demiglace.training.flops import Learning
from demiglace.training.objective import Objective
from demiglace.training.stage import Stage
from demiglace.training.trainer import Trainer
from demiglace.typography.font_folder import folder_faces

HEADS_FILE, PICTURES = "heads.safetensors", "pictures"
QUERY_INIT_BATCHES = 4


def train(
    recipe: NanoRecipe,
    folder: Path,
    log: Callable[[str], None] = lambda message: None,
    restart: bool = False,
    execution: Execution = DEFAULT_EXECUTION,
) -> Path | None:
    """Run or resume the recipe in `folder`; returns the folder of the finished model, or None if a signal or the
    deadline stopped it.

    log: gets messages for the terminal. restart: whether an earlier run in the folder is moved aside first.
    Raises ValueError if the folder is in use or holds another run, and `checkpoint.WriteError`.
    """
    check_inputs(recipe)
    settings, made = asdict(recipe), [*NANO_STAGES, "model", HEADS_FILE, PICTURES, PLAN_FILE]
    del settings["only"], settings["save_every"]  # further stages may be run later
    with open_folder(folder, settings, lambda: inputs_of(recipe), made, ALONE, log, restart):
        return run_stages(recipe, folder, execution, log)


def check_inputs(recipe: NanoRecipe) -> None:
    """ValueError for inputs that a later stage would lack, before the run takes a folder."""
    if recipe.documents is not None:
        pdfs_in(recipe.documents)
    if recipe.start is not None:
        weights.read_config(recipe.start)


def inputs_of(recipe: NanoRecipe) -> Inputs:
    documents = [] if recipe.documents is None else pdfs_in(recipe.documents)
    fonts = [] if recipe.fonts is None else [Path(face.path) for face in folder_faces(recipe.fonts)]
    start = [] if recipe.start is None else [*model_files(recipe.start), recipe.start.parent / HEADS_FILE]
    atlas = [] if recipe.atlas is None else [recipe.atlas]
    return {"data": marks([*documents, *atlas]), "fonts": marks(fonts), "start": marks(start)}


def run_stages(recipe: NanoRecipe, folder: Path, execution: Execution, log: Callable[[str], None]) -> Path | None:
    """The requested stages, one after the other; as `train`."""
    learner = initial_learner(recipe)
    if execution.compiled:
        compile_layers(learner.model.llm.model.layers, log)
    processor = nano_processor(recipe)
    samples = Samples(recipe, processor, count=min(32, recipe.batch_size))

    def export(learner: Learner) -> None:
        if execution.on_export is not None:
            export_with_heads(learner, processor, folder)
            execution.on_export(folder)

    pool = renderers(execution.num_renderers)
    peak = execution.peak(log)
    try:
        streams = Streams(recipe, folder / PICTURES, pool, execution)
        for stage, objective in stages(recipe, processor, streams, execution.computation):
            if stage.name not in recipe.only:
                continue
            learner.to(execution.device)
            if stage.name == "resampler" and latest(folder / stage.name) is None:
                init_queries(learner, first_pictures(streams(recipe.spec(3))).to(execution.device))
            if execution.plan is not None:
                if execution.plan.is_late(stage):
                    return None
                stage = execution.plan.fitted(stage, partial(seconds_of_a_step, learner, stage, objective))
            reads = isinstance(objective, ReadingObjective | SumOfObjectives)
            callback, own = AtCheckpoint(samples if reads else None, export, execution.compiled), folder / stage.name
            if not Trainer(learner, stage, objective, own, callback, peak=peak, pace=execution.pace, log=log).run():
                return None
            with write_errors(folder / stage.name):
                export_with_heads(learner, processor, folder)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return folder / "model"


@dataclass(frozen=True)
class Streams:
    """Pictures of the stages: lines composed on the device if there is an atlas; the rest is drawn by processes."""

    recipe: NanoRecipe
    folder: Path
    pool: Executor
    execution: Execution

    def __call__(self, spec: ShardSpec) -> Pictures:
        if self.recipe.atlas is None:
            return self.drawn(spec, self.recipe.batch_size)
        source = LineSource(spec, self.recipe.batch_size, self.recipe.atlas)
        ahead = self.pool if self.execution.num_renderers > 1 else None  # a single process is busy enough with pages
        return LineStream(source, SLOTS_PER_TOKEN, self.execution.device, ahead)

    def drawn(self, spec: ShardSpec, batch_size: int) -> PictureStream:
        return PictureStream(spec, batch_size, self.folder, self.pool, max(AHEAD, self.execution.num_renderers))


def stages(
    recipe: NanoRecipe, processor: Processor, streams: Streams, computation: Computation = ON_HOST
) -> Iterator[tuple[Stage, Objective]]:
    """The stages in order, each with its objective. Learning rates are stable until `decay`, from where they decay."""
    prompts = [prompt(processor, question) for question in QUESTIONS]

    seeing_alone = recipe.stage("encoder", ("model.vpm", "patch_head"), recipe.encoder_steps, 2e-3)
    yield seeing_alone, GlyphObjective(streams(recipe.spec(1)), computation)
    text = TranscriptionObjective(
        prompts, processor.tokenizer, recipe.batch_size, recipe.max_characters, recipe.seed + 2, computation
    )
    yield recipe.stage("decoder", ("model.llm", "book"), recipe.decoder_steps, 2e-3), text

    def reading(
        stream: Pictures, learned: Stage, frame_weight: float, patch_weight: float, letter_place_weight: float = 0.0
    ) -> ReadingObjective:
        weights = (frame_weight, patch_weight, letter_place_weight)
        of_model = Learning.of(learned.trainable)
        return ReadingObjective(stream, prompts, processor.tokenizer, *weights, computation, of_model)

    def late_reading(offset: int, learned: Stage) -> list[Objective]:
        """Objectives of late stages: pages and damaged words drawn singly, fewer if an atlas gives composed lines."""
        if recipe.atlas is None:
            return [reading(streams(recipe.late_spec(offset)), learned, *late_weights)]
        few = max(1, recipe.batch_size // recipe.lines_to_a_window)
        windows = streams.drawn(recipe.late_spec(offset), few)
        return [reading(stream, learned, *late_weights) for stream in (streams(recipe.spec(10 + offset)), windows)]

    stage = recipe.stage("resampler", ("model.resampler",), recipe.resampler_steps, 1e-3)
    yield stage, reading(streams(recipe.spec(3)), stage, 5.0, 0.0)
    seeing = ("model.resampler", "model.vpm", "patch_head")
    stage = recipe.stage("vision", seeing, recipe.vision_steps, 1.5e-3)
    yield stage, reading(streams(recipe.spec(4)), stage, 2.0, 0.5)
    everything, rate = ("model", "patch_head", "book", "letter_place_head"), recipe.late_learning_rate
    late_weights = (0.5, 0.3, recipe.letter_place_weight)
    stage = recipe.stage("full", everything, recipe.full_steps, rate)
    yield stage, reading(streams(recipe.spec(5)), stage, *late_weights)
    stage = recipe.stage("decay", everything, recipe.decay_steps, rate, decay_share=1.0)
    yield stage, together(late_reading(6, stage))
    heads = ("patch_head", "book", "colour_head", "letter_place_head")
    slicing, share = processor.config.slicing, max(1, recipe.batch_size // 3)
    coloured = ColourObjective(slicing, share, recipe.seed * 1000 + 7, computation)
    stage = recipe.stage("colours", ("model.vpm", *heads), recipe.colours_steps, rate, decay_share=1.0)
    yield stage, together([*late_reading(8, stage), coloured])
    coloured = ColourObjective(slicing, share, recipe.seed * 1000 + 9, computation)
    items = ItemObjective(slicing, 2 * recipe.batch_size, recipe.seed * 1000 + 10, computation)
    all_heads = (*heads, "item_head", "token_item_head")
    stage = recipe.stage(
        "shapes", ("model.vpm", "model.resampler", *all_heads), recipe.shapes_steps, rate, decay_share=1.0
    )
    yield stage, together([*late_reading(11, stage), coloured, items])


def together(objectives: Sequence[Objective]) -> Objective:
    return objectives[0] if len(objectives) == 1 else SumOfObjectives(objectives)


def first_pictures(stream: Pictures) -> LabelledPictures:
    """The pictures from which the resampler is initialised."""
    if not isinstance(stream, PictureStream):
        return labelled(stream, 0, np.random.default_rng(0))
    samples = chain.from_iterable(stream.batch(number) for number in range(QUERY_INIT_BATCHES))
    return collate.labelled(list(samples), np.random.default_rng(0), SLOTS_PER_TOKEN)


def nano_processor(recipe: NanoRecipe) -> Processor:
    """Bytes as vocabulary; one slice per picture, because the model is only trained to read what fits in 64 tokens."""
    slicing = SlicingConfig(recipe.scale_resolution, recipe.config.vision.patch_size, max_slices=1)
    config = ProcessorConfig(slicing=slicing, num_queries=recipe.config.resampler.num_queries)
    return Processor(Tokenizer.bytes_only(), config)


def initial_learner(recipe: NanoRecipe) -> Learner:
    """A learner with random weights from the seed, or one written by `export_with_heads`."""
    learner = learner_from_seed(recipe.config, recipe.seed)
    if recipe.start is not None:
        learner.model.load_state_dict(weights.load(recipe.start, torch.float32).state_dict())
        heads = load_file(recipe.start.parent / HEADS_FILE)
        learner.load_state_dict({name: tensor.float() for name, tensor in heads.items()}, strict=False)
    return learner


def export_with_heads(learner: Learner, processor: Processor, folder: Path) -> None:
    """Writes the model to `model` and the training heads beside it, both in bfloat16; the learner is not changed."""
    export(copy.deepcopy(learner.model), processor, folder / "model", start=None)
    heads = {name: tensor for name, tensor in learner.state_dict().items() if not name.startswith("model.")}
    with atomic_path(folder / HEADS_FILE) as aside:
        save_file({name: tensor.to(torch.bfloat16) for name, tensor in heads.items()}, aside)

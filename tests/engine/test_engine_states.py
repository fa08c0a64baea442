"""Whatever happens in any order, blocks are counted right, and all are free at the end."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from prompts import CONFIG, prompt

from demiglace.engine.engine import Engine, EngineConfig, Failure
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.token_sampler import TokenSampler
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig


def few_weights() -> MiniCPMV:
    """A decoder of some hundred parameters."""
    torch.manual_seed(0)
    llm = Qwen3Config(12, 4, 4, 1, 1, 1, head_dim=4, rope_theta=1e4, rms_norm_eps=1e-6, max_position_embeddings=40)
    return MiniCPMV(replace(CONFIG, resampler=ResamplerConfig(4, 4, 16, 1), llm=llm)).eval()


MODEL = few_weights()


class EngineMachine(RuleBasedStateMachine):
    """Requests are put, cancelled and worked on in any order, with few blocks, rows and tokens at a time."""

    @initialize(size=st.sampled_from([1, 2, 4]), rows=st.integers(1, 4), chunk=st.integers(1, 20))
    def begin(self, size: int, rows: int, chunk: int) -> None:
        config = EngineConfig(size, num_blocks=40 // size, max_rows=rows, max_prefill_tokens=chunk, visual_bytes=300)
        self.engine = Engine(MODEL, config)
        self.under_way: set[int] = set()

    @rule(
        start=st.lists(st.integers(2, 4), max_size=12),
        pictures=st.integers(0, 2),
        length=st.integers(1, 12),
        beams=st.sampled_from([1, 1, 2, 3]),
    )
    def add(self, start: list[int], pictures: int, length: int, beams: int) -> None:
        shown = [[[(1, 2)]] * pictures] if pictures else []
        batch = prompt(*([start] if start else []), *shown, [7], seed=pictures)
        params = replace(SamplingParams.greedy(length), num_beams=min(beams, self.engine.config.max_rows))
        self.under_way.add(self.engine.add(batch, TokenSampler(params)))

    @rule()
    def step(self) -> None:
        steps = self.engine.step()
        assert not any(isinstance(step, Failure) for step in steps)
        self.under_way -= {step.row for step in steps if step.sampled.stopped_by}

    @rule(choice=st.integers(0, 99))
    def cancel(self, choice: int) -> None:
        if self.under_way:
            number = sorted(self.under_way)[choice % len(self.under_way)]
            self.engine.cancel(number)
            self.under_way.remove(number)

    @rule()
    def change_weights(self) -> None:
        self.engine.weights_changed()

    @invariant()
    def blocks_are_counted(self) -> None:
        if not hasattr(self, "engine"):
            return
        blocks, sequences = self.engine.blocks, self.engine.scheduler.sequences
        assert {sequence.number for sequence in sequences} == self.under_way
        held = Counter(block for sequence in sequences for block in sequence.blocks)
        assert blocks.references == [held[block] for block in range(blocks.capacity + 1)]
        assert blocks.num_free + len(held) == blocks.num_blocks
        assert len(self.engine.scheduler.running) <= self.engine.config.max_rows
        for sequence in sequences:
            if sequence.leader is None:
                assert sequence.num_computed <= len(sequence.blocks) * blocks.block_size
            else:  # of a beam that begins, the last block comes with its next token
                assert sequence.num_computed // blocks.block_size <= len(sequence.blocks)

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            for _ in range(1000):  # at most; each step computes at least a token
                if self.engine.is_idle:
                    break
                self.step()
            assert self.engine.is_idle
            assert not self.under_way
            assert self.engine.blocks.num_free == self.engine.blocks.num_blocks
            assert not any(self.engine.blocks.references)


TestEngineStates = pytest.mark.slow(EngineMachine.TestCase)
TestEngineStates.settings = settings(  # 10,000 operations
    max_examples=200, stateful_step_count=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

"""Metrics of the server in Prometheus's format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from demiglace.inference.answer import Answer

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


@dataclass
class Metrics:
    """The metrics of one server."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        def counter(name: str, what: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"demiglace_{name}", what, labels, registry=self.registry)

        def seconds(name: str, what: str) -> Histogram:
            return Histogram(f"demiglace_{name}_seconds", what, buckets=SECONDS, registry=self.registry)

        self.requests = counter("requests", "Requests, by route and status.", ("route", "status"))
        self.answers = counter("answers", "Answers, by why they ended.", ("stopped_by",))
        self.prompt_tokens = counter("prompt_tokens", "Tokens of prompts, visual ones included.")
        self.visual_tokens = counter("visual_tokens", "Visual tokens of prompts.")
        self.new_tokens = counter("new_tokens", "Tokens of answers.")
        self.first_token = seconds("first_token", "From the request to the first token.")
        self.answer = seconds("answer", "From the request to the last token.")
        self.opening = seconds("opening", "Until files were open and the prompt was ready.")

    def gauge(self, name: str, what: str, value: Callable[[], float]) -> None:
        """Register a number that is computed at every scrape."""
        Gauge(f"demiglace_{name}", what, registry=self.registry).set_function(value)

    def answered(self, answer: Answer) -> None:
        self.answers.labels(answer.stopped_by).inc()
        self.prompt_tokens.inc(answer.prompt_tokens)
        self.visual_tokens.inc(answer.visual_tokens)
        self.new_tokens.inc(answer.new_tokens)
        self.first_token.observe(answer.seconds_to_first_token)
        self.answer.observe(answer.seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)

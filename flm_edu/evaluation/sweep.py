"""Quality against steps: every model at every step count, in one tidy table."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from flm_edu.architecture import count_weights
from flm_edu.corpus.text_corpus import TextCorpus
from flm_edu.evaluation.judge import Judge
from flm_edu.evaluation.metrics import distinct_n, known_ngrams, token_entropy, word_ngrams
from flm_edu.evaluation.tables import Point
from flm_edu.files import printable
from flm_edu.generator import TextGenerator
from flm_edu.language import ExactLanguage, Language, TrainingTexts
from flm_edu.language_model import LanguageModel

KEPT_TEXTS = 3  # samples of every cell that a sweep keeps


#: of a (B, L, V) tensor, 256 MiB in float32 (on a GPU 4 GiB): more samples than that are drawn in parts
ENTRIES = {"cpu": 2**26, "cuda": 2**30}


BOUND_DRAWS = 10  # of the noise, in estimates of a likelihood bound


KNOWN_ROWS = 100_000  # of the training text, from which known words and pairs are taken


def sweep(
    models: Mapping[str, TextGenerator],
    data: ExactLanguage | TextCorpus,
    steps: Sequence[int],
    *,
    samplers: Mapping[str, str] | None = None,
    temperatures: Sequence[float] | None = None,
    samples: int = 1000,
    seed: int = 0,
    judge: Judge | None = None,
    on_point: Callable[[Point], None] | None = None,
) -> list[Point]:
    """Measure every model at every number of steps, the data itself first as the reference.

    Every cell starts from the same seed, so models on one device see the same noise. A model whose number of steps is
    fixed (autoregression) is measured once, at that number. With a judge, its perplexity of the decoded
    samples stands beside their entropy and distinct n-grams, and that of the data is the reference.

    Args:
        models: what is measured, by the names of the table.
        data: what it was trained on; of `TrainingTexts` the whole language is the reference, and novelty and
            memorization are measured too.
        steps: numbers of network evaluations.
        samplers: model name -> its sampler, where that is not the first of its `SAMPLERS`.
        temperatures: of the draws of every model that draws words, for a frontier; 1 where left out.
        samples: texts for each cell.
        seed: of all draws.
        judge: for generative perplexity.
        on_point: told of every cell.

    Raises:
        ValueError: a number of steps or samples below 1, or a sampler that the model does not have.
    """
    if samples < 1 or not steps or min(steps) < 1:
        raise ValueError("`samples` and every one of `steps` must be at least 1")
    measure = _Measure(data, judge)
    data = measure.data
    points = []

    def add(point: Point) -> None:
        points.append(point)
        if on_point:
            on_point(point)

    generator = torch.Generator().manual_seed(seed)
    started = time.perf_counter()
    reference = (
        data.sample(samples, generator=generator) if isinstance(data, ExactLanguage) else data.held_out[:samples]
    )
    add(measure(reference.long(), data.name, "data", 0, time.perf_counter() - started))
    for name, model in models.items():
        sampler = (samplers or {}).get(name)
        footing = _footing(model, reference.long(), data.vocab_size, seed)
        model.sample(1, 1, generator=generator, sampler=sampler)  # what is done once, on a GPU above all, is not timed
        counts = steps if model.fixed_steps is None else [model.fixed_steps]
        warmths = temperatures if temperatures and model.draws_words(sampler) else [None]
        for count, warmth in itertools.product(counts, warmths):
            parts = _parts(samples, data.length * data.vocab_size, model.device)
            with _count_evaluations(model) as evaluations:
                # On a GPU noise is drawn there: drawn here, it would take longer than the network.
                generator, started = torch.Generator(model.device).manual_seed(seed), time.perf_counter()
                draw: dict[str, Any] = {"generator": generator, "sampler": sampler}
                draw |= {} if warmth is None else {"temperature": warmth}
                tokens = torch.cat([model.sample(part, count, **draw).cpu() for part in parts])
                seconds = time.perf_counter() - started
            calls = evaluations()
            point = measure(tokens, name, model.kind, count, seconds)
            called = None if calls is None else math.ceil(calls / len(parts))
            add(replace(point, evaluations=called, temperature=warmth, **footing))
    return points


def _parts(samples: int, entries: int, device: torch.device) -> list[int]:
    """Return this number of samples in parts that fit into memory, each sample needing this number of entries."""
    most = max(1, ENTRIES[device.type] // entries)
    return [most] * (samples // most) + ([samples % most] if samples % most else [])


@torch.no_grad()
def _footing(model: TextGenerator, data: Tensor, vocab_size: int, seed: int) -> dict[str, Any]:
    """Return what a comparison must hold equal, and what the model says of texts (B, L) of the data; trained models only."""
    if not isinstance(model, LanguageModel):
        return {}
    facts: dict[str, Any] = {
        "weights": count_weights(model.network),
        "training_tokens": training_tokens(model.provenance, data.shape[1]),
    }
    generator = torch.Generator().manual_seed(seed)
    draws: list[float] = []
    for _ in range(1 if model.EXACT_LIKELIHOOD else BOUND_DRAWS):
        total = 0.0
        for rows in torch.split(data, _parts(len(data), data.shape[1] * vocab_size, model.device)):
            bound = model.likelihood_bound(rows.to(model.device), generator)
            if bound is None:
                return facts
            total += float(bound) * len(rows)
        draws.append(total / len(data))
    facts["likelihood_bound"] = round(statistics.fmean(draws), 5)
    if len(draws) > 1:
        facts["likelihood_error"] = round(statistics.stdev(draws) / len(draws) ** 0.5, 5)
    return facts


def training_tokens(provenance: Mapping[str, Any], length: int) -> int | None:
    """Return how many tokens of data a model has read, in all trainings that led to it; None if it does not say."""
    try:
        rounds = (provenance.get("objective") or {}).get("round", 1)
        own = int(rounds) * int(provenance["steps"]) * int(provenance["training"]["batch"]) * length
        before = provenance.get("init") or provenance.get("teacher")  # the earlier training names the teacher itself
        return own + ((training_tokens(before, length) or 0) if before else 0)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):  # a file may say anything
        return None


@contextmanager
def _count_evaluations(model: TextGenerator) -> Iterator[Callable[[], int | None]]:
    """Count how often the model's network is called; None for a model without one."""
    if not isinstance(model, LanguageModel):
        yield lambda: None
        return
    calls: list[None] = []
    handle = model.network.register_forward_hook(lambda *_: calls.append(None))
    try:
        yield lambda: len(calls)
    finally:
        handle.remove()


class _Measure:
    """Turns samples into a `Point`; knows the data to compare them with."""

    def __init__(self, data: ExactLanguage | TextCorpus, judge: Judge | None):
        self.training = data if isinstance(data, TrainingTexts) else None
        self.data, self.judge = data if self.training is None else self.training.whole, judge
        if isinstance(data, TextCorpus):
            texts = data.decode(data.tokens[:KNOWN_ROWS])
            self.words, self.pairs = word_ngrams(texts, 1), word_ngrams(texts, 2)

    def __call__(self, tokens: Tensor, model: str, kind: str, steps: int, seconds: float) -> Point:
        facts: dict[str, Any] = {
            "entropy": token_entropy(tokens),
            "distinct_1": distinct_n(tokens, 1),
            "distinct_2": distinct_n(tokens, 2) if tokens.shape[1] > 1 else 1.0,
        }
        if isinstance(self.data, ExactLanguage):
            nll = self.data.negative_log_likelihood(tokens)
            valid = nll.isfinite()
            facts["validity"] = float(valid.double().mean())
            facts["nll"] = float(nll[valid].mean()) / self.data.length if bool(valid.any()) else None
            if self.training is not None:
                seen = self.training.contains(tokens)
                facts["novelty"] = float((valid & ~seen).double().mean())
                facts["memorized"] = float(seen.double().mean())
            if isinstance(self.data, Language):  # in a larger one hardly any text comes twice
                facts["total_variation"] = self.data.total_variation(tokens)
                facts["total_variation_exact"] = self.data.expected_total_variation(len(tokens))
        else:
            texts = self.data.decode(tokens)
            facts["known_words"] = known_ngrams(texts, self.words, 1)
            facts["known_pairs"] = known_ngrams(texts, self.pairs, 2)
        if self.judge is not None:
            facts["judge_perplexity"] = self.judge.perplexity(self.data.decode(tokens))
        rounded: dict[str, Any] = {name: None if value is None else round(value, 5) for name, value in facts.items()}
        kept = tuple(self.data.decode(tokens[:KEPT_TEXTS]))
        return Point(printable(model), kind, steps, len(tokens), round(seconds, 4), **rounded, texts=kept)

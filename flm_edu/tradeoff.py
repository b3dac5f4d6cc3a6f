"""Quality against steps: every model at every step count, in one tidy table."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from flm_edu.files import write_aside
from flm_edu.language import Language
from flm_edu.metrics import distinct_n, known_ngrams, token_entropy, word_ngrams
from flm_edu.text import TextCorpus


class Generator(Protocol):
    """Anything that samples: trained models, baselines and the perfect models alike."""

    @property
    def kind(self) -> str:
        """Model family, such as "flow-lm"."""
        ...

    def sample(self, n: int, steps: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Tokens (n, L) in `steps` network evaluations."""
        ...


@dataclass(frozen=True)
class Point:
    """One model at one number of steps; what does not apply is None."""

    model: str
    kind: str  # flow-lm, flow-map-lm, ... or "data" for the language or the held-out text itself
    steps: int  # network evaluations per sample; 0 for data
    samples: int
    seconds: float  # to draw all samples
    validity: float | None = None  # share of texts of the language
    nll: float | None = None  # mean -log p of the valid ones, nats per token
    total_variation: float | None = None
    total_variation_exact: float | None = None  # what exact samples of this number show on average
    entropy: float = 0.0  # of a sample's own tokens, nats
    distinct_1: float = 0.0
    distinct_2: float = 0.0
    known_words: float | None = None  # real text: share of words that the training text holds
    known_pairs: float | None = None  # real text: share of neighbouring words seen together there


def sweep(
    models: Mapping[str, Generator],
    data: Language | TextCorpus,
    steps: Sequence[int],
    *,
    samples: int = 1000,
    seed: int = 0,
    on_point: Callable[[Point], None] | None = None,
) -> list[Point]:
    """Measure every model at every number of steps, the data itself first as the reference.

    Every cell starts from the same seed, so models see the same noise.

    Raises:
        ValueError: a number of steps or samples below 1.
    """
    if samples < 1 or not steps or min(steps) < 1:
        raise ValueError("--samples and every one of --steps must be at least 1")
    measure = _Measure(data)
    points = []

    def add(point: Point) -> None:
        points.append(point)
        if on_point:
            on_point(point)

    generator = torch.Generator().manual_seed(seed)
    started = time.perf_counter()
    reference = data.sample(samples, generator=generator) if isinstance(data, Language) else data.held_out[:samples]
    add(measure(reference.long(), data.name, "data", 0, time.perf_counter() - started))
    for name, model in models.items():
        for count in steps:
            started = time.perf_counter()
            tokens = model.sample(samples, count, generator=torch.Generator().manual_seed(seed)).cpu()
            add(measure(tokens, name, model.kind, count, time.perf_counter() - started))
    return points


class _Measure:
    """Turns samples into a `Point`; knows the data to compare them with."""

    def __init__(self, data: Language | TextCorpus):
        self.data = data
        if isinstance(data, TextCorpus):
            texts = data.decode(data.tokens)
            self.words, self.pairs = word_ngrams(texts, 1), word_ngrams(texts, 2)

    def __call__(self, tokens: Tensor, model: str, kind: str, steps: int, seconds: float) -> Point:
        facts: dict[str, Any] = {
            "entropy": token_entropy(tokens),
            "distinct_1": distinct_n(tokens, 1),
            "distinct_2": distinct_n(tokens, 2) if tokens.shape[1] > 1 else 1.0,
        }
        if isinstance(self.data, Language):
            nll = self.data.negative_log_likelihood(tokens)
            valid = nll.isfinite()
            facts["validity"] = self.data.validity(tokens)
            facts["nll"] = float(nll[valid].mean()) / self.data.length if bool(valid.any()) else None
            facts["total_variation"] = self.data.total_variation(tokens)
            facts["total_variation_exact"] = self.data.expected_total_variation(len(tokens))
        else:
            texts = self.data.decode(tokens)
            facts["known_words"] = known_ngrams(texts, self.words, 1)
            facts["known_pairs"] = known_ngrams(texts, self.pairs, 2)
        rounded: dict[str, Any] = {name: None if value is None else round(value, 5) for name, value in facts.items()}
        return Point(model, kind, steps, len(tokens), round(seconds, 4), **rounded)


def save_sweep(points: Sequence[Point], path: str | Path, provenance: dict[str, Any]) -> None:
    """Write the table as PATH.csv and, with provenance, as PATH.json (whatever suffix `path` has)."""
    path = Path(path)
    with write_aside(path.parent, f"{path.stem}.csv", f"{path.stem}.json") as (csv_path, json_path):
        with open(csv_path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [f.name for f in fields(Point)])
            writer.writeheader()
            writer.writerows(asdict(point) for point in points)
        content = {"provenance": provenance, "points": [asdict(point) for point in points]}
        json_path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load_sweep(path: str | Path) -> list[Point]:
    """The points of a file written by `save_sweep`.

    Raises:
        ValueError: the file is not such a table.
    """
    try:
        return [Point(**row) for row in json.loads(Path(path).read_text(encoding="utf-8"))["points"]]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a sweep written by flm-edu evaluate ({error})") from error


COLUMNS = {
    "validity": ("valid", "{:.1%}"),
    "total_variation": ("tot. var.", "{:.3f}"),
    "total_variation_exact": ("(exact)", "{:.3f}"),
    "nll": ("nats/tok", "{:.3f}"),
    "known_words": ("known words", "{:.1%}"),
    "known_pairs": ("known pairs", "{:.1%}"),
    "entropy": ("entropy", "{:.2f}"),
    "distinct_2": ("distinct-2", "{:.3f}"),
    "seconds": ("seconds", "{:.2f}"),
}


def table(points: Sequence[Point]) -> list[list[str]]:
    """Rows of text, the header first, with the columns that any point has."""
    used = [name for name in COLUMNS if any(getattr(point, name) is not None for point in points)]
    rows = [["model", "steps", *(COLUMNS[name][0] for name in used)]]
    for point in points:
        values = ((getattr(point, name), COLUMNS[name][1]) for name in used)
        cells = ["-" if value is None else form.format(value) for value, form in values]
        rows.append([point.model, str(point.steps or "-"), *cells])
    return rows


def format_table(points: Sequence[Point]) -> str:
    """The table as aligned plain text."""
    rows = table(points)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        lines.append("  ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]))
    return "\n".join(lines)

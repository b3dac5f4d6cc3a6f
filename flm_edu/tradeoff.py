"""Quality against steps: every model at every step count, in one tidy table."""

from __future__ import annotations

import csv
import json
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from flm_edu.files import data_dir, write_aside
from flm_edu.judge import Judge
from flm_edu.language import Language
from flm_edu.metrics import distinct_n, known_ngrams, token_entropy, word_ngrams
from flm_edu.models import LanguageModel
from flm_edu.network import count_weights
from flm_edu.text import TextCorpus

KEPT_TEXTS = 3  # samples of every cell that a sweep keeps
#: of a (B, L, V) tensor, 256 MiB in float32 (on a GPU 4 GiB): more samples than that are drawn in parts
ENTRIES = {"cpu": 2**26, "cuda": 2**30}
BOUND_DRAWS = 10  # of the noise, in estimates of a likelihood bound
KNOWN_ROWS = 100_000  # of the training text, from which known words and pairs are taken


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
    steps: int  # as asked for, or what the model always takes; 0 for data
    samples: int
    seconds: float  # to draw all samples
    validity: float | None = None  # share of texts of the language
    nll: float | None = None  # mean -log p of the valid ones, nats per token
    total_variation: float | None = None
    total_variation_exact: float | None = None  # what exact samples of this number show on average
    entropy: float = 0.0  # of a sample's own tokens, nats
    distinct_1: float = 0.0
    distinct_2: float = 0.0
    known_words: float | None = None  # real text: share of words that the training text (its `KNOWN_ROWS`) holds
    known_pairs: float | None = None  # real text: share of neighbouring words seen together there
    evaluations: int | None = None  # of the network, counted; fewer than steps where no sample of a batch needs one
    weights: int | None = None  # of the network
    training_tokens: int | None = None  # read in all trainings that led to it, its teacher's included
    likelihood_bound: float | None = None  # of the data under the model, nats per token; exact for autoregression
    likelihood_error: float | None = None  # standard error of the bound, where it is estimated
    judge_perplexity: float | None = None  # by the judge that the provenance names; empty texts have none
    texts: tuple[str, ...] = ()  # the first few samples, to be read; in the .json only


def sweep(
    models: Mapping[str, Generator],
    data: Language | TextCorpus,
    steps: Sequence[int],
    *,
    samples: int = 1000,
    seed: int = 0,
    judge: Judge | None = None,
    on_point: Callable[[Point], None] | None = None,
) -> list[Point]:
    """Measure every model at every number of steps, the data itself first as the reference.

    Every cell starts from the same seed, so models on one device see the same noise. A model whose number of steps is
    fixed (autoregression) is measured once, at that number. With a judge, its perplexity of the decoded
    samples stands beside their entropy and distinct n-grams, and that of the data is the reference.

    Raises:
        ValueError: a number of steps or samples below 1.
    """
    if samples < 1 or not steps or min(steps) < 1:
        raise ValueError("--n and every one of --steps must be at least 1")
    measure = _Measure(data, judge)
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
        fixed: int | None = getattr(model, "fixed_steps", None)
        footing = _footing(model, reference.long(), data.vocab_size, seed)
        model.sample(1, 1, generator=generator)  # what is done once, on a GPU above all, is not timed
        for count in steps if fixed is None else [fixed]:
            device = model.device if isinstance(model, LanguageModel) else torch.device("cpu")
            parts = _parts(samples, data.length * data.vocab_size, device)
            with _count_evaluations(model) as evaluations:
                # On a GPU noise is drawn there: drawn here, it would take longer than the network.
                generator, started = torch.Generator(device).manual_seed(seed), time.perf_counter()
                tokens = torch.cat([model.sample(part, count, generator=generator).cpu() for part in parts])
                seconds = time.perf_counter() - started
            calls = evaluations()
            point = measure(tokens, name, model.kind, count, seconds)
            add(replace(point, evaluations=None if calls is None else math.ceil(calls / len(parts)), **footing))
    return points


def _parts(samples: int, entries: int, device: torch.device) -> list[int]:
    """So many samples in parts that fit into memory, each sample needing so many entries."""
    most = max(1, ENTRIES[device.type] // entries)
    return [most] * (samples // most) + ([samples % most] if samples % most else [])


@torch.no_grad()
def _footing(model: Generator, data: Tensor, vocab_size: int, seed: int) -> dict[str, Any]:
    """What a comparison must hold equal, and what the model says of texts (B, L) of the data; trained models only."""
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
    """How many tokens of data a model has read, its teacher and its earlier courses included; None if it does not say."""
    if "training" not in provenance:
        return None
    rounds = (provenance.get("objective") or {}).get("round", 1)
    own = rounds * provenance["steps"] * provenance["training"]["batch"] * length
    before = provenance.get("init") or provenance.get("teacher")  # the earlier course names the teacher itself
    return own + ((training_tokens(before, length) or 0) if before else 0)


@contextmanager
def _count_evaluations(model: Generator) -> Iterator[Callable[[], int | None]]:
    """How often the model's network is called; None for a model without one."""
    network = getattr(model, "network", None)
    if not isinstance(network, nn.Module):
        yield lambda: None
        return
    calls: list[None] = []
    handle = network.register_forward_hook(lambda *_: calls.append(None))
    try:
        yield lambda: len(calls)
    finally:
        handle.remove()


class _Measure:
    """Turns samples into a `Point`; knows the data to compare them with."""

    def __init__(self, data: Language | TextCorpus, judge: Judge | None):
        self.data, self.judge = data, judge
        if isinstance(data, TextCorpus):
            texts = data.decode(data.tokens[:KNOWN_ROWS])
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
        if self.judge is not None:
            facts["judge_perplexity"] = self.judge.perplexity(self.data.decode(tokens))
        rounded: dict[str, Any] = {name: None if value is None else round(value, 5) for name, value in facts.items()}
        kept = tuple(self.data.decode(tokens[:KEPT_TEXTS]))
        return Point(model, kind, steps, len(tokens), round(seconds, 4), **rounded, texts=kept)


def save_sweep(points: Sequence[Point], path: str | Path, provenance: dict[str, Any]) -> None:
    """Write the table as PATH.csv and, with provenance and a few texts a row, as PATH.json (whatever suffix `path` has)."""
    path = Path(path)
    with write_aside(path.parent, f"{path.stem}.csv", f"{path.stem}.json") as (csv_path, json_path):
        with open(csv_path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [f.name for f in fields(Point) if f.name != "texts"], extrasaction="ignore")
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
        rows = json.loads(Path(path).read_text(encoding="utf-8"))["points"]
        return [Point(**{**row, "texts": tuple(row.get("texts", ()))}) for row in rows]
    except IsADirectoryError as error:
        raise ValueError(f"{path} is a folder; name a .json file that flm-edu evaluate or demo wrote") from error
    except (ValueError, KeyError, TypeError) as error:  # not JSON, not UTF-8, or other JSON
        raise ValueError(f"{path} is not a sweep written by flm-edu evaluate, which is its .json ({error})") from error


def load_sweeps(paths: Sequence[str | Path]) -> list[Point]:
    """The points of several such files; a model that more than one of them holds is named after its file in each.

    Raises:
        ValueError: as `load_sweep`.
    """
    tables = {Path(path): load_sweep(path) for path in paths}
    held = Counter(name for points in tables.values() for name in {point.model for point in points if point.steps})
    return [
        replace(point, model=f"{point.model}, {path.with_suffix('')}")
        if point.steps and held[point.model] > 1
        else point
        for path, points in tables.items()
        for point in points
    ]


def shipped_sweeps(data: str) -> list[Point]:
    """The points of every sweep of a data set that comes with the package, data/sweeps/DATA-*.json; [] for none.

    A model that several files hold is taken from the first in the order of their names, and from no other.
    """
    points: list[Point] = []
    for path in sorted((data_dir() / "sweeps").glob(f"{data}-*.json")):
        known = {point.model for point in points}
        points += [point for point in load_sweep(path) if point.model not in known]
    return points


def published(name: str) -> list[dict[str, Any]]:
    """The paper's own figures, with their source: rows of "lm1b", "openwebtext" or "ablations", in data/reference.

    `steps` is an int, `perplexity` (by the named judge) and `entropy` (nats; None where none is given) are floats.

    Raises:
        ValueError: there is no such table; the message lists them.
    """
    folder = data_dir() / "reference"
    known = sorted(path.stem for path in folder.glob("*.csv"))
    if name not in known:
        raise ValueError(f"no published figures {name!r}; choose one of {', '.join(known)}")
    with open(folder / f"{name}.csv", encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        row |= {"steps": int(row["steps"]), "perplexity": float(row["perplexity"])}
        if "entropy" in row:
            row["entropy"] = float(row["entropy"]) if row["entropy"] else None
    return rows


COLUMNS = {
    "validity": ("valid", "{:.1%}"),
    "total_variation": ("tot. var.", "{:.3f}"),
    "total_variation_exact": ("(exact)", "{:.3f}"),
    "nll": ("nats/tok", "{:.3f}"),
    "known_words": ("known words", "{:.1%}"),
    "known_pairs": ("known pairs", "{:.1%}"),
    "judge_perplexity": ("judge ppl", "{:.1f}"),
    "entropy": ("entropy", "{:.2f}"),
    "distinct_1": ("distinct-1", "{:.3f}"),
    "distinct_2": ("distinct-2", "{:.3f}"),
    "evaluations": ("evals", "{:d}"),
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


def footing_table(points: Sequence[Point]) -> list[list[str]]:
    """What each trained model cost and knows, the header first: for judging whether a comparison is fair."""
    rows = [["model", "weights", "training tokens", "nats/tok of the data, at most"]]
    for point in {point.model: point for point in points if point.weights is not None}.values():
        read = "-" if point.training_tokens is None else f"{point.training_tokens:,}"
        bound = "-" if point.likelihood_bound is None else f"{point.likelihood_bound:.3f}"
        bound += "" if point.likelihood_error is None else f" +- {point.likelihood_error:.3f}"
        rows.append([point.model, f"{point.weights:,}", read, bound])
    return rows


def format_table(points: Sequence[Point]) -> str:
    """The table as aligned plain text."""
    return _aligned(table(points))


def format_footing(points: Sequence[Point]) -> str:
    """`footing_table` as aligned plain text; empty without a trained model."""
    rows = footing_table(points)
    return _aligned(rows) if len(rows) > 1 else ""


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        lines.append("  ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]))
    return "\n".join(lines)

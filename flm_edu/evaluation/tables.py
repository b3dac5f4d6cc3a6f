"""The table of a sweep: its rows, its files, its text."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from flm_edu.files import data_dir, printable, write_aside


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
    novelty: float | None = None  # share of samples that are valid and not among the training texts, if those are few
    memorized: float | None = None  # share of samples that are among them
    judge_perplexity: float | None = None  # by the judge that the provenance names; empty texts have none
    temperature: float | None = None  # of the draws, where several were compared; None for what draws no word
    texts: tuple[str, ...] = ()  # the first few samples, to be read; in the .json only


def save_sweep(points: Sequence[Point], path: str | Path, provenance: dict[str, Any]) -> tuple[Path, Path]:
    """Write the table as PATH.csv and, with provenance and a few texts a row, as PATH.json; return both paths.

    A suffix .csv or .json of `path` is cut off, and no other.
    """
    path = Path(path)
    names = [path.name.removesuffix(".csv").removesuffix(".json") + suffix for suffix in (".csv", ".json")]
    with write_aside(path.parent, *names) as (csv_path, json_path):
        with open(csv_path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [f.name for f in fields(Point) if f.name != "texts"], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(asdict(point) for point in points)
        content = {"provenance": provenance, "points": [asdict(point) for point in points]}
        json_path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path.with_name(names[0]), path.with_name(names[1])


def load_sweep(path: str | Path) -> list[Point]:
    """Return the points of a file written by `save_sweep`.

    Raises:
        ValueError: the file is not such a table.
    """
    try:
        rows = json.loads(Path(path).read_text(encoding="utf-8-sig"))["points"]
        return [_sound(Point(**{**row, "texts": tuple(row.get("texts", ()))})) for row in rows]
    except IsADirectoryError as error:
        raise ValueError(f"{path} is a folder; name a .json file that flm-edu evaluate or demo wrote") from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:  # no JSON, no UTF-8, other JSON
        raise ValueError(f"{path} is not a sweep written by flm-edu evaluate, which is its .json ({error})") from error


def _sound(point: Point) -> Point:
    """Return a point out of a file, whose entries are of the types above.

    Raises:
        ValueError: one is not, or is a number that cannot be drawn, or a text that cannot be written.
    """
    kinds: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "tuple[str, ...]": tuple}
    for entry in fields(Point):
        kind, _, optional = str(entry.type).partition(" | ")
        value = getattr(point, entry.name)
        if optional and value is None:
            continue
        if not isinstance(value, kinds[kind]) or isinstance(value, bool):
            raise ValueError(f"`{entry.name}` is {value!r:.40}")
        if kind in ("int", "float") and not (entry.name == "samples") <= abs(value) < 1e15:
            raise ValueError(f"`{entry.name}` is {value!r:.40}")
        "".join([value] if isinstance(value, str) else value if isinstance(value, tuple) else ()).encode()
    return point


def load_sweeps(paths: Sequence[str | Path]) -> list[Point]:
    """Return the points of several such files; a model that more than one of them holds is named after its file in each.

    Raises:
        ValueError: as `load_sweep`.
    """
    tables = {Path(path): load_sweep(path) for path in paths}
    held = Counter(name for points in tables.values() for name in {point.model for point in points if point.steps})
    return [
        replace(point, model=printable(f"{point.model}, {path.with_suffix('')}"))
        if point.steps and held[point.model] > 1
        else point
        for path, points in tables.items()
        for point in points
    ]


def shipped_sweeps(data: str) -> list[Point]:
    """Return the points of every sweep of a data set that comes with the package, data/sweeps/DATA-*.json; [] for none.

    A model that several files hold is taken from the first in the order of their names, and from no other.
    """
    points: list[Point] = []
    for path in sorted((data_dir() / "sweeps").glob(f"{data}-*.json")):
        known = {point.model for point in points}
        points += [point for point in load_sweep(path) if point.model not in known]
    return points


def published(name: str) -> list[dict[str, Any]]:
    """Return the paper's own figures, with their source: rows of "lm1b", "openwebtext" or "ablations", in data/reference.

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

"""StepCountExplorer: quality against network evaluations, or against seconds, for every family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import traitlets

from flm_edu.evaluation.tables import Point, load_sweep, load_sweeps, published
from flm_edu.files import data_dir
from flm_edu.plots.curves import METRICS
from flm_edu.widgets.base import Choice, Number, Switch, Widget, javascript


class StepCountExplorer(Widget):
    """The trade-off: each line is a model, each mark one number of steps; click a mark to read it and its texts.

    With generative perplexity come the paper's own figures for OpenWebText as faint marks, to see the shape of
    the curves at scale. They are no comparison, and the legend says so: GPT-2 Large judged them, on another corpus.
    The paper has no figure for any of the other metrics that a sweep here measures alike.

    Args:
        sweep: points, or .json files of `flm-edu evaluate`; the package's own data/sweeps unless given.
        samples: (model, steps) -> texts to read at that mark, instead of those that the sweep kept.
        **state: any attribute below.

    Attributes:
        data: one of `datasets`, the languages or corpora that the sweeps measured.
        metric: one of `metrics`, those of plots/curves.py that the points have; where the data's own points
            lack it, the first that they have is drawn.
        axis: what quality is drawn against, "steps" or "seconds" per sample.
        paper: whether the paper's figures are drawn, where it has some.
        selected: the mark being read, in the order of the points; -1 for none.

    Raises:
        ValueError: a file is no sweep, or the points hold no known metric.

    Source: docs/EQUATIONS.md. Screenshots: docs/images/step-count-light.png, -dark.png.
    """

    title = "Quality against steps"
    _esm = javascript("chart.js", "step_count.js")

    points: Any = traitlets.List().tag(sync=True)
    texts = traitlets.Dict().tag(sync=True)
    metric_info = traitlets.Dict().tag(sync=True)
    metrics: Any = traitlets.List().tag(sync=True)
    datasets: Any = traitlets.List().tag(sync=True)
    data = Choice("", options_of="datasets").tag(sync=True)
    metric = Choice("validity", options_of="metrics").tag(sync=True)
    axis = Choice("steps", ("steps", "seconds")).tag(sync=True)
    reference: Any = traitlets.List().tag(sync=True)
    paper = Switch(True).tag(sync=True)
    selected = Number(-1, -1, 10_000, whole=True).tag(sync=True)

    def __init__(
        self,
        sweep: Sequence[Point] | Sequence[str | Path] | str | Path | None = None,
        *,
        samples: Mapping[tuple[str, int], Sequence[str]] | None = None,
        **state: Any,
    ):
        if sweep is None:
            shipped = sorted((data_dir() / "sweeps").glob("*.json"))
            loaded = [point for path in shipped for point in load_sweep(path)]
            state = {"data": "tales", **state}
        elif isinstance(sweep, str | Path):
            loaded = load_sweep(sweep)
        else:
            loaded = [item for item in sweep if isinstance(item, Point)]
            loaded = loaded or load_sweeps([item for item in sweep if not isinstance(item, Point)])
        found: dict[tuple[str, str, int], Point] = {}  # the data comes first in every sweep of it; once is enough
        data = ""
        for point in loaded:
            data = data if point.steps else point.model
            found[data, point.model, point.steps] = point
        points = list(found.values())
        metrics = [name for name in METRICS if any(getattr(point, name) is not None for point in points)]
        if not metrics:
            raise ValueError("there is nothing to draw: the sweep has no points; make one with flm-edu evaluate")
        given = samples or {}
        texts = {i: list(given.get((p.model, p.steps), p.texts)) for i, p in enumerate(points)}
        datasets = list(dict.fromkeys(data for data, _, _ in found))
        super().__init__(
            points=[_row(point, data) for (data, _, _), point in found.items()],
            texts={str(i): lines for i, lines in texts.items() if lines},
            reference=_published() if "judge_perplexity" in metrics else [],
            metric_info={name: METRICS[name]._asdict() for name in metrics},
            metrics=metrics,
            datasets=datasets,
            **{"metric": metrics[0], "data": datasets[0], **state},
        )


def _row(point: Point, data: str) -> dict[str, Any]:
    """Return a point as the picture reads it; the texts are kept apart."""
    return {name: value for name, value in asdict(point).items() if name != "texts"} | {"data": data}


_PUBLISHED = {"FLM": "flow-lm", "FMLM": "flow-map-lm", "Duo+DCD": "uniform", "MDLM+SDTT": "masked"}


def _published() -> list[dict[str, Any]]:
    """Return the paper's generative perplexities on OpenWebText: model, kind, steps, judge_perplexity."""
    return [
        {
            "model": row["model"],
            "kind": _PUBLISHED[row["model"]],
            "steps": row["steps"],
            "judge_perplexity": row["perplexity"],
        }
        for row in published("openwebtext")
        if row["model"] in _PUBLISHED
    ]

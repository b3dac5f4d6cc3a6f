"""StepCountExplorer: quality against network evaluations, or against seconds, for every family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import traitlets

from flm_edu.files import data_dir
from flm_edu.plots.curves import METRICS
from flm_edu.tradeoff import Point, load_sweep
from flm_edu.widgets.base import Choice, Number, Widget, javascript


class StepCountExplorer(Widget):
    """The trade-off: each line is a model, each mark one number of steps; click a mark to read it.

    Args:
        sweep: points, or .json files of `flm-edu evaluate`; the package's own data/sweeps unless given.
        samples: (model, steps) -> texts to read at that mark.
        **state: any attribute below.

    Attributes:
        metric: one of `metrics`, those of plots/curves.py that the points have.
        axis: what quality is drawn against, "steps" or "seconds" per sample.
        selected: the mark being read, in the order of the points; -1 for none.

    Raises:
        ValueError: a file is no sweep, or the points hold no known metric.

    Source: METHOD.md, "Sampling". Screenshots: docs/images/step-count-light.png, -dark.png.
    """

    title = "Quality against steps"
    _esm = javascript("step_count.js")

    points: Any = traitlets.List().tag(sync=True)
    texts = traitlets.Dict().tag(sync=True)
    metric_info = traitlets.Dict().tag(sync=True)
    metrics: Any = traitlets.List().tag(sync=True)
    metric = Choice("validity", options_of="metrics").tag(sync=True)
    axis = Choice("steps", ("steps", "seconds")).tag(sync=True)
    selected = Number(-1, -1, 10_000, whole=True).tag(sync=True)

    def __init__(
        self,
        sweep: Sequence[Point] | Sequence[str | Path] | str | Path | None = None,
        *,
        samples: Mapping[tuple[str, int], Sequence[str]] | None = None,
        **state: Any,
    ):
        if sweep is None:
            sweep = sorted((data_dir() / "sweeps").glob("*.json"))
        elif isinstance(sweep, str | Path):
            sweep = [sweep]
        points = [p for item in sweep for p in ([item] if isinstance(item, Point) else load_sweep(item))]
        metrics = [name for name in METRICS if any(getattr(point, name) is not None for point in points)]
        if not metrics:
            raise ValueError("there is nothing to draw: the sweep has no points; make one with flm-edu evaluate")
        info = {name: METRICS[name]._asdict() for name in metrics}
        # The data itself comes first in every sweep of it; once is enough.
        unique = list({(p.model, p.steps): p for p in points}.values())
        texts = {f"{model} {steps}": list(lines) for (model, steps), lines in (samples or {}).items()}
        super().__init__(
            points=[asdict(point) for point in unique],
            texts=texts,
            metric_info=info,
            metrics=metrics,
            **{"metric": metrics[0], **state},
        )

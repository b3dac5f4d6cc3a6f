"""TrainingMonitor: the loss on its way to the exact floor, live or from a metrics file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import traitlets

from flm_edu.files import data_dir
from flm_edu.grammar import load_language
from flm_edu.language import ExactLanguage
from flm_edu.oracle.flow import PerfectFlow
from flm_edu.plots.records import FIGURES, PROGRESS, figure
from flm_edu.training.records import METRICS_FILE, read_metrics
from flm_edu.widgets.base import Choice, Number, Widget, javascript

FLOOR_SAMPLES = 1024


class TrainingMonitor(Widget):
    """What a training logged so far: a curve to read, throughput, time left, samples as they improve.

    Live in a notebook: `monitor = TrainingMonitor([], steps=1000)`, show it, then
    `Trainer(..., on_log=monitor.on_log).run()`. Afterwards: `TrainingMonitor("runs/flm")`.

    Args:
        records: of the training log, or the metrics.jsonl of a run, or its folder; the shipped FLM of
            `sentences` unless given.
        language: whose exact floor is drawn: the least cross-entropy that any flow can reach (nats per
            token, Monte Carlo over 1,024 draws). Leave it out for a distillation, whose loss has no such floor.
        kind: of the model, for its colour: "flow-lm" or "flow-map-lm".
        steps: the training will take, for the time left; 0 if not known.
        sampler: called after each record, gives texts to show.
        **state: any attribute below.

    Attributes:
        series: which figure of the records is drawn, one of `all_series`.
        figures: how each is shown: its row of `FIGURES` in plots/records.py.
        at: the record being read; -1 for the last.

    Raises:
        ValueError: the file cannot be read as a training log.

    Source: docs/EQUATIONS.md. Screenshots: docs/images/training-light.png, -dark.png.
    """

    title = "A training on its way to the floor"
    _esm = javascript("chart.js", "training.js")

    records: Any = traitlets.List().tag(sync=True)
    texts: Any = traitlets.List().tag(sync=True)
    floor: Any = traitlets.Float(None, allow_none=True).tag(sync=True)
    kind = traitlets.Unicode("flow-lm").tag(sync=True)
    steps = Number(0, 0, 10**9, whole=True).tag(sync=True)
    figures = traitlets.Dict().tag(sync=True)
    all_series: Any = traitlets.List(["loss"]).tag(sync=True)
    series = Choice("loss", options_of="all_series").tag(sync=True)
    at = Number(-1, -1, 10**6, whole=True).tag(sync=True)

    def __init__(
        self,
        records: Sequence[Mapping[str, float]] | str | Path | None = None,
        *,
        language: ExactLanguage | None = None,
        kind: str = "flow-lm",
        sampler: Callable[[], Sequence[str]] | None = None,
        **state: Any,
    ):
        if records is None:
            records = data_dir() / "checkpoints" / "sentences-flm"
            language = language or load_language("sentences")
        if isinstance(records, str | Path):
            path = Path(records)
            records = read_metrics(path / METRICS_FILE if path.is_dir() else path)
        floor = None
        if language is not None:
            generator = torch.Generator().manual_seed(0)
            floor = float(PerfectFlow(language).cross_entropy_floor(samples=FLOOR_SAMPLES, generator=generator)[0])
        self._sampler = sampler
        kept = [_rounded(record) for record in records]
        series = _series(kept)
        super().__init__(records=kept, figures=_looks(series), all_series=series, floor=floor, kind=kind, **state)

    def on_log(self, record: Mapping[str, float]) -> None:
        """Take one more record: the `on_log` of a Trainer."""
        records = [*self.records, _rounded(record)]
        series = _series(records)
        self.figures = _looks(series)  # before those who need it: the picture may be drawn between two messages
        self.records, self.all_series = records, series
        if self._sampler is not None:
            lines = [str(text) for text in self._sampler()]
            self.texts = [*self.texts, {"step": record["step"], "lines": lines}]


def _rounded(record: Mapping[str, float]) -> dict[str, float]:
    """Round to six digits, enough for a picture; what is not finite cannot be drawn, or kept in JSON."""
    return {name: float(f"{value:.6g}") for name, value in record.items() if abs(value) < float("inf")}


def _series(records: Sequence[Mapping[str, float]]) -> list[str]:
    names = dict.fromkeys(name for record in records for name in record)
    return [name for name in names if name not in PROGRESS] or ["loss"]


def _looks(series: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return how the picture shows each figure: name -> the fields of `Figure`."""
    return {name: figure(name)._asdict() for name in (*FIGURES, *series)}

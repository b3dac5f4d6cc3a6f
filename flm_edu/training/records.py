"""The record of a run: metrics.jsonl, which is read while the run goes on, and TensorBoard's copy of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from flm_edu.files import naming, write_aside

METRICS_FILE = "metrics.jsonl"


class MetricsWriter:
    """Adds records to a directory's files, which stay as they are until `begin`: what comes before waits.

    Args:
        directory: where metrics.jsonl and TensorBoard's folder are.
        step: the step that the run goes on from.
    """

    def __init__(self, directory: Path, step: int):
        self.directory, self.step = directory, step
        self.waiting: list[dict[str, float]] = []
        self.begun = False

    def begin(self) -> None:
        """Open the files, once, without their records after `step`: a resumed run would else be recorded twice."""
        if self.begun:
            return
        self.begun = True
        path = self.directory / METRICS_FILE
        there = read_metrics(path) if self.step and path.is_file() else []
        with write_aside(self.directory, METRICS_FILE) as (aside,):
            kept = "".join(json.dumps(record) + "\n" for record in there if record["step"] <= self.step)
            aside.write_text(kept, encoding="utf-8")
        self.board = self.directory / "tensorboard" / f"events.out.tfevents.{time.time():.6f}"
        self.board.parent.mkdir(exist_ok=True)
        self._show(file_version="brain.Event:2")
        self._show(session_log={"status": "START"}, step=self.step + 1)  # hides what an earlier run showed from here on
        for record in self.waiting:
            self.write(record)

    def write(self, record: dict[str, float]) -> None:
        """Add a record.

        Raises:
            OSError: it cannot be written; names the file.
        """
        if not self.begun:
            self.waiting.append(record)
            return
        path = self.directory / METRICS_FILE
        with naming(path), open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        values = [{"tag": name, "simple_value": value} for name, value in record.items()]
        self._show(summary={"value": values}, step=int(record["step"]))

    def _show(self, **event: Any) -> None:
        """Add an event to TensorBoard's file; not by its own writer, whose thread fails in a traceback."""
        from tensorboard.compat.proto.event_pb2 import Event  # slow to import, so only here
        from tensorboard.summary.writer.record_writer import RecordWriter

        with naming(self.board), open(self.board, "ab") as file:
            RecordWriter(file).write(Event(wall_time=time.time(), **event).SerializeToString())


def read_metrics(path: str | Path) -> list[dict[str, float]]:
    """Read the records of a metrics.jsonl file, oldest first; a last line cut short by a crash is left out.

    Raises:
        ValueError: another line is not a record; names the file and the line.
    """
    records = []
    lines = Path(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            record = {name: float(value) for name, value in json.loads(line).items()}
            int(record["step"])  # which orders them
            records.append(record)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            if number < len(lines):
                raise ValueError(f"{path}, line {number} is not a metrics record ({error})") from error
    return records


class Window:
    """Running means of a stretch of steps, kept on the device so that no step waits for them."""

    def __init__(
        self, device: torch.device, sums: Mapping[str, float] | None = None, counts: Mapping[str, int] | None = None
    ):
        self.sums: dict[str, Any] = dict(sums or {})
        self.counts = dict(counts or {})  # each its own: an objective may have other parts later
        self.bad_step = torch.tensor(-1, device=device)

    def add(self, values: dict[str, Tensor], step: int) -> None:
        """Take a step's figures, 0-d each; `loss` and `gradient_norm` are among them."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0) + value
            self.counts[name] = self.counts.get(name, 0) + 1
        # The norm too: it is the same on all processes, and a bad gradient spoils the weights a step before the loss.
        bad = (self.bad_step < 0) & ~torch.isfinite(values["loss"] + values["gradient_norm"])
        self.bad_step = torch.where(bad, step + 1, self.bad_step)

    def means(self) -> dict[str, float]:
        """Return the mean of every figure over the steps that had it."""
        return {name: float(value) / self.counts[name] for name, value in self.sums.items()}

    def sums_and_counts(self) -> tuple[dict[str, float], dict[str, int]]:
        """Return what a resumed run goes on with."""
        return {name: float(value) for name, value in self.sums.items()}, self.counts

    def first_bad_step(self) -> int | None:
        """Return the first step, counted from 1, after which something was NaN or infinite; waits for the device."""
        step = int(self.bad_step)
        return None if step < 0 else step

"""The record of a run: metrics.jsonl, which is read while the run goes on, and TensorBoard's copy of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from flm_edu.files import write_aside

METRICS_FILE = "metrics.jsonl"


@contextmanager
def metrics_writer(directory: Path, step: int) -> Iterator[Callable[[dict[str, float]], None]]:
    """Give what adds a record to the directory's files; records after `step` are dropped first.

    A run that is resumed from an older checkpoint would else be recorded twice.
    """
    from torch.utils.tensorboard import SummaryWriter  # slow to import, so only here

    directory.mkdir(parents=True, exist_ok=True)
    path = directory / METRICS_FILE
    kept = [record for record in read_metrics(path) if record["step"] <= step] if step and path.is_file() else []
    with write_aside(directory, METRICS_FILE) as (aside,):
        aside.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
    board = SummaryWriter(str(directory / "tensorboard"), purge_step=step + 1)

    def write(record: dict[str, float]) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        for name, value in record.items():
            board.add_scalar(name, value, int(record["step"]))

    try:
        yield write
    finally:
        board.close()


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

"""Runs that are too long for a notebook: the tables of benchmarks/ablations.py that come with the package."""

from __future__ import annotations

import csv

from flm_edu.files import data_dir


def shipped_ablation(name: str) -> list[dict[str, str]]:
    """Return the rows of data/sweeps/ablations-NAME.csv, as text; one row is one training.

    Raises:
        FileNotFoundError: there is no such table.
    """
    with open(data_dir() / "sweeps" / f"ablations-{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

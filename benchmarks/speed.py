"""How long a text takes: each family at the steps it needs, same machine, same process, batch 1 and batch 64.

    python benchmarks/speed.py sentences-fmlm:1 sentences-masked:8 sentences-flm:64 sentences-ar --out speed.csv

Each argument is a model and its number of steps (autoregression always takes the text's length). A cell is the
median of several draws after one that warms up; `times` is how many of the first model fit into it.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from pathlib import Path

import torch

from flm_edu.architecture import count_weights
from flm_edu.language_model import LanguageModel, load_model
from flm_edu.provenance import describe_run


def seconds(contestants: list[tuple[str, LanguageModel, int]], batch: int, repeats: int) -> list[float]:
    """The median time of a draw of `batch` texts, for each model: they take turns, so that a slow spell is for all."""
    times: list[list[float]] = [[] for _ in contestants]
    for repeat in range(repeats + 1):
        for taken, (_, model, steps) in zip(times, contestants, strict=True):
            started = time.perf_counter()
            model.sample(batch, steps, generator=torch.Generator().manual_seed(repeat)).cpu()
            taken.append(time.perf_counter() - started)
    return [statistics.median(taken[1:]) for taken in times]


def main() -> None:
    """Print the table, and write it with its provenance beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="MODEL:STEPS, the first being what the others are compared with")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error("--repeats must be at least 1")
    contestants = []
    for entry in arguments.models:  # all of them before the first is timed
        name, _, steps = entry.partition(":")
        model = load_model(name, arguments.device)
        if model.fixed_steps is None and not (steps.isdecimal() and int(steps)):
            parser.error(f"{entry}: say how many steps, as in {name}:8")
        contestants.append((name, model, model.fixed_steps or int(steps)))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for batch in arguments.batch:
        times = seconds(contestants, batch, arguments.repeats)
        for (name, model, count), taken in zip(contestants, times, strict=True):
            weights = count_weights(model.network)
            print(f"batch {batch:3}  {name:28} {count:4} steps  {1000 * taken:9.1f} ms  {taken / times[0]:7.1f} times")
            rows.append(
                {"model": name, "kind": model.kind, "weights": weights, "batch": batch, "steps": count}
                | {"milliseconds": round(1000 * taken, 3), "times": round(taken / times[0], 2)}
            )
    facts = describe_run(device=arguments.device, threads=torch.get_num_threads(), repeats=arguments.repeats)
    print(", ".join(f"{name} {facts[name]}" for name in ("machine", "device", "threads", "torch", "commit")))
    if arguments.out:
        with open(arguments.out, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*rows[0], *facts])
            writer.writeheader()
            writer.writerows({**row, **facts} for row in rows)


if __name__ == "__main__":
    main()

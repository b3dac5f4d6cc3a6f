"""Autoguidance: a shipped flow driven away from a worse copy, one of the same size that trained for fewer steps.

    python benchmarks/guidance.py --out data/sweeps/tales-guided.csv

At scale 0 the worse copy writes alone, at 1 the shipped flow. `valid` is the share of texts of the language;
`total_variation` and the number of `different` texts tell what it costs, beside what exact samples show.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import torch

from flm_edu.files import write_aside
from flm_edu.flow import FlowLM
from flm_edu.grammar import load_listed
from flm_edu.guidance import GuidedFlow
from flm_edu.language_model import load_model
from flm_edu.objectives import flow_matching
from flm_edu.provenance import describe_run
from flm_edu.training import TrainConfig, Trainer

SCALES = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", default="tales")
    parser.add_argument("--weak-steps", type=int, default=400)
    parser.add_argument("--steps", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    language, strong = load_listed(arguments.language), load_model(f"{arguments.language}-flm")
    assert isinstance(strong, FlowLM)
    torch.manual_seed(arguments.seed)
    weak = FlowLM(strong.config, strong.tokenizer)
    config = TrainConfig(steps=arguments.weak_steps, batch=128, ema=0.99, seed=arguments.seed)
    Trainer(weak, language, flow_matching, config).run()
    about = describe_run(seed=arguments.seed)
    facts = {name: about[name] for name in ("commit", "command", "machine", "date")}
    n, rows = arguments.samples, []
    for steps in arguments.steps:
        for scale in SCALES:
            generator = torch.Generator().manual_seed(arguments.seed)
            tokens = GuidedFlow(strong, weak, scale).sample(n, steps, generator=generator)
            figures: dict[str, Any] = {
                "steps": steps,
                "scale": scale,
                "valid": round(language.validity(tokens), 4),
                "total_variation": round(language.total_variation(tokens), 4),
                "total_variation_exact": round(language.expected_total_variation(n), 4),
                "different": len(torch.unique(tokens, dim=0)),
            }
            print(figures, flush=True)
            rows.append({"weak_steps": arguments.weak_steps, **figures, **facts})
    if arguments.out:
        with write_aside(arguments.out.parent, arguments.out.name) as (path,), open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()

"""Learned, or learned by heart? A flow is trained on few texts of a language that is too large to list, and on all.

    python benchmarks/memorization.py --texts 30 300 3000 0 --steps 1500 --out data/sweeps/memorization.csv

0 texts stands for as many as the training asks for. A row is one training. `valid` samples are texts of the language,
`new` ones are valid and not among the training texts, `seen` ones are among them (of exact samples of the language
`seen_exact` would be). At three clock values the row has the divergence of the network's denoiser (nats per token, on
mixtures of held-out texts and of training texts) from the two optima: `rules` knows the language, `heart` the training
texts alone.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from flm_edu.files import write_aside
from flm_edu.flow import FlowLM
from flm_edu.grammar import load_language
from flm_edu.interpolant import interpolate_tokens
from flm_edu.language import ExactLanguage, TrainingTexts, draw_training_texts
from flm_edu.objectives import flow_matching
from flm_edu.objectives.flow_map import divergence
from flm_edu.oracle import PerfectFlow
from flm_edu.provenance import describe_run
from flm_edu.training import Trainer
from flm_edu.training.presets import PRESETS

SAMPLES, STEPS, TAUS = 500, 64, (0.25, 0.5, 0.75)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", default="found")
    parser.add_argument("--texts", type=int, nargs="+", default=[30, 300, 3000, 0])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    facts = describe_run()
    rows: list[dict[str, Any]] = []
    for n in arguments.texts:
        for seed in arguments.seeds:
            rows.append(row(load_language(arguments.language), n, arguments.steps, seed) | facts)
            print({name: value for name, value in rows[-1].items() if name not in facts}, flush=True)
            if arguments.out:  # after each, as a run takes long
                write(arguments.out, rows)


def row(language: ExactLanguage, n: int, steps: int, seed: int) -> dict[str, Any]:
    """Train once and measure."""
    few = draw_training_texts(language, n, seed) if n else None
    preset = PRESETS["tiny"]
    torch.manual_seed(seed)
    model = FlowLM(preset.network(language.vocab_size, language.length), language.tokenizer)
    trained = Trainer(model, few or language, flow_matching, replace(preset.train, steps=steps, seed=seed)).run()
    found: dict[str, Any] = {"language": language.name, "training_texts": n or "all", "steps": steps, "seed": seed}
    found |= {"training_loss": trained["loss"], "seconds": round(trained["seconds"])}
    generator = torch.Generator().manual_seed(seed + 1)
    tokens = model.sample(SAMPLES, STEPS, generator=generator)
    found |= shares(language, few, tokens)
    held_out = language.sample(256, generator=generator)
    found |= {
        f"held_out, {name}": value for name, value in distances(model, language, few, held_out, generator).items()
    }
    if few is not None:
        chosen = few.sample(256, generator=generator)
        found |= {
            f"training, {name}": value for name, value in distances(model, language, few, chosen, generator).items()
        }
    return found


def shares(language: ExactLanguage, few: TrainingTexts | None, tokens: Tensor) -> dict[str, float]:
    valid = language.contains(tokens)
    seen = torch.zeros_like(valid) if few is None else few.contains(tokens)
    exact = 0.0 if few is None else float((-language.negative_log_likelihood(few.tokens)).exp().sum())
    figures = {"valid": valid, "new": valid & ~seen, "seen": seen}
    return {name: round(float(one.double().mean()), 4) for name, one in figures.items()} | {"seen_exact": exact}


@torch.no_grad()
def distances(
    model: FlowLM, language: ExactLanguage, few: TrainingTexts | None, tokens: Tensor, generator: torch.Generator
) -> dict[str, float]:
    optima = {"rules": PerfectFlow(language)} | ({} if few is None else {"heart": PerfectFlow(few)})
    found = {}
    for tau in TAUS:
        clock = torch.full((len(tokens),), tau)
        t = model.schedule.t(clock)
        noise = torch.randn(*tokens.shape, model.vocab_size, generator=generator)
        x_t = interpolate_tokens(noise, tokens, t)
        logits = model.logits(x_t, clock)
        for name, optimum in optima.items():
            found[f"{name} at {tau}"] = round(float(divergence(optimum.denoiser(x_t, t).float(), logits).mean()), 4)
    return found


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for one in rows for name in one))
    with (
        write_aside(path.parent, path.name) as (aside,),
        open(aside, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

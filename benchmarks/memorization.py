"""Learned, or learned by heart? Models are trained on few texts of a language that is too large to list, and on all.

    python benchmarks/memorization.py --texts 30 300 3000 0 --seeds 0 1 2 --out data/sweeps/memorization.csv

0 texts stands for as many as the training asks for. A row is one training; a flow map is distilled from the flow of the
same row, in as many steps again for each of its two halves. `valid` samples are texts of the language, `new` ones are valid and not among the
training texts, `seen` ones are among them (of exact samples of the language `seen_exact` would be). At three clock values
the rows of flows and maps have the divergence of the network's denoiser (nats per token, on mixtures of held-out texts and
of training texts) from the two optima: `rules` knows the language, `heart` the training texts alone. Rows that a file has
already are not made again.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from flm_edu.evaluation.optima import excess
from flm_edu.files import write_aside
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.grammar import load_language
from flm_edu.language import ExactLanguage, TrainingTexts, draw_training_texts
from flm_edu.language_model import LanguageModel
from flm_edu.methods import TRAINABLE
from flm_edu.objectives import SemigroupDistillation
from flm_edu.oracle import PerfectFlow
from flm_edu.provenance import describe_run
from flm_edu.training import Trainer
from flm_edu.training.presets import PRESETS

SAMPLES, TAUS = 500, (0.25, 0.5, 0.75)
STEPS = {"flow-map": 1}  # of sampling; the others take 64, or as many as they must
KEY = ("model", "language", "training_texts", "steps", "seed")  # what a row is of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", default="found")
    parser.add_argument("--models", choices=TRAINABLE, nargs="+", default=["flow"])
    parser.add_argument("--texts", type=int, nargs="+", default=[30, 300, 3000, 0])
    parser.add_argument("--steps", type=int, nargs="+", default=[1500])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    facts = describe_run()
    rows = read(arguments.out)
    language = load_language(arguments.language)
    for n in arguments.texts:
        for steps in arguments.steps:
            for seed in arguments.seeds:
                run = Run(language, n, steps, seed)
                for model in arguments.models:
                    key = dict(zip(KEY, map(str, (model, language.name, n or "all", steps, seed)), strict=True))
                    if any({name: row[name] for name in KEY} == key for row in rows):
                        continue
                    rows.append({**key, **run.measure(model), **facts})
                    print({name: value for name, value in rows[-1].items() if name not in facts}, flush=True)
                    if arguments.out:  # after each, as a run takes long
                        write(arguments.out, rows)


class Run:
    """The trainings on one set of texts, with one seed and one number of steps."""

    def __init__(self, language: ExactLanguage, n: int, steps: int, seed: int):
        self.language, self.steps, self.seed = language, steps, seed
        self.few = draw_training_texts(language, n, seed) if n else None
        self.preset = PRESETS["tiny"]
        self._flow: FlowLM | None = None

    def measure(self, name: str) -> dict[str, Any]:
        """Train a model by its name in TRAINABLE and measure it."""
        model, trained = self.train(name)
        if isinstance(model, FlowLM):
            self._flow = model
        found: dict[str, Any] = {"training_loss": trained["loss"], "seconds": round(trained["seconds"])}
        generator = torch.Generator().manual_seed(self.seed + 1)
        tokens = model.sample(SAMPLES, model.fixed_steps or STEPS.get(name, 64), generator=generator)
        found |= shares(self.language, self.few, tokens)
        if isinstance(model, FlowLM | FlowMapLM):
            places = {"held_out": self.language} | ({} if self.few is None else {"training": self.few})
            for place, source in places.items():
                texts = source.sample(256, generator=generator)
                for optimum, knows in {"rules": self.language, "heart": self.few}.items():
                    if knows is not None:
                        seeded = torch.Generator().manual_seed(self.seed + 2)  # the same noise for both optima
                        distances, _ = excess(model, PerfectFlow(knows), texts, torch.tensor(TAUS), generator=seeded)
                        each = zip(TAUS, distances.tolist(), strict=True)
                        found |= {f"{place}, {optimum} at {tau}": round(distance, 4) for tau, distance in each}
        return found

    def train(self, name: str) -> tuple[LanguageModel, dict[str, float]]:
        """Return a trained model, and the last record of its training."""
        torch.manual_seed(self.seed)
        data, preset = self.few or self.language, self.preset
        kind = TRAINABLE[name]
        if kind.objective is not None:
            model = kind.model(preset.network(data.vocab_size, data.length), data.tokenizer)
            return model, Trainer(model, data, kind.objective, self.config(preset.train)).run()
        teacher = self._flow or self.train("flow")[0]
        assert isinstance(teacher, FlowLM)
        student, trained, seconds = FlowMapLM.from_flow_lm(teacher), {}, 0.0
        for options, decay in ((preset.semigroup, 0.0), (preset.rehearse, 1.0)):  # as in the demo
            objective = SemigroupDistillation(teacher, options)
            trained = Trainer(student, data, objective, self.config(replace(preset.distill, decay=decay))).run()
            seconds += trained["seconds"]
        return student, trained | {"seconds": seconds}

    def config(self, config: Any) -> Any:
        return replace(config, steps=self.steps, seed=self.seed)


def shares(language: ExactLanguage, few: TrainingTexts | None, tokens: Tensor) -> dict[str, float]:
    """Return which shares of the samples are valid, new, and seen in training; and seen of exact samples."""
    valid = language.contains(tokens)
    seen = torch.zeros_like(valid) if few is None else few.contains(tokens)
    exact = 0.0 if few is None else float((-language.negative_log_likelihood(few.tokens)).exp().sum())
    figures = {"valid": valid, "new": valid & ~seen, "seen": seen}
    return {name: round(float(one.double().mean()), 4) for name, one in figures.items()} | {"seen_exact": exact}


def read(path: Path | None) -> list[dict[str, Any]]:
    if path is None or not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for one in rows for name in one))
    facts = list(describe_run())
    names = [name for name in names if name not in facts] + facts
    with (
        write_aside(path.parent, path.name) as (aside,),
        open(aside, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

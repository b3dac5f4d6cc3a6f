"""How well gaps are filled, beside the exact answer: texts of a language with some words blanked out at random.

    python benchmarks/infilling.py --out data/sweeps/tales-infilling.csv

Each of PROMPTS texts loses `--gaps` words, and each model fills them FILLS times. `valid` is the share of texts of the
language. `word_kl` is the divergence of the words' frequencies at each gap from the exact conditional distribution, nats a
gap, averaged; `distance` is the total variation between the filled texts and the exact conditional language, averaged over
the prompts. Both are above 0 for exact samples too, whose row says how much. Models are named as by `flm-edu evaluate`;
NAME+times is a flow map that is told that given words are clean, though it was not trained so (ours, not published).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from flm_edu.any_order import AnyOrderLM
from flm_edu.cli.data import open_model, open_perfect
from flm_edu.files import write_aside
from flm_edu.flow import FlowMapLM
from flm_edu.generator import TextGenerator
from flm_edu.grammar import load_listed
from flm_edu.interpolant import one_hot
from flm_edu.language import Language
from flm_edu.provenance import describe_run

PROMPTS, FILLS, STEPS = 20, 50, (1, 2, 4, 8)
MODELS = (
    "DATA-flm DATA-flm@bridge DATA-fmlm DATA-fmlm@renoise DATA-fmlm+times DATA-fmlm+times@refinement DATA-masked@even "
    "DATA-sdtt@even DATA-uniform DATA-dcd perfect:flow perfect:masked@even perfect:uniform"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", default="tales")
    parser.add_argument("--models", nargs="+", help="as by flm-edu evaluate; all families unless told")
    parser.add_argument("--gaps", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    language = load_listed(arguments.language)
    task = Task(language, arguments.gaps, arguments.seed)
    names = arguments.models or MODELS.replace("DATA", arguments.language).split()
    about = describe_run(seed=arguments.seed, corpus=language.name, corpus_fingerprint=language.fingerprint)
    facts = {name: about[name] for name in ("commit", "command", "machine", "date")}
    rows: list[dict[str, Any]] = []
    for name in ["exact", *names]:
        model, sampler = (None, None) if name == "exact" else find(name, language)
        for steps in STEPS if model is not None else (0,):
            generator = torch.Generator().manual_seed(arguments.seed)
            tokens = task.exact(generator)
            if model is not None:
                tokens = model.sample(len(tokens), steps, sampler=sampler, given=task.given, generator=generator)
            rows.append({"model": name, "steps": steps, "gaps": arguments.gaps, **task.measure(tokens), **facts})
            print({key: value for key, value in rows[-1].items() if key not in facts}, flush=True)
    if arguments.out:
        with write_aside(arguments.out.parent, arguments.out.name) as (path,), open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def find(name: str, language: Language) -> tuple[TextGenerator, str | None]:
    """Return a model by its name, and its sampler if it names one."""
    if name.startswith("perfect:"):
        return open_perfect(name, language)
    place, _, sampler = name.partition("@")
    if place.endswith("+times"):
        model, _ = open_model(place.removesuffix("+times"))
        assert isinstance(model, FlowMapLM)
        return AnyOrderLM.from_flow_map(model), sampler or None
    return open_model(name)


class Task:
    """Texts with gaps, each as often as it is filled, and the exact answers."""

    def __init__(self, language: Language, gaps: int, seed: int):
        self.language = language
        generator = torch.Generator().manual_seed(seed + 1)
        texts = language.sample(PROMPTS, generator=generator)
        blank = torch.rand(texts.shape, generator=generator).argsort(-1)[:, :gaps]
        self.prompts = texts.scatter(1, blank, -1)  # (PROMPTS, L)
        self.given = self.prompts.repeat_interleave(FILLS, 0)  # (PROMPTS FILLS, L)
        fits = ((language.tokens == self.prompts[:, None]) | (self.prompts[:, None] < 0)).all(-1)  # (PROMPTS, N)
        weight = fits * language.probabilities
        self.conditional = weight / weight.sum(-1, keepdim=True)

    def exact(self, generator: torch.Generator) -> Tensor:
        """Draw exact fillings: (PROMPTS FILLS, L)."""
        drawn = torch.multinomial(self.conditional, FILLS, replacement=True, generator=generator)
        return self.language.tokens[drawn.flatten()]

    def measure(self, tokens: Tensor) -> dict[str, float]:
        """Return the figures of filled texts (PROMPTS FILLS, L)."""
        index = self.language.index(tokens).view(PROMPTS, FILLS)
        distances, divergences = [], []
        exact = self.conditional @ one_hot(self.language.tokens, self.language.vocab_size, torch.float64).flatten(1)
        exact = exact.view(PROMPTS, self.language.length, -1)
        counts = one_hot(tokens, self.language.vocab_size, torch.float64).view(PROMPTS, FILLS, *exact.shape[1:]).sum(1)
        for row in range(PROMPTS):
            inside = index[row][index[row] >= 0]
            frequency = torch.bincount(inside, minlength=len(self.language)).double() / FILLS
            outside = 1 - len(inside) / FILLS
            distances.append(0.5 * (float((frequency - self.conditional[row]).abs().sum()) + outside))
            free = self.prompts[row] < 0
            seen = (counts[row][free] + exact[row][free]) / (FILLS + 1)  # one exact draw more: never infinite
            divergences.append(
                float((torch.xlogy(exact[row][free], exact[row][free] / seen).nan_to_num()).sum(-1).mean())
            )
        figures = {
            "valid": float((index >= 0).double().mean()),
            "word_kl": sum(divergences) / PROMPTS,
            "distance": sum(distances) / PROMPTS,
        }
        return {name: round(value, 4) for name, value in figures.items()}


if __name__ == "__main__":
    main()

"""MemorizationExplorer: knowing the rules of a language against knowing some of its texts by heart."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import torch
import traitlets

from flm_edu.draws import gaussian_noise
from flm_edu.files import data_dir
from flm_edu.grammar import parse_grammar
from flm_edu.language import Language
from flm_edu.widgets.automaton import ERRAND
from flm_edu.widgets.base import Choice, Number, Widget, javascript, pack, quadrature

MOST_TEXTS, POSITIONS, TRAINING = 200, 12, 24  # of the language, of its texts, of the training set at most
NOISES = 8  # that the curves are averaged over
KINDS = {"flow": "flow-lm", "flow-map": "flow-map-lm", "masked": "masked", "uniform": "uniform", "ar": "autoregressive"}


class MemorizationExplorer(Widget):
    """The two optima of a training on few texts, exactly, and what trained networks did.

    One optimum knows the language: its posterior weighs all texts. The other knows the training texts by heart, and
    holds all others impossible; no network has a lower training loss. Both are computed in the browser. On noisy
    training texts they agree once the noise is small; on held-out texts they part then.

    Args:
        language: at most 200 texts of at most 12 tokens; three choices with agreement unless given.
        rows: of benchmarks/memorization.py; those in data/sweeps unless given.
        seed: of the order in which texts join the training set, and of the noise.
        **state: any attribute below.

    Attributes:
        training_texts: how many texts are known by heart, 1 to 24, and fewer than the language has.
        tau: the time on the language's clock, 0 (noise) to 1 (the clean text).
        text: whose noisy version is shown, that of a "held-out" or of a "training" text.
        position: the position whose posterior is shown, from 1; the last where a text has fewer.

    Raises:
        ValueError: the language has too many texts or too long ones, or only one.

    Source: docs/EQUATIONS.md. Screenshots: docs/images/memorization-light.png, -dark.png.
    """

    title = "Learned or memorised"
    _esm = javascript("clock.js", "flow.js", "chart.js", "two_optima.js", "memorization.js")

    language = traitlets.Dict().tag(sync=True)
    clock = traitlets.Dict().tag(sync=True)
    rows: Any = traitlets.List().tag(sync=True)
    rows_of = traitlets.Unicode("").tag(sync=True)
    training_texts = Number(6, 1, TRAINING, whole=True).tag(sync=True)
    tau = Number(0.5, 0, 1).tag(sync=True)
    text = Choice("held-out", ("held-out", "training")).tag(sync=True)
    position = Number(4, 1, POSITIONS, whole=True).tag(sync=True)

    def __init__(
        self,
        language: Language | None = None,
        *,
        rows: Sequence[Mapping[str, Any]] | None = None,
        seed: int = 0,
        **state: Any,
    ):
        if language is None:
            listed = parse_grammar(ERRAND, "an errand")
            assert isinstance(listed, Language)
            language = listed
        if not 2 <= len(language) <= MOST_TEXTS or language.length > POSITIONS:
            raise ValueError(
                f"`language` {language.name!r} has {len(language)} texts of {language.length} tokens; "
                f"take one of 2 to {MOST_TEXTS} texts of at most {POSITIONS}"
            )
        generator = torch.Generator().manual_seed(seed)
        order = torch.multinomial(language.probabilities, len(language), generator=generator)  # likely ones first
        noise = gaussian_noise((NOISES, language.length, language.vocab_size), generator, "cpu")
        if rows is None:
            with open(data_dir() / "sweeps" / "memorization.csv", newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        super().__init__(
            language={
                "words": list(language.words),
                "tokens": language.tokens[order].tolist(),
                "logP": language.probabilities[order].log().tolist(),
            },
            clock=quadrature(),
            rows=means(rows),
            rows_of=", ".join(dict.fromkeys(str(row["language"]) for row in rows)),
            **pack({"noise": noise.numpy()}),
            **state,
        )


def means(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a point for each model and number of training texts, over its trainings; "all" texts have none."""
    groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["training_texts"] != "all":
            groups.setdefault((str(row["model"]), int(row["training_texts"])), []).append(row)
    return [
        {
            "model": model,
            "kind": KINDS.get(model, model),
            "texts": texts,
            "trainings": len(own),
            **{name: fmean(float(row[name]) for row in own) for name in ("valid", "new", "seen")},
        }
        for (model, texts), own in sorted(groups.items())
    ]

"""TrajectoryPlayer: one text being written, by several models from the same seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import traitlets

from flm_edu.generator import TextGenerator
from flm_edu.grammar import load_language
from flm_edu.language import ExactLanguage
from flm_edu.language_model import load_model
from flm_edu.oracle.discrete import PerfectMasked, PerfectUniform
from flm_edu.widgets.base import Choice, Number, Widget, javascript, pack


class TrajectoryPlayer(Widget):
    """Positions by steps: in each cell the likeliest word so far, the darker the surer the model is of it.

    Args:
        models: name -> anything that writes texts.
            The shipped FLM and FMLM of `sentences` beside its perfect masked and uniform diffusion unless given.
        language: says which texts are valid; that of the default models unless models are given.
        evaluations: network evaluations to record, each at least 1.
        samples: texts to record for each model and number of evaluations.
        seed: each recording starts from it, so models that draw the same noise see the same noise.
        **state: any attribute below.

    Attributes:
        steps: the number of network evaluations shown, a word out of `counts`.
        sample: which text is shown.
        time: how far it is played, 0 to 1.

    Raises:
        ValueError: no model, no number of evaluations, or no sample; a model without a tokenizer.

    Source: docs/EQUATIONS.md. Screenshots: docs/images/trajectory-light.png, -dark.png.
    """

    title = "A text being written"
    _esm = javascript("trajectory.js")

    runs: Any = traitlets.List().tag(sync=True)
    words: Any = traitlets.List().tag(sync=True)
    counts: Any = traitlets.List().tag(sync=True)
    samples = Number(1, 1, 1000, whole=True).tag(sync=True)
    steps = Choice("4", options_of="counts").tag(sync=True)
    sample = Number(0, 0, 999, whole=True).tag(sync=True)
    time = Number(1.0, 0, 1).tag(sync=True)

    def __init__(
        self,
        models: Mapping[str, TextGenerator] | None = None,
        *,
        language: ExactLanguage | None = None,
        evaluations: Sequence[int] = (1, 2, 4, 8),
        samples: int = 5,
        seed: int = 0,
        **state: Any,
    ):
        if models is None:
            language = load_language("sentences")
            models = {
                "FLM": load_model("sentences-flm"),
                "FMLM": load_model("sentences-fmlm"),
                "perfect masked diffusion": PerfectMasked(language),
                "perfect uniform diffusion": PerfectUniform(language),
            }
        if not models or not evaluations or min(evaluations) < 1 or samples < 1:
            raise ValueError("at least one model, one number of evaluations and one sample are needed, each 1 or more")
        for name, model in models.items():
            if getattr(model, "tokenizer", model) is None:
                raise ValueError(
                    f"`models`: {name!r} has no tokenizer, so its texts cannot be shown; set its `tokenizer`"
                )
        arrays: dict[str, Any] = {}
        runs: list[dict[str, Any]] = []
        words = _Words()
        for name, model in models.items():
            for count in evaluations:
                generator = torch.Generator().manual_seed(seed)
                way = model.sample(samples, count, generator=generator, record=True)
                key = f"{len(runs)}"
                arrays[f"words {key}"] = words.compact(model, way.likeliest).to(torch.int32).numpy()  # (S+1, B, L, K)
                arrays[f"chances {key}"] = way.likelihoods.numpy()
                valid = language.contains(way.final_tokens).tolist() if language else None
                runs.append({"model": name, "kind": model.kind, "steps": str(count), "key": key, "valid": valid})
        counts = [str(count) for count in evaluations]
        first = {"steps": "4" if "4" in counts else counts[0]}
        super().__init__(
            runs=runs, words=words.known, counts=counts, samples=samples, **pack(arrays), **{**first, **state}
        )


class _Words:
    """The words that occur, numbered anew: a vocabulary of thousands is not sent for a few texts."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self._number: dict[str, int] = {}

    def compact(self, model: TextGenerator, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens of a model, of any shape, as indices into `known`."""
        used, inverse = torch.unique(tokens, return_inverse=True)
        numbers = []
        for word in map(model.spell, used.tolist()):
            if word not in self._number:
                self._number[word] = len(self.known)
                self.known.append(word)
            numbers.append(self._number[word])
        return torch.tensor(numbers)[inverse]

"""FactorizationExplorer: two words that must agree, and what drawing each on its own makes of them."""

from __future__ import annotations

from typing import Any

import torch
import traitlets

from flm_edu.draws import gaussian_noise
from flm_edu.grammar import load_listed
from flm_edu.language import Language
from flm_edu.oracle import exact_joint
from flm_edu.widgets.base import Number, Switch, Widget, javascript, pack, quadrature

SAMPLES = 2000  # of the flow, carried in the browser
WORDS = 8  # at each place, for a table that can be read


class FactorizationExplorer(Widget):
    """The joint table of a two-token language beside what perfect samplers write in n steps.

    Masked diffusion draws the words that it unmasks together independently: in one step it writes the
    product of the marginals (exact, `oracle.factorized_joint`). The flow's words are parts of one state
    and stay together: 2,000 samples are carried by Euler steps, and by one jump of the exact flow map,
    in the browser. In one Euler step every sample becomes the same text.

    Args:
        language: two tokens, at most 8 words at each place; "cities" unless given.
        seed: of the flow's noise.
        **state: any attribute below.

    Attributes:
        steps: network evaluations, 1 to 32.
        predict: whether the answer is hidden until a guess is made.
        guess: the share of masked diffusion's texts that are not in the language, as guessed, 0 to 1.
        revealed: whether the answer is shown, as it is from a guess on until it is hidden to guess again.
        asked: for how many steps the guess was made; 0 before it is.

    Raises:
        ValueError: the language has not two tokens, or too many words.

    Source: docs/EQUATIONS.md. Screenshots: docs/images/factorization-light.png, -dark.png.
    """

    title = "Words drawn apart, words drawn together"
    _esm = javascript("clock.js", "flow.js", "factorization.js")

    language = traitlets.Dict().tag(sync=True)
    clock = traitlets.Dict().tag(sync=True)
    steps = Number(1, 1, 32, whole=True).tag(sync=True)
    predict = Switch(True).tag(sync=True)
    guess = Number(0.25, 0, 1).tag(sync=True)
    revealed = Switch(False).tag(sync=True)
    asked = Number(0, 0, 32, whole=True).tag(sync=True)

    def __init__(self, language: Language | None = None, *, seed: int = 0, **state: Any):
        language = language or load_listed("cities")
        joint = exact_joint(language)
        used = [torch.nonzero(joint.sum(axis)).flatten().tolist() for axis in (1, 0)]
        if max(map(len, used)) > WORDS:
            raise ValueError(f"language {language.name!r} has more than {WORDS} words at a place, too many for a table")
        shape = (SAMPLES, 2, language.vocab_size)
        noise = gaussian_noise(shape, torch.Generator().manual_seed(seed), torch.device("cpu"))
        facts = {
            "words": list(language.words),
            "tokens": language.tokens.tolist(),
            "logP": language.probabilities.log().tolist(),
            "vocabSize": language.vocab_size,
            "used": used,
        }
        super().__init__(language=facts, clock=quadrature(), **pack({"noise": noise.numpy()}), **state)

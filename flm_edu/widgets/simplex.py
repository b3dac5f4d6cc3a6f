"""SimplexExplorer: noise becomes words on the probability simplex, along the exact flow."""

from __future__ import annotations

from typing import Any

import torch
import traitlets
from torch import Tensor

from flm_edu.draws import gaussian_noise
from flm_edu.generator import TextGenerator
from flm_edu.grammar import load_listed
from flm_edu.language import Language
from flm_edu.language_model import load_model
from flm_edu.widgets.base import Choice, Number, Switch, Widget, javascript, pack, quadrature

PARTICLES = 2000
RECORDED, RECORDED_STEPS = 300, 32  # of a trained model: particles and steps kept
#: stage -> the models that it offers, and what it starts with
STAGES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "noise": (["mixtures"], {"model": "mixtures", "axis": "t", "time": 0.3, "particles": 300, "posterior": False}),
    "flow": (["flow", "euler", "trained"], {"trails": True, "particles": 300, "posterior": False}),
    "jumps": (["flow", "euler", "flow-map"], {"model": "flow-map", "steps": 1, "particles": 300, "posterior": False}),
    "all": (["flow", "euler", "flow-map", "trained"], {}),
}


def three_words() -> Language:
    """Return the shipped language `drinks`: one token, three words, the smallest simplex that is a picture."""
    return load_listed("drinks")


def tick_tock() -> Language:
    """Return two tokens that must agree: each word tells what the other one is."""
    return Language.from_sentences(["tick tock", "tock tick", "boom boom"], [0.45, 0.35, 0.2], name="tick tock")


class SimplexExplorer(Widget):
    """Particles from Gaussian noise move to the corners of the simplex, which are words.

    A state's component along (1, 1, 1) changes nothing, so a position with three words is a picture in
    the plane: a triangle; one with four is a tetrahedron. A language of two tokens has two, side by side. Each particle has the colour of
    the text that the exact flow carries it to; one that ends at another corner has been led astray by
    too few steps. Everything is computed in the browser from the language's closed form.

    Args:
        language: three or four words, one or two tokens; `three_words()` unless given.
        trained: a `FlowLM` of that language, whose recorded way becomes the model "trained"; the shipped
            `drinks-flm` where no language is given either.
        stage: how much of it there is: "noise" (mixtures of noise and words, and their time), "flow" (paths and
            Euler's steps), "jumps" (of the flow map), or "all".
        seed: of the noise, the same as `sample(generator=torch.Generator().manual_seed(seed))` draws.
        **state: any attribute below.

    Attributes:
        model: "flow" (exact), "euler" (its Euler steps), "flow-map" (its exact jumps) or "trained", as the stage
            has them; the stage "noise" has "mixtures".
        steps: network evaluations of "euler" and "flow-map", 1 to 64.
        schedule: the clock the steps are equally spaced on, "decoding-error" or "uniform".
        axis: what the time slider runs over, "tau" or "t".
        time: where it stands, 0 (noise) to 1 (words).
        particles: how many, 1 to 2,000.
        watched: the particle whose ways are drawn; -1 for the first one that Euler's method leads astray.
        trails, arrows, regions, posterior: what is drawn besides; a tetrahedron has no regions.
        turn: of the tetrahedron, in degrees; dragging the picture turns it too.

    Raises:
        ValueError: the language has not three or four words, or has more than two tokens; there is no such stage,
            or it has no trained model.

    Source: docs/EQUATIONS.md. Screenshots:
    docs/images/simplex-light.png, simplex-two-light.png, simplex-four-light.png, and -dark.png of each.
    """

    title = "Noise becomes words"
    _esm = javascript(
        "clock.js",
        "flow.js",
        "triangle.js",
        "simplex_stages.js",
        "simplex_ways.js",
        "simplex_view.js",
        "simplex_dots.js",
        "simplex_picture.js",
        "simplex_controls.js",
        "simplex.js",
    )

    language = traitlets.Dict().tag(sync=True)
    clock = traitlets.Dict().tag(sync=True)
    recorded_t: Any = traitlets.List().tag(sync=True)
    stage = traitlets.Unicode("all").tag(sync=True)
    models: Any = traitlets.List().tag(sync=True)
    model = Choice("euler", options_of="models").tag(sync=True)
    steps = Number(2, 1, 64, whole=True).tag(sync=True)
    schedule = Choice("decoding-error", ("decoding-error", "uniform")).tag(sync=True)
    axis = Choice("tau", ("tau", "t")).tag(sync=True)
    time = Number(1.0, 0, 1).tag(sync=True)
    particles = Number(500, 1, PARTICLES, whole=True).tag(sync=True)
    watched = Number(-1, -1, PARTICLES - 1, whole=True).tag(sync=True)
    trails = Switch(False).tag(sync=True)
    arrows = Switch(False).tag(sync=True)
    regions = Switch(True).tag(sync=True)
    turn = Number(40, 0, 360, whole=True).tag(sync=True)
    posterior = Switch(True).tag(sync=True)

    def __init__(
        self,
        language: Language | None = None,
        *,
        trained: TextGenerator | None = None,
        stage: str = "all",
        seed: int = 0,
        **state: Any,
    ):
        if stage not in STAGES:
            raise ValueError(f"`stage` is {stage!r}; choose one of {', '.join(STAGES)}")
        models, defaults = STAGES[stage]
        if trained is not None and "trained" not in models:
            raise ValueError(f"the stage {stage!r} shows no trained model; leave `trained` out, or choose flow or all")
        if language is None:
            language = three_words()
            if "trained" in models:
                trained = trained or load_model("drinks-flm")
        if language.vocab_size not in (3, 4) or language.length > 2:
            raise ValueError(
                f"language {language.name!r} has {language.vocab_size} words and {language.length} tokens; the picture "
                "shows three or four words, and one or two tokens (Language.from_sentences makes such a language)"
            )
        shape = (PARTICLES, language.length, language.vocab_size)
        generator = torch.Generator().manual_seed(seed)
        noise = gaussian_noise(shape, generator, torch.device("cpu"))
        arrays: dict[str, Any] = {"noise": noise.numpy()}
        if "mixtures" in models:
            arrays["sources"] = language.sample(PARTICLES, generator=generator).numpy()
        times: list[float] = []
        if trained is not None:
            states, times = _record(trained, noise[:RECORDED])
            arrays["recorded"] = states.numpy()
        facts = {
            "words": list(language.words),
            "tokens": language.tokens.tolist(),
            "logP": language.probabilities.log().tolist(),
            "vocabSize": language.vocab_size,
        }
        super().__init__(
            language=facts,
            clock=quadrature(),
            recorded_t=times,
            stage=stage,
            models=[name for name in models if name != "trained" or trained is not None],
            **pack(arrays),
            **{**defaults, **state},
        )


def _record(model: TextGenerator, noise: Tensor) -> tuple[Tensor, list[float]]:
    """Return states (S+1, n, L, V) of a trained model's way from the noise (n, L, V), and their mixing times."""
    way = model.sample(len(noise), RECORDED_STEPS, noise=noise, record=True, keep_states=True)
    assert way.states is not None
    return way.states, way.t.tolist()

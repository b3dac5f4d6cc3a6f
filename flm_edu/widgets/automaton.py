"""AutomatonExplorer: what the words before and the words after say, as weights that flow through a graph of states."""

from __future__ import annotations

from typing import Any

import torch
import traitlets

from flm_edu.automaton import Automaton
from flm_edu.compiler import compile_rules
from flm_edu.draws import gaussian_noise
from flm_edu.grammar import read_rules
from flm_edu.language import Language
from flm_edu.rules import Option, Rules
from flm_edu.widgets.base import Choice, Number, Widget, javascript, pack, quadrature

POSITIONS, EDGES = 12, 24  # of a language that can be drawn: tokens of a text, and edges at each
TEXTS = 6  # clean texts to choose from

ERRAND = """
[hero]
anna  their=her
mia   their=her
ben   their=his
leo   their=his

[did]
lost  then=found
broke then=fixed
sold  then=missed

[thing]
hat   it=it
ring  it=it
boots it=them
skis  it=them

[text]
{hero} {did} {hero.their} {thing} and {did.then} {thing.it}
"""


class AutomatonExplorer(Widget):
    """A noisy text in the automaton of its language: the exact denoiser by one pass forward and one back.

    A state is what the words before it say of the words to come, so texts that differ only in what no longer
    matters go through the same states. Each position's edges share a weight of one: that of the noisy words before
    it, that of those after it, or their product with the noisy word itself, which is the exact posterior.
    Forward-backward runs in the browser.

    Args:
        language: at most 12 tokens, and at most 24 edges at each; three choices with agreement unless given.
        seed: of the clean texts and of the noise, which is the same for all of them.
        **state: any attribute below.

    Attributes:
        text: the clean text, a word out of `texts`.
        tau: the time on the language's clock, 0 (noise) to 1 (the clean text).
        shows: the weight of an edge: "forward", "backward" or "both".
        position: the position whose posterior is shown, from 1; the last where a text has fewer.

    Raises:
        ValueError: the language has too many positions, or too many edges at one.

    Source: docs/EQUATIONS.md; Baum & Welch 1970 (forward-backward).
    Screenshots: docs/images/automaton-light.png, -dark.png.
    """

    title = "Text through an automaton"
    _esm = javascript("clock.js", "flow.js", "forward_backward.js", "automaton_picture.js", "automaton.js")

    language = traitlets.Dict().tag(sync=True)
    clock = traitlets.Dict().tag(sync=True)
    texts: Any = traitlets.List().tag(sync=True)
    text = Choice("", options_of="texts").tag(sync=True)
    tau = Number(0.4, 0, 1).tag(sync=True)
    shows = Choice("both", ("forward", "backward", "both")).tag(sync=True)
    position = Number(4, 1, POSITIONS, whole=True).tag(sync=True)

    def __init__(self, language: Language | Automaton | None = None, *, seed: int = 0, **state: Any):
        graph = _graph(language or compile_rules(read_rules(ERRAND), "an errand"))
        generator = torch.Generator().manual_seed(seed)
        drawn = dict(zip(graph.decode(tokens := graph.sample(50, generator=generator)), tokens.tolist(), strict=True))
        texts = list(drawn)[:TEXTS]
        noise = gaussian_noise((graph.length, graph.vocab_size), generator, torch.device("cpu"))
        facts = {
            "words": list(graph.words),
            "layers": [
                {
                    "source": layer.source.tolist(),
                    "token": layer.token.tolist(),
                    "target": layer.target.tolist(),
                    "logP": layer.log_probability.tolist(),
                    "states": list(layer.states),
                }
                for layer in graph.layers
            ],
            "tokens": [drawn[text] for text in texts],
            "texts": graph.texts,
            "states": graph.states,
            "edges": graph.edges,
        }
        super().__init__(
            language=facts,
            clock=quadrature(),
            texts=texts,
            **pack({"noise": noise.numpy()}),
            **{"text": texts[0], **state},
        )


def _graph(language: Language | Automaton) -> Automaton:
    """Return the automaton of a language, a table's too, if it can be drawn.

    Raises:
        ValueError: it cannot.
    """
    if language.length > POSITIONS:
        raise ValueError(
            f"`language` {language.name!r} has texts of {language.length} tokens, too many to draw; "
            f"take one of at most {POSITIONS}"
        )
    if isinstance(language, Automaton):
        graph = language
    else:
        texts = [" ".join(language.words[i] for i in row) for row in language.tokens.tolist()]
        shapes = zip(texts, language.probabilities.tolist(), strict=True)
        graph = compile_rules(Rules(language.name, {}, tuple(Option(*shape) for shape in shapes)), language.name)
    if (most := max(len(layer.token) for layer in graph.layers)) > EDGES:
        raise ValueError(
            f"`language` {language.name!r} has {most} edges at one position, too many to draw; "
            f"take one of at most {EDGES}"
        )
    return graph

"""FlowMapExplorer: one jump against two, and how far a map that must learn this is from the exact one."""

from __future__ import annotations

import itertools
from typing import Any

import torch
import traitlets
from torch import Tensor

from flm_edu.draws import gaussian_noise
from flm_edu.flow import FlowMapLM
from flm_edu.interpolant import flow_map_from_two_time_denoiser
from flm_edu.language import Language
from flm_edu.oracle.flow import PerfectFlowMap
from flm_edu.widgets.base import Choice, Number, Widget, javascript, pack, quadrature
from flm_edu.widgets.simplex import three_words

GRID = 10  # intervals of tau that s, u and t are multiples of
PARTICLES = 32


class FlowMapExplorer(Widget):
    """The jump from s to t beside the jumps from s over u to t, the two-time denoisers, and the error over (s, t).

    Times are multiples of a tenth in tau. "denoiser" is where distillation starts: it puts D_s, which knows
    only where it stands, in the place of delta_{s,t}; two of its jumps land elsewhere than one. The exact
    map's land at the same point, as its two-time denoiser over [s, t] lies between those of the parts.

    Args:
        language: three words, one token; `three_words()` unless given.
        trained: a `FlowMapLM` of that language, evaluated at all the grid's times for the map "trained"; the
            shipped `drinks-fmlm` where no language is given either.
        seed: of the particles' noise.
        **state: any attribute below.

    Attributes:
        map: "denoiser", "exact" or "trained".
        s, u, t: clock values in tenths, 0 to 10; one that is moved takes those in its way along, so s <= u <= t.
        particle: which one is shown, 0 to 31.

    Raises:
        ValueError: the language has not three words and one token, or the model belongs to another language.

    Source: docs/EQUATIONS.md. Screenshots: docs/images/flow-map-light.png, -dark.png.
    """

    title = "One jump against two"
    _esm = javascript("clock.js", "flow.js", "triangle.js", "flow_map_heat.js", "flow_map.js")

    language = traitlets.Dict().tag(sync=True)
    clock = traitlets.Dict().tag(sync=True)
    maps: Any = traitlets.List().tag(sync=True)
    map = Choice("denoiser", options_of="maps").tag(sync=True)
    s = Number(0, 0, GRID, whole=True).tag(sync=True)
    u = Number(5, 0, GRID, whole=True).tag(sync=True)
    t = Number(10, 0, GRID, whole=True).tag(sync=True)
    particle = Number(0, 0, PARTICLES - 1, whole=True).tag(sync=True)

    def __init__(
        self, language: Language | None = None, *, trained: FlowMapLM | None = None, seed: int = 0, **state: Any
    ):
        if language is None:
            language, trained = three_words(), trained or FlowMapLM.from_pretrained("drinks-fmlm")
        if (language.vocab_size, language.length) != (3, 1):
            raise ValueError(
                f"language {language.name!r} has {language.vocab_size} words and {language.length} tokens; this picture "
                "needs three words and one token (Language.from_sentences makes such a language)"
            )
        generator = torch.Generator().manual_seed(seed)
        noise = gaussian_noise((PARTICLES, 1, 3), generator, torch.device("cpu"))
        ways = _ways(language, noise)
        arrays: dict[str, Any] = {"noise": noise.numpy()}
        if trained is not None:
            if (trained.config.vocab_size, trained.config.length) != (3, 1):
                raise ValueError(
                    "the trained flow map has another vocabulary or length than the language; train it on this one"
                )
            arrays["jumps"] = _evaluate(trained, ways).numpy()
        facts = {
            "words": list(language.words),
            "tokens": language.tokens.tolist(),
            "logP": language.probabilities.log().tolist(),
            "vocabSize": 3,
        }
        state = {"particle": _best_seen(ways), **state}
        maps = ["denoiser", "exact"] + (["trained"] if trained is not None else [])
        super().__init__(language=facts, clock=quadrature(), maps=maps, **pack(arrays), **state)

    @traitlets.observe("s", "u", "t")
    def _keep_order(self, change: Any) -> None:
        at = "sut".index(change.name)
        for name in "sut"[:at]:
            setattr(self, name, min(getattr(self, name), getattr(self, change.name)))
        for name in "sut"[at:]:
            setattr(self, name, max(getattr(self, name), getattr(self, change.name)))


def _ways(language: Language, noise: Tensor) -> Tensor:
    """Return the exact flow's states at the grid's times. Shapes: noise (n, 1, 3) -> (G+1, n, 1, 3)."""
    exact = PerfectFlowMap(language)
    times = exact.schedule.t(torch.linspace(0, 1, GRID + 1, dtype=torch.float64))
    states = [noise.double()]
    for s, t in itertools.pairwise(times):
        states.append(exact.flow_map(states[-1], s.expand(len(noise)), t.expand(len(noise))))
    return torch.stack(states)


def _best_seen(ways: Tensor) -> int:
    """Return the particle with the longest way within the picture. Shapes: ways (G+1, n, 1, 3)."""
    start, end = ways[0, :, 0], ways[-1, :, 0]
    seen = (start - start.mean(-1, keepdim=True)).norm(dim=-1) < 1.3  # about what the picture of the plane holds
    way = ((start - start.mean(-1, keepdim=True)) - (end - 1 / 3)).norm(dim=-1)
    return int(torch.where(seen, way, -1.0).argmax())


@torch.no_grad()
def _evaluate(model: FlowMapLM, ways: Tensor) -> Tensor:
    """Return delta_{u,t} at X-hat_{s,u}(x_s), for the exact flow's states x_s and all s <= u <= t of the grid, in that order.

    With u = s this is delta_{s,t}(x_s). Shapes: ways (G+1, n, 1, 3) -> (number of triples, n, 3).
    """
    count = ways.shape[1]
    times = model.schedule.t(torch.linspace(0, 1, GRID + 1, dtype=torch.float64)).float()
    jumps = []
    for s in range(GRID + 1):
        begin = times[s].expand((GRID + 1 - s) * count)
        middle = times[s:].repeat_interleave(count)
        x_s = ways[s].float().repeat(GRID + 1 - s, 1, 1)
        x_u = flow_map_from_two_time_denoiser(model.two_time_denoiser(x_s, begin, middle), x_s, begin, middle)
        pairs = [(u, t) for u in range(s, GRID + 1) for t in range(u, GRID + 1)]
        at = torch.cat([x_u[(u - s) * count : (u - s + 1) * count] for u, _ in pairs])
        begin, end = (times[[pair[i] for pair in pairs]].repeat_interleave(count) for i in (0, 1))
        jumps.append(model.two_time_denoiser(at, begin, end).view(len(pairs), count, 3))
    return torch.cat(jumps)

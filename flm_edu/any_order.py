"""Any order: a flow map with a time for every position, so that given words are clean from the start.

Where a flow map reads one time for a whole text, this one reads a time for each word. A given word stands at time 1,
a free one where the jump begins, and the network knows which is which. So it fills gaps, and it can refine: write a text,
keep the words it is sure of, and think again about the others (`refine`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from flm_edu.draws import gaussian_noise
from flm_edu.flow import FlowMapLM
from flm_edu.generator import Request
from flm_edu.interpolant import one_hot
from flm_edu.trajectory import Recorder, Trajectory

SURE = 0.95  # a word of at least this probability is kept at once


class AnyOrderLM(FlowMapLM):
    """A flow map language model with a time for each position (FMLM+).

    Every method takes times of shape (B,) or (B, L).

    Args and Raises: as `FlowModel`. Source: arXiv 2606.24773.
    """

    kind = "any-order-lm"
    SAMPLERS = (*FlowMapLM.SAMPLERS, "refinement")
    known: Tensor | None = None  # (n, L) bool, the positions that stand at time 1 while sampling

    @classmethod
    def from_flow_map(cls, model: FlowMapLM) -> AnyOrderLM:
        """Return a flow map that was trained with one time a text, told a time for each word: its network, shared.

        It was never shown words of different times, and yet makes more of given words than it does clamped
        (benchmarks/infilling.py). This is ours, not published; the published map is trained with clean words.
        """
        twin = cls(model.config, model.tokenizer, **model.settings())
        twin.network, twin.provenance = model.network, model.provenance
        return twin.train(model.training)

    def two_time_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return delta_{s,t}(x), of a clean word (s = 1) the word: (B, L, V), s, t (B,) or (B, L) -> (B, L, V)."""
        delta = super().two_time_denoiser(x, s, t)
        return delta if s.ndim < 2 else torch.where(s[..., None] == 1, x, delta)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return delta_{s,t}(x), with what is known at time 1: (B, L, V), s, t (B,) -> (B, L, V)."""
        return self.two_time_denoiser(x, self._times(s), self._times(t))

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """Return D_t(x) = delta_{t,t}(x), with what is known at time 1: (B, L, V), t (B,) -> (B, L, V)."""
        return self.two_time_denoiser(x, self._times(t), self._times(t))

    def _times(self, t: Tensor) -> Tensor:
        return t if self.known is None else torch.where(self.known, 1.0, t[:, None])

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Sample as a flow map does, given words clean and known, or by refinement.

        Raises:
            ValueError: a temperature or top-p where no word is drawn.
        """
        if request.sampler == "refinement":
            if (request.temperature, request.top_p) != (1, 1):
                raise ValueError("`temperature` and `top_p` are of a draw, and refinement takes the likeliest word")
            return refine(self.two_time_denoiser, request)
        if request.given is None:
            return super().generate(request)
        twin = copy.copy(self)
        twin.known = request.given >= 0
        noise = _put_corners(request.noise, twin.known, request.given)  # held there, as noise and word are the same
        return super(AnyOrderLM, twin).generate(replace(request, noise=noise))


def _put_corners(x: Tensor, known: Tensor, tokens: Tensor) -> Tensor:
    """Return states (B, L, V) with the corner of a token (B, L) wherever it is known (B, L)."""
    return torch.where(known[..., None], one_hot(tokens.clamp_min(0), x.shape[-1], x.dtype), x)


def refine(
    two_time_denoiser: Callable[[Tensor, Tensor, Tensor], Tensor], request: Request, sure: float = SURE
) -> Tensor | Trajectory:
    """Write a text in `request.steps` rounds of one evaluation each: keep the surest words, then think again.

    A round jumps from noise to the end at every free position. Words of probability `sure` and more are kept, and as many
    of the next surest that the rounds left can share the rest; they become corners at time 1, and the others get
    fresh noise. The record's times are the shares of rounds that are over, and a kept word has confidence 1.

    Returns:
        tokens (n, L) int64, or a `Trajectory`.

    Source: Posterior Refinement, arXiv 2606.24773.
    """
    x: Tensor = request.noise
    tokens = torch.full(x.shape[:2], -1, device=x.device) if request.given is None else request.given
    known = tokens >= 0
    recorder = Recorder(request.record, request.keep_states)
    for left in range(request.steps, 0, -1):
        state = _put_corners(x, known, tokens)
        end = torch.ones(known.shape, device=x.device)
        prediction = two_time_denoiser(state, known.to(x.dtype), end)
        recorder.see(prediction, state)
        confidence, word = prediction.max(-1)  # (n, L)
        rank = confidence.masked_fill(known, -1.0).argsort(-1, descending=True).argsort(-1)
        must = ((~known).sum(-1, keepdim=True) / left).ceil()
        kept = ~known & ((confidence >= sure) | (rank < must))
        tokens, known = torch.where(kept, word, tokens), known | kept
        x = gaussian_noise(tuple(x.shape), request.generator, x.device).to(x.dtype)
    recorder.decided(tokens, lambda: _put_corners(x, known, tokens))
    return recorder.result(tokens, torch.linspace(0, 1, request.steps + 1))

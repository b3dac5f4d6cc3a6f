"""The contract of everything that writes text: one method, `sample`, declared here and nowhere else.

Trained models, perfect ones, baselines and extensions derive from `TextGenerator` and differ in `generate`, so that
one sweep, one widget and one cell of a notebook serve them all.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, overload

import torch
from torch import Tensor

from flm_edu.draws import sharpen
from flm_edu.trajectory import Trajectory


@dataclass(frozen=True)
class Request:
    """What `sample` was asked for, checked.

    Attributes:
        n: number of texts.
        steps: network evaluations for each.
        generator: of every draw.
        noise: where the sampler starts: (n, L, V) of a flow, (n, L) int64 of uniform diffusion, else None.
        sampler: one of the generator's `SAMPLERS`.
        record: whether to return a `Trajectory`.
        keep_states: whether it keeps the states.
        temperature: of every draw of a word.
        top_p: the share of the likeliest words that is drawn from.
        given: (n, L) int64, the token at each position that is not free, -1 where it is; None where all are.
    """

    n: int
    steps: int
    generator: torch.Generator | None
    noise: Any
    sampler: str
    record: bool
    keep_states: bool
    temperature: float = 1.0
    top_p: float = 1.0
    given: Tensor | None = None

    def put(self, tokens: Tensor) -> Tensor:
        """Return tokens with the given ones in their places: (n, L) -> (n, L)."""
        return tokens if self.given is None else torch.where(self.given >= 0, self.given, tokens)

    def sharpen(self, probabilities: Tensor) -> Tensor:
        """Return what words are drawn from, given the model's own probabilities: (..., V) -> (..., V)."""
        return sharpen(probabilities, self.temperature, self.top_p)


class TextGenerator:
    """Anything that writes texts of `length` tokens out of `vocab_size`.

    A subclass gives `kind`, the two sizes, `generate` and `decode`; `SAMPLERS` where there is a choice, the default
    first; `draw_noise` where sampling starts from noise.
    """

    kind: ClassVar[str]
    SAMPLERS: ClassVar[tuple[str, ...]] = ("standard",)

    @property
    def vocab_size(self) -> int:
        """V."""
        raise NotImplementedError

    @property
    def length(self) -> int:
        """L."""
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        """Where samples are drawn."""
        return torch.device("cpu")

    @property
    def fixed_steps(self) -> int | None:
        """The network evaluations of a sample where `steps` cannot choose them."""
        return None

    def draws_words(self, sampler: str | None = None) -> bool:
        """Tell whether a sampler, the first unless told, draws words, so that it has a temperature."""
        return (sampler or self.SAMPLERS[0]) not in ("ode", "refinement")

    def draw_noise(self, n: int, generator: torch.Generator | None) -> Tensor | None:
        """Draw what n samples start from; None where sampling starts from nothing."""
        return None

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Return what `sample` does, for a request that is checked."""
        raise NotImplementedError

    def answer(self, request: Request) -> Tensor | Trajectory:
        """Return what `generate` does; the perfect models first learn what is given."""
        return self.generate(request)

    def decode(self, tokens: Tensor) -> list[str]:
        """Return the texts of (B, L) tokens, special tokens left out."""
        raise NotImplementedError

    def spell(self, token: int) -> str:
        """Return one token as it is written, a special one too."""
        raise NotImplementedError

    def sampling(self) -> AbstractContextManager[object]:
        """Return the state that sampling happens in."""
        return nullcontext()

    @overload
    def sample(
        self,
        n: int,
        steps: int,
        *,
        generator: torch.Generator | None = None,
        noise: Tensor | None = None,
        sampler: str | None = None,
        record: Literal[False] = False,
        keep_states: bool = False,
        temperature: float = 1.0,
        top_p: float = 1.0,
        given: Tensor | None = None,
    ) -> Tensor: ...
    @overload
    def sample(
        self,
        n: int,
        steps: int,
        *,
        generator: torch.Generator | None = None,
        noise: Tensor | None = None,
        sampler: str | None = None,
        record: Literal[True],
        keep_states: bool = False,
        temperature: float = 1.0,
        top_p: float = 1.0,
        given: Tensor | None = None,
    ) -> Trajectory: ...
    @torch.no_grad()
    def sample(
        self,
        n: int,
        steps: int,
        *,
        generator: torch.Generator | None = None,
        noise: Tensor | None = None,
        sampler: str | None = None,
        record: bool = False,
        keep_states: bool = False,
        temperature: float = 1.0,
        top_p: float = 1.0,
        given: Tensor | None = None,
    ) -> Tensor | Trajectory:
        """Write n texts in `steps` network evaluations each: (n, L) int64, or with `record` a `Trajectory`.

        The same generator state gives the same tokens. Dropout is off while sampling.

        Args:
            n: number of texts.
            steps: network evaluations for each; ignored where `fixed_steps` says so.
            generator: of every draw; torch's own where left out.
            noise: where to start: a flow's x_0, (n, L, V), or the random tokens of uniform diffusion, (n, L);
                drawn from the generator where left out.
            sampler: one of `SAMPLERS`; the first where left out.
            record: return how the texts came to be.
            keep_states: let the `Trajectory` keep its states.
            temperature: words are drawn from p^(1/temperature); 0 takes the likeliest. What draws no word (the
                ODE of a flow, in any steps) has none.
            top_p: draw from the likeliest words only, as many as together have this probability.
            given: tokens that stand fast, (L,) or (n, L) int64, -1 where free. Perfect models then sample their language
                given these words, exactly. Masked diffusion starts with them. Flows and uniform diffusion are held
                to them at every step, so they learn of them on the way, and of nothing in a first step.
                Autoregression takes them as they come, and does not look ahead.

        Raises:
            ValueError: n or steps below 1, no such sampler, noise of another shape or of a generator without any, a
                temperature or top_p out of range or where no word is drawn, or given tokens that cannot be.
        """
        if n < 1 or (self.fixed_steps or steps) < 1:
            raise ValueError(f"`n` is {n} and `steps` is {steps}; both must be at least 1")
        chosen = self.SAMPLERS[0] if sampler is None else sampler
        if chosen not in self.SAMPLERS:
            raise ValueError(f"`sampler` is {chosen!r}; a {self.kind} is sampled by {' or '.join(self.SAMPLERS)}")
        if keep_states and not record:
            raise ValueError("`keep_states` is of a record: give `record` too")
        if not 0 <= temperature < math.inf or not 0 < top_p <= 1:
            raise ValueError(f"`temperature` is {temperature} and `top_p` is {top_p}; they lie in [0, inf) and (0, 1]")
        fast = None if given is None else self._checked_given(given, n)
        with self.sampling():
            start = self.draw_noise(n, generator) if noise is None else self._checked_noise(noise, n)
            request = Request(n, steps, generator, start, chosen, record, keep_states, temperature, top_p, fast)
            return self.answer(request)

    def _checked_given(self, given: Tensor, n: int) -> Tensor:
        if given.is_floating_point() or tuple(given.shape) not in ((self.length,), (n, self.length)):
            raise ValueError(
                f"`given` is {given.dtype} of shape {tuple(given.shape)}; it must be whole numbers of shape "
                f"({self.length},) or ({n}, {self.length})"
            )
        if bool((given < -1).any()) or bool((given >= self.vocab_size).any()):
            raise ValueError(
                f"`given` has tokens from {int(given.min())} to {int(given.max())}; they lie in -1 (free) to {self.vocab_size - 1}"
            )
        return given.to(self.device, torch.int64).expand(n, -1)

    def _checked_noise(self, noise: Tensor, n: int) -> Tensor:
        like = self.draw_noise(1, torch.Generator())
        if like is None:
            raise ValueError(f"`noise` is given, but a {self.kind} starts from none")
        wanted = (n, *like.shape[1:])
        if tuple(noise.shape) != wanted:
            raise ValueError(f"`noise` has shape {tuple(noise.shape)}; n = {n} samples start from {wanted}")
        if noise.is_floating_point() != like.is_floating_point():
            raise ValueError(f"`noise` is {noise.dtype}; a {self.kind} starts from {like.dtype}")
        return noise.to(self.device, like.dtype)

"""Stage 2, the flow map: what its objectives share, and the paper's choice among them, the semigroup objective."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor

from flm_edu.draws import gaussian_noise, random_uniform, stratified
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.interpolant import (
    compose_two_time_denoisers,
    flow_map_from_two_time_denoiser,
    interpolate_tokens,
    one_hot,
)
from flm_edu.objectives.objective import Loss, StepContext
from flm_edu.schedule import Schedule
from flm_edu.settings import Settings, setting

Target = Literal["student", "ema", "init", "teacher"]

#: (x, tau_s, tau_t) -> delta_{s,t}(x) on the simplex: (B, L, V), (B,), (B,) -> (B, L, V)
Jump = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class FlowMapOptions(Settings):
    """Constants of a flow map's objective; the defaults are the authors' released recipe for the semigroup one.

    Raises:
        ValueError: an option is out of its range; names it.
    """

    diagonal_fraction: float = setting(0.5, "Share of the batch that learns the teacher's D_t at s = t.", "[0, 1)")
    boundary_every: int = setting(32, "One jump in this many goes from 0 to 1, in one step; 0 for none.", "[0, inf)")
    target: Target = setting(
        "student",
        "Whose jumps make the target: the student's, its average's (ema), those of the map it starts from (init), or "
        "the teacher's Euler steps.",
    )
    jumps: int = setting(2, "The number of jumps that make the target of one.", "[2, inf)")


class KeptTargets:
    """Targets of batches that come again, in half precision, by the number of the batch."""

    def __init__(self) -> None:
        self._targets: dict[int, Tensor] = {}

    def get(self, batch: int | None, make: Callable[[], Tensor]) -> Tensor:
        """Return the target of a batch, made the first time it is asked for; of None it is made every time."""
        if batch is None:
            return make()
        if batch not in self._targets:
            self._targets[batch] = make().half()  # what is kept is what is learned, the first time too
        return self._targets[batch].float()


class FlowMapObjective:
    """What the objectives of a flow map have in common: the diagonal, the times, the divergence.

    On the diagonal (s = t) the target is the teacher's D_t; without a teacher it is the data, and the
    flow is learned along with its map (self-distillation). Off the diagonal a subclass gives the target,
    through which no gradient goes. Both losses are KL(target || student).

    Args:
        teacher: the trained flow, not changed; None for self-distillation.
        options: the recipe's constants.
        init: a flow map that stays as it is while the student learns its long jumps, for target "init".
        keep: remember the targets of batches that come again (`TrainConfig.cycle`).

    Raises:
        ValueError: target "init" without such a map, or "teacher" without one; targets to keep that change.

    Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """

    part: ClassVar[str]  # what the loss off the diagonal is called in the metrics

    def __init__(
        self,
        teacher: FlowLM | FlowMapLM | None,
        options: FlowMapOptions | None = None,
        init: FlowMapLM | None = None,
        *,
        keep: bool = False,
    ):
        self.teacher = None if teacher is None else teacher.eval().requires_grad_(False)
        self.options = options or FlowMapOptions()
        target = self.options.target
        if target == "init" and init is None:
            raise ValueError("`target` 'init' needs a flow map to start from: give `init`")
        if target == "teacher" and teacher is None:
            raise ValueError("`target` 'teacher' needs a teacher; a map that learns alone takes 'student' or 'ema'")
        if keep and target not in ("init", "teacher"):
            raise ValueError(f"targets of {target!r} change as it learns; `cycle` needs `target` 'init' or 'teacher'")
        self.kept = KeptTargets() if keep else None
        self._frozen: FlowMapLM | None = None
        if target == "init":
            self._frozen = copy.deepcopy(init)
            assert self._frozen is not None
            self._frozen.eval().requires_grad_(False)

    def target(self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, context: StepContext) -> Tensor:
        """Return what delta_{s,t}(x_s) is to be: (B, L, V), (B,), (B,) -> (B, L, V) on the simplex."""
        raise NotImplementedError

    def __call__(self, model: FlowMapLM, tokens: Tensor, context: StepContext) -> Loss:
        """Return the loss over a batch, whose first texts are on the diagonal.

        Shapes: tokens (B, L) int64.

        Raises:
            ValueError: `target` is "ema" but there is no average, or the batch is all diagonal.
        """
        n_diagonal = self._n_diagonal(len(tokens))
        times = self._times(n_diagonal, len(tokens) - n_diagonal, context.generator, tokens.device)
        tau_s, tau_t = self.of_positions(times, tokens, context.generator)
        noise = gaussian_noise((*tokens.shape, model.vocab_size), context.generator, tokens.device)
        x_s = interpolate_tokens(noise, tokens, model.schedule.t(tau_s))  # (B, L, V)

        def targets() -> Tensor:
            with torch.no_grad():
                return self.targets(model, x_s, tau_s, tau_t, tokens[:n_diagonal], context)

        target = targets() if self.kept is None else self.kept.get(context.batch, targets)
        return self.compare(model, x_s, tau_s, tau_t, target, n_diagonal)

    def of_positions(
        self, times: tuple[Tensor, Tensor], tokens: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Return start and end for the positions of each text, in tau: (B,) where all have the same, else (B, L)."""
        return times

    def targets(
        self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, clean: Tensor, context: StepContext
    ) -> Tensor:
        """Return the targets of a batch, first those on the diagonal, whose texts are `clean`: (B, L, V)."""
        n = len(clean)
        diagonal = self.diagonal(x_s[:n], tau_s[:n], clean)
        return torch.cat([diagonal, self.target(model, x_s[n:], tau_s[n:], tau_t[n:], context)])

    def diagonal(self, x_t: Tensor, tau: Tensor, clean: Tensor) -> Tensor:
        """Return the target where s = t: the teacher's D_t, or the data without one: (n, L, V)."""
        if self.teacher is None or not len(clean):
            return one_hot(clean, x_t.shape[-1])
        return self.teacher.to(x_t.device).denoiser_logits(x_t, tau).softmax(-1)

    def compare(
        self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, target: Tensor, n_diagonal: int
    ) -> Loss:
        """Return how far the student is from its targets (B, L, V)."""
        each = self.distance(target, model.logits(x_s, tau_s, tau_t), tau_s)  # (B,)
        return Loss(each.mean(), self.parts(each, n_diagonal))

    def distance(self, target: Tensor, logits: Tensor, tau_s: Tensor) -> Tensor:
        """Return `divergence`: (B, L, V), (B, L, V), (B,) -> (B,)."""
        return divergence(target, logits)

    def parts(self, each: Tensor, n_diagonal: int) -> dict[str, Tensor]:
        """Return the mean divergence on the diagonal and off it, of one for each text (B,)."""
        return {
            "diagonal_kl": each[:n_diagonal].detach().mean() if n_diagonal else each.new_zeros(()),
            self.part: each[n_diagonal:].detach().mean(),
        }

    def jumper(self, model: FlowMapLM, context: StepContext) -> FlowMapLM:
        """Return the flow map whose jumps make the target: the student, its average, or the one it started from.

        Raises:
            ValueError: `target` is "ema" but there is no average.
        """
        if self._frozen is not None:
            return self._frozen.to(model.device)
        if self.options.target != "ema":
            return model
        if context.averaged is None:
            raise ValueError("`target` 'ema' needs the averaged student")
        return context.averaged

    def denoiser(self, jumper: FlowMapLM, x: Tensor, tau: Tensor) -> Tensor:
        """Return D_t(x) by the teacher, or by the diagonal of the map itself: (B, L, V), (B,) -> (B, L, V)."""
        return (self.teacher or jumper).denoiser_logits(x, tau).softmax(-1)

    def _n_diagonal(self, texts: int) -> int:
        share = self.options.diagonal_fraction
        n = round(texts * share)
        if n == texts or (n == 0 and share):
            raise ValueError(
                f"`diagonal_fraction` {share} makes {n} of {texts} texts diagonal and the rest jumps, and both are "
                "needed; take another, or more texts at a time (`batch`, `accumulate`)"
            )
        return n

    def _times(
        self, n_diagonal: int, n_jump: int, generator: torch.Generator | None, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """Start and end of each jump in tau: (B,) each, s = t for the first n_diagonal."""
        diagonal = stratified(max(n_diagonal, 1), generator, device)[:n_diagonal]
        length = stratified(n_jump, generator, device)
        start = random_uniform((n_jump,), generator, device) * (1 - length)
        if every := self.options.boundary_every:
            boundary = torch.arange(n_jump, device=device) % every == 0
            if n_jump < every:  # a part of a batch, then; one in so many must hold for the whole
                boundary &= random_uniform((), generator, device) < n_jump / every
            start, length = torch.where(boundary, 0.0, start), torch.where(boundary, 1.0, length)
        return torch.cat([diagonal, start]), torch.cat([diagonal, (start + length).clamp_max(1)])


class SemigroupDistillation(FlowMapObjective):
    """One long jump must land where two short ones do, or more.

    The target is g delta_{s,u}(I_s) + (1-g) delta_{u,t}(X_{s,u}(I_s)), with u the midpoint of s and t in
    tau: a convex combination, so it lies on the simplex. Args and source: as `FlowMapObjective`.
    """

    part = "semigroup_kl"

    def target(self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, context: StepContext) -> Tensor:
        """Return jumps of equal length in tau, composed into one two-time denoiser."""
        with self.jump(model, context) as jump:
            walked = walk(jump, model.schedule, x_s, tau_s, tau_t, self.options.jumps)
            ((_, composed),) = deque(walked, maxlen=1)  # the last
        return composed

    @contextmanager
    def jump(self, model: FlowMapLM, context: StepContext) -> Iterator[Jump]:
        """Give the jump that the target is composed of."""
        if self.options.target == "teacher":
            assert self.teacher is not None
            teacher = self.teacher.to(model.device)
            # An Euler step holds D_s to its end.
            yield lambda x, tau_s, tau_t: teacher.denoiser_logits(x, tau_s).softmax(-1)
            return
        jumper = self.jumper(model, context)
        with jumper.sampling():  # a target with dropout in it could not be met
            yield lambda x, tau_s, tau_t: jumper.logits(x, tau_s, tau_t).softmax(-1)


def walk(
    jump: Jump, schedule: Schedule, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, jumps: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Walk from s to t in jumps of equal length in tau; yield each one's delta and the composition of all so far.

    Shapes: x_s (B, L, V), tau_s, tau_t (B,) -> `jumps` pairs of (B, L, V).
    """
    taus = [tau_s + (tau_t - tau_s) * (k / jumps) for k in range(jumps)] + [tau_t]
    s = schedule.t(tau_s)
    x, composed = x_s, x_s
    for number, (here, after) in enumerate(pairwise(taus)):
        u, t = schedule.t(here), schedule.t(after)
        if number:
            x = flow_map_from_two_time_denoiser(composed, x_s, s, u)
        delta = jump(x, here, after)
        composed = compose_two_time_denoisers(composed, delta, s, u, t) if number else delta
        yield delta, composed


def divergence(target: Tensor, logits: Tensor) -> Tensor:
    """Return KL(target || student) of each text, nats per token: (..., B, L, V) -> (..., B)."""
    return token_divergence(target, logits).mean(-1)


def token_divergence(target: Tensor, logits: Tensor) -> Tensor:
    """Return KL(target || student) of each token, nats: (..., L, V) -> (..., L)."""
    log_student = logits.log_softmax(-1)
    # F.kl_div would keep two more tables of (B, L, V).
    return torch.xlogy(target, target).sum(-1) - (target * log_student).sum(-1)

"""Stage 2, the flow map: one long jump agrees with the short jumps that make it up."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, get_args

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
from flm_edu.objectives.objective import Objective

Target = Literal["student", "ema", "init", "teacher"]


@dataclass(frozen=True)
class FlowMapOptions:
    """Constants of a flow map's objective; the defaults are the authors' released recipe for the semigroup one.

    Raises:
        ValueError: an option is out of its range; the message names it.
    """

    diagonal_fraction: float = 0.5  # share of the batch that learns D_t from the teacher at s = t
    boundary_every: int = 32  # one pair in so many is (0, 1), the one-step jump; 0 for none
    # Whose jumps make the target: the student's, its average's, those of the map it starts from (init), or the
    # teacher's Euler steps, which are jumps that hold D_s fixed.
    target: Target = "student"
    jumps: int = 2  # so many make the target of the semigroup objective, and a path

    def __post_init__(self) -> None:
        if not 0 <= self.diagonal_fraction < 1:
            raise ValueError(f"diagonal_fraction is {self.diagonal_fraction}; it must lie in [0, 1)")
        if self.boundary_every < 0:
            raise ValueError(f"boundary_every is {self.boundary_every}; it must be 0 (never) or more")
        if self.target not in get_args(Target):
            raise ValueError(f"target is {self.target!r}; choose one of {', '.join(get_args(Target))}")
        if self.jumps < 2:
            raise ValueError(f"jumps is {self.jumps}; one jump is to be like two or more")


GUESS_WEIGHT = 3.0  # of the guesses' mean divergence, where the answer's has 1


class FlowMapObjective:
    """What the objectives of a flow map have in common: the diagonal, the times, the divergence.

    On the diagonal (s = t) the target is the teacher's D_t; without a teacher it is the data, and the
    flow is learned along with its map (self-distillation). Off the diagonal a subclass gives the target,
    through which no gradient goes. Both losses are KL(target || student).

    Args:
        teacher: the trained flow, not changed; None for self-distillation.
        options: the recipe's constants.
        init: a flow map that stays as it is while the student learns its long jumps, for target "init".
        keep: remember the targets of a batch, and give them again when its draws return (`TrainConfig.cycle`).

    Raises:
        ValueError: target "init" without such a map, or "teacher" without one; targets to keep that change.

    Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """

    part: ClassVar[str]  # what the loss off the diagonal is called in the metrics

    def __init__(
        self,
        teacher: FlowLM | None,
        options: FlowMapOptions | None = None,
        init: FlowMapLM | None = None,
        *,
        keep: bool = False,
    ):
        self.teacher = None if teacher is None else teacher.eval().requires_grad_(False)
        self.options = options or FlowMapOptions()
        if self.options.target == "init" and init is None:
            raise ValueError("target 'init' needs a flow map to start from: give --init")
        if self.options.target == "teacher" and teacher is None:
            raise ValueError("target 'teacher' needs a teacher; a map that learns alone takes 'student' or 'ema'")
        if keep and self.options.target not in ("init", "teacher"):
            raise ValueError(
                f"targets of {self.options.target!r} change as it learns; --cycle needs --target init or teacher"
            )
        self.kept: dict[bytes, Tensor] | None = {} if keep else None
        frozen = self.options.target == "init"
        self.init = copy.deepcopy(init).eval().requires_grad_(False) if frozen and init is not None else None

    def target(self, walker: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """What delta_{s,t}(x_s) is to be: (B, L, V), (B,), (B,) -> (B, L, V) on the simplex.

        Of a student whose guesses are taught as well, those come before it: (blocks, B, L, V).
        """
        raise NotImplementedError

    def __call__(
        self, model: FlowMapLM, tokens: Tensor, generator: torch.Generator | None, averaged: FlowMapLM | None = None
    ) -> Objective:
        """The loss over a batch, its diagonal part first.

        Shapes: tokens (B, L) int64; `averaged` is the student with averaged weights.

        Raises:
            ValueError: options.target is "ema" but there is no average, or the batch is all diagonal.
        """
        if self.options.target == "ema" and averaged is None:
            raise ValueError("target 'ema' needs the averaged student")
        walkers = {"student": model, "ema": averaged, "init": self.init, "teacher": model}
        walker = walkers[self.options.target]
        assert walker is not None
        batch = None if self.kept is None or generator is None else generator.get_state().numpy().tobytes()
        if walker is self.init:
            walker.to(tokens.device)
        n_diagonal = round(len(tokens) * self.options.diagonal_fraction)
        n_jump = len(tokens) - n_diagonal
        if n_jump < 1 or (n_diagonal < 1 and self.options.diagonal_fraction):
            raise ValueError(
                f"diagonal_fraction {self.options.diagonal_fraction} makes {n_diagonal} of {len(tokens)} texts diagonal "
                "and the rest jumps, and both are needed; take another, or more texts at a time (--batch, --accumulate)"
            )
        tau_s, tau_t = self._times(n_diagonal, n_jump, generator, tokens.device)
        noise = gaussian_noise((*tokens.shape, model.config.vocab_size), generator, tokens.device)
        x_s = interpolate_tokens(noise, tokens, model.schedule.t(tau_s))

        target = self._targets(walker, x_s, tau_s, tau_t, tokens[:n_diagonal], batch)
        log_student = self.student(model, x_s, tau_s, tau_t).log_softmax(-1)
        # KL(target || student), (..., B) nats per token; F.kl_div would keep two more tables of (B, L, V).
        divergence = (torch.xlogy(target, target).sum(-1) - (target * log_student).sum(-1)).mean(-1)
        answer = divergence if divergence.ndim == 1 else divergence[-1]
        parts = {
            "diagonal_kl": answer[:n_diagonal].detach().mean() if n_diagonal else answer.new_zeros(()),
            self.part: answer[n_diagonal:].detach().mean(),
        }
        loss = answer.mean()
        if divergence.ndim > 1:
            guesses = divergence[:-1].mean()
            parts["guess_kl"] = guesses.detach()
            loss = loss + GUESS_WEIGHT * guesses
        return Objective(loss, parts)

    def student(self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """What is compared with the target: the logits of the answer, (B, L, V)."""
        return model.logits(x_s, tau_s, tau_t)

    @torch.no_grad()
    def _targets(
        self, walker: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, clean: Tensor, batch: bytes | None
    ) -> Tensor:
        """On the diagonal, which is as long as `clean`, and off it: (B, L, V) on the simplex, kept by `batch` if any."""
        if self.kept is not None and batch in self.kept:
            return self.kept[batch].float()
        n, training = len(clean), walker.training
        walker.eval()  # a target with dropout in it could not be met
        if self.teacher is not None and n:
            diagonal = self.teacher.to(x_s.device).logits(x_s[:n], tau_s[:n]).softmax(-1)
        else:
            diagonal = one_hot(clean, x_s.shape[-1])
        target = self.target(walker, x_s[n:], tau_s[n:], tau_t[n:])
        target = torch.cat([diagonal.expand(*target.shape[:-3], *diagonal.shape), target], dim=-3)
        walker.train(training)
        if self.kept is not None and batch is not None:
            self.kept[batch] = target.half()  # what is kept is what is learned, the first time too
            return self.kept[batch].float()
        return target

    def denoiser(self, walker: FlowMapLM, x: Tensor, tau: Tensor) -> Tensor:
        """D_t(x) by the teacher, or by the diagonal of the map itself: (B, L, V), (B,) -> (B, L, V)."""
        logits = walker.logits(x, tau, tau) if self.teacher is None else self.teacher.logits(x, tau)
        return logits.softmax(-1)

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

    def target(self, walker: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Jumps of equal length in tau, composed into one two-time denoiser."""
        return self.walk(walker, x_s, tau_s, tau_t)[1]

    def walk(
        self, walker: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, noted: Collection[int] = ()
    ) -> tuple[dict[int, Tensor], Tensor]:
        """What the noted jumps, counted from 0, go by: delta, or the teacher's D; and the composition of all jumps."""
        teacher = self.teacher if self.options.target == "teacher" else None
        jumps, notes = self.options.jumps, {}
        taus = [tau_s + (tau_t - tau_s) * (k / jumps) for k in range(jumps)] + [tau_t]
        s, x, composed = walker.schedule.t(tau_s), x_s, x_s
        for number, (here, after) in enumerate(pairwise(taus)):
            u, t = walker.schedule.t(here), walker.schedule.t(after)
            if number:
                x = flow_map_from_two_time_denoiser(composed, x_s, s, u)
            logits = walker.logits(x, here, after) if teacher is None else teacher.logits(x, here)
            denoiser = logits.softmax(-1)
            if number in noted:
                notes[number] = denoiser
            composed = compose_two_time_denoisers(composed, denoiser, s, u, t) if number else denoiser
        return notes, composed


class PathDistillation(SemigroupDistillation):
    """One evaluation walks the teacher's whole path: block k says where the path has got to by then.

    The student is a network with guesses. Its answer is to be the end of `jumps` Euler steps of the teacher from s to
    t, composed as above; the guess of block k = 1, 2, ... of `blocks` is to be the teacher's denoiser when the share
    (k-1) / (blocks-1) of them is done. What the end hides, how a decision was made and how close it was, is taught
    with it. Not in the paper; docs/RESULTS.md has what it is worth. Args as `FlowMapObjective`.

    Raises:
        ValueError: as `FlowMapObjective`, or target is not "teacher".
    """

    part = "path_kl"

    def __init__(self, teacher: FlowLM, options: FlowMapOptions, init: FlowMapLM | None = None, *, keep: bool = False):
        super().__init__(teacher, options, init, keep=keep)
        if self.options.target != "teacher":
            raise ValueError(f"a path is the teacher's: --target must be teacher, not {self.options.target}")

    def target(self, walker: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """What the guesses are to be, then the answer: (blocks, B, L, V) on the simplex."""
        guesses = walker.config.blocks - 1
        taught = [k * self.options.jumps // guesses for k in range(guesses)]
        notes, composed = self.walk(walker, x_s, tau_s, tau_t, noted=taught)
        return torch.stack([*(notes[number] for number in taught), composed])

    def student(self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """The logits of every block: (blocks, B, L, V)."""
        return model.every_block(x_s, tau_s, tau_t)

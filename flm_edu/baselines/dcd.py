"""Discrete consistency distillation (DCD): the student at a noisy text says what the teacher says a little later.

Uniform diffusion has no path of its own, but the Gaussian one it shadows has: with the same noise x_0 and
clean text x_1, the argmax of I_t at two times are two points of one deterministic path of tokens.

Times are spread evenly in alpha here (published: evenly in the noise's log-ratio), and four rounds from 64 steps end at
parts of 1/8 (published: five from 512, at 1/32); `RoundOptions` chooses others.

Source: Sahoo et al. 2025, "The Diffusion Duality" (arXiv 2506.10892).
"""

from __future__ import annotations

import torch
from torch import Tensor

from flm_edu.baselines.rounds import RoundOptions, divergence
from flm_edu.baselines.uniform import UniformLM
from flm_edu.draws import gaussian_noise, stratified
from flm_edu.interpolant import interpolate_tokens
from flm_edu.objectives.objective import Loss, StepContext


class DiscreteConsistency:
    """One round: KL of the student at alpha from the teacher at alpha + 1/teacher_steps, on one path.

    Args:
        teacher: the uniform diffusion model of this round; not changed.
        teacher_steps: how many parts the path is cut into; every round has half as many.
        options: the recipe's constants.
    """

    def __init__(self, teacher: UniformLM, teacher_steps: int, options: RoundOptions | None = None):
        self.teacher = teacher.eval().requires_grad_(False)
        self.teacher_steps = teacher_steps
        self.options = options or RoundOptions()

    def __call__(self, model: UniformLM, tokens: Tensor, context: StepContext) -> Loss:
        """Return the mean over tokens, nats per token: tokens (B, L) int64."""
        self.teacher.to(tokens.device)
        generator = context.generator
        alpha = stratified(len(tokens), generator, tokens.device)
        later = (alpha + 1 / self.teacher_steps).clamp_max(1)
        noise = gaussian_noise((*tokens.shape, model.vocab_size), generator, tokens.device)
        seen = interpolate_tokens(noise.clone(), tokens, model.schedule.t(later)).argmax(-1)
        now = interpolate_tokens(noise, tokens, model.schedule.t(alpha)).argmax(-1)
        with torch.no_grad():
            target = self.teacher.logits(seen, later).log_softmax(-1)
        student = model.logits(now, alpha).log_softmax(-1)
        loss = divergence(student, target, self.options.divergence).mean()
        return Loss(loss, {"divergence": loss.detach()})

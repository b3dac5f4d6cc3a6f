"""Self-distillation through time (SDTT): one step of the student is to do what two of the teacher do.

Source: Deschenaux & Gulcehre 2024, "Beyond Autoregression: Fast LLMs via Self-Distillation Through Time"
(arXiv 2410.21035).
"""

from __future__ import annotations

import torch
from torch import Tensor

from flm_edu.baselines.masked import LEAST_HIDDEN, MaskedLM, hide
from flm_edu.baselines.rounds import RoundOptions, divergence
from flm_edu.draws import categorical, stratified
from flm_edu.objectives.objective import Loss, StepContext


class SelfDistillationThroughTime:
    """One round: KL of the student from the teacher's predictions over two of its steps.

    Args:
        teacher: the masked diffusion model of this round; not changed.
        teacher_steps: the sampling steps it takes; the student is to take half as many.
        options: the recipe's constants.
    """

    def __init__(self, teacher: MaskedLM, teacher_steps: int, options: RoundOptions | None = None):
        self.teacher = teacher.eval().requires_grad_(False)
        self.teacher_steps = teacher_steps
        self.options = options or RoundOptions()

    def __call__(self, model: MaskedLM, tokens: Tensor, context: StepContext) -> Loss:
        """Return the mean over hidden tokens, nats per token: tokens (B, L) int64."""
        self.teacher.to(tokens.device)
        generator = context.generator
        step = 1 / self.teacher_steps
        share = LEAST_HIDDEN + (1 - LEAST_HIDDEN) * stratified(len(tokens), generator, tokens.device)
        known = hide(tokens, share, generator)
        # Where less is hidden than one step uncovers, the first step ends the text.
        target = two_step_target(self.teacher, tokens, known, (step / share).clamp_max(1), generator)
        each = divergence(model.logits(tokens, known).log_softmax(-1), target, self.options.divergence)
        loss = (each * ~known).sum() / (~known).sum().clamp_min(1)
        return Loss(loss, {"divergence": loss.detach()})


@torch.no_grad()
def two_step_target(
    teacher: MaskedLM, tokens: Tensor, known: Tensor, chance: Tensor, generator: torch.Generator | None
) -> Tensor:
    """Return what the teacher says of each hidden token when it is uncovered, or after both steps.

    The first step uncovers each hidden token with its text's chance; those keep the first prediction. The
    others get the prediction that knows what the first step wrote.

    Shapes: tokens, known (B, L), chance (B,) -> log-probabilities (B, L, V).
    """
    first = teacher.logits(tokens, known).log_softmax(-1)
    uncovered = ~known & ~hide(tokens, chance, generator)
    written = torch.where(uncovered, categorical(first.exp(), generator), tokens)
    second = teacher.logits(written, known | uncovered).log_softmax(-1)
    return torch.where(uncovered[..., None], first, second)

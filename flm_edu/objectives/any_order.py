"""How a flow map with a time for every position learns: some words of each text are clean, the others share a jump."""

from __future__ import annotations

import torch
from torch import Tensor

from flm_edu.draws import gaussian_noise, random_uniform
from flm_edu.flow import FlowMapLM
from flm_edu.interpolant import interpolate_tokens, one_hot
from flm_edu.objectives.flow_map import FlowMapOptions, SemigroupDistillation
from flm_edu.objectives.objective import Loss, StepContext


class AnyOrderSemigroup(SemigroupDistillation):
    """The semigroup objective without a teacher, over the noisy positions of texts that are partly clean.

    In each text a share f ~ U(0, 1) of the words is clean (s = t = 1), word by word; the others have one (s, t).
    On the diagonal the target is the data: at s = t = 0 that is the loss of masked diffusion. The rest are jumps,
    whose target the averaged model's two shorter jumps make.

    Source: arXiv 2606.24773.
    """

    def __init__(self, options: FlowMapOptions | None = None):
        super().__init__(None, options or FlowMapOptions(target="ema"))

    def __call__(self, model: FlowMapLM, tokens: Tensor, context: StepContext) -> Loss:
        """Return the loss over a batch, whose first texts are on the diagonal: tokens (B, L) int64."""
        generator, device = context.generator, tokens.device
        n = self._n_diagonal(len(tokens))
        tau_s, tau_t = self._times(n, len(tokens) - n, generator, device)
        share = random_uniform((len(tokens), 1), generator, device)
        clean = random_uniform(tuple(tokens.shape), generator, device) < share  # (B, L)
        tau_s, tau_t = (torch.where(clean, 1.0, tau[:, None]) for tau in (tau_s, tau_t))
        noise = gaussian_noise((*tokens.shape, model.vocab_size), generator, device)
        x_s = interpolate_tokens(noise, tokens, model.schedule.t(tau_s))
        with torch.no_grad():
            jumps = self.target(model, x_s[n:], tau_s[n:], tau_t[n:], context)
            target = torch.cat([one_hot(tokens[:n], model.vocab_size), jumps])
        each = over_noisy(target, model.logits(x_s, tau_s, tau_t), ~clean)  # (B,)
        return Loss(each.mean(), self.parts(each, n))


def over_noisy(target: Tensor, logits: Tensor, noisy: Tensor) -> Tensor:
    """Return KL(target || student) of each text, nats per noisy token; 0 where all are clean.

    Shapes: (B, L, V), (B, L, V), (B, L) bool -> (B,).
    """
    each = torch.xlogy(target, target).sum(-1) - (target * logits.log_softmax(-1)).sum(-1)  # (B, L)
    return (each * noisy).sum(-1) / noisy.sum(-1).clamp_min(1)

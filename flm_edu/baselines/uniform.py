"""Uniform-state diffusion (Duo): tokens are replaced by random ones, and the network finds the clean text.

Its corruption is what the flow's Gaussian noise looks like when only the largest entry of each position
is kept: argmax of I_t is the clean token with probability alpha + (1-alpha)/V, where alpha is tau(t), the
clock of `DecodingErrorSchedule` (Duo's "diffusion transformation operator").

Source: Sahoo et al. 2025, "The Diffusion Duality" (arXiv 2506.10892).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from flm_edu.architecture import Architecture
from flm_edu.discrete import UniformGenerator
from flm_edu.draws import gaussian_noise, random_tokens, random_uniform, stratified
from flm_edu.interpolant import interpolate_tokens
from flm_edu.language_model import LanguageModel
from flm_edu.objectives.objective import Loss, StepContext
from flm_edu.schedule import DecodingErrorSchedule
from flm_edu.settings import Settings, setting


class UniformLM(UniformGenerator, LanguageModel):
    """A uniform-state diffusion language model.

    The network predicts each clean token from the other positions (its context); what the token that
    stands there says is known exactly and put in by the formulas. The bound has its minimum there.

    Args and Raises: as `LanguageModel`.
    """

    kind = "uniform"

    def __init__(self, config: Architecture, tokenizer: Tokenizer | None = None):
        super().__init__(config, tokenizer)
        self.schedule = DecodingErrorSchedule(config.vocab_size)  # of the Gaussian path it shadows

    def logits(self, tokens: Tensor, alpha: Tensor) -> Tensor:
        """Return the network's output: tokens (B, L) int64, or soft ones (B, L, V), at alphas (B,) -> (B, L, V) float."""
        return self.network(tokens, alpha).float()

    def context(self, tokens: Tensor, alpha: float) -> Tensor:
        """Return what the other positions say of each clean token: (B, L) int64 -> (B, L, V) on the simplex."""
        return self.logits(tokens, torch.full((1,), alpha, device=tokens.device)).softmax(-1)

    def likelihood_bound(self, tokens: Tensor, generator: torch.Generator | None) -> Tensor:
        """Estimate it with one draw of the noise for each text."""
        return uniform_diffusion(self, tokens, generator).loss


def corrupt(tokens: Tensor, alpha: Tensor, vocab_size: int, generator: torch.Generator | None) -> Tensor:
    """Keep each token with probability alpha, else draw any of V: (B, L) int64, (B,) -> (B, L) int64."""
    keep = random_uniform(tokens.shape, generator, tokens.device) < alpha[:, None]
    return torch.where(keep, tokens, random_tokens(tokens.shape, vocab_size, generator, tokens.device))


def uniform_diffusion(
    model: UniformLM, tokens: Tensor, generator: torch.Generator | None, temperature: float = 0.0
) -> Loss:
    """Return the continuous-time bound on -log p, an integral over alpha from 0 to 1.

    Alphas near 1, where a text holds few wrong tokens to learn from, are drawn more often and weigh less.
    For the exact context the bound is tight: its mean is the entropy of the language.

    Args:
        model: uniform diffusion.
        tokens: (B, L) int64.
        generator: of every draw.
        temperature: above 0, the network sees soft tokens, softmax(I_t / temperature), in place of argmax I_t;
            the loss is then no bound.

    Shapes: nats per token. Source: `uniform_bound`.
    """
    left = stratified(len(tokens), generator, tokens.device)
    alpha, weight = 1 - left**2, 2 * left  # weight = |d alpha / d left|
    if temperature > 0:
        # Uniform diffusion at alpha is the argmax of the Gaussian path I_t where tau(t) = alpha.
        noise = gaussian_noise((*tokens.shape, model.vocab_size), generator, tokens.device)
        state = interpolate_tokens(noise, tokens, model.schedule.t(alpha))
        seen, noisy = (state / temperature).softmax(-1), state.argmax(-1)
    else:
        seen = noisy = corrupt(tokens, alpha, model.vocab_size, generator)
    loss = (weight[:, None] * uniform_bound(model.logits(seen, alpha), tokens, noisy, alpha)).mean()
    return Loss(loss, {"soft_loss" if temperature > 0 else "bound": loss.detach()})


@dataclass(frozen=True)
class UniformDiffusion(Settings):
    """The bound, on texts whose tokens are soft in the first part of a training.

    A token that was replaced looks like any other, and a network that starts with such texts is slow to
    learn whom to believe. A soft token still shows what the noise has hidden.

    Args:
        softness: of the tokens at the start, in units in which the largest weight of a soft token, halfway to
            the clean text, is about a fifth for any vocabulary; it falls to 0.
        until: share of the training after which tokens are hard.

    Raises:
        ValueError: an option is out of its range; the message names it.

    Source: after the curriculum of Sahoo et al. 2025, arXiv 2506.10892; there the temperature is constant and
    so small that tokens are nearly hard.
    """

    softness: float = setting(4.0, "Softness of the tokens at the start.", "[0, inf)")
    until: float = setting(0.5, "Share of the training after which tokens are hard.", "(0, 1]")

    def temperature(self, model: UniformLM, progress: float) -> float:
        """Return the temperature of the softmax when this share of the training is over."""
        # V entries of Gaussian noise of deviation 1 - t freeze to one of them at a temperature near (1 - t) / ln V.
        noise = 1 - float(model.schedule.t(torch.tensor(0.5)))
        left = max(0.0, 1 - progress / self.until)
        return left * self.softness * noise / math.log(model.vocab_size)

    def __call__(self, model: UniformLM, tokens: Tensor, context: StepContext) -> Loss:
        """Return the loss of tokens (B, L) int64, nats per token."""
        return uniform_diffusion(model, tokens, context.generator, self.temperature(model, context.progress))


def uniform_bound(logits: Tensor, clean: Tensor, noisy: Tensor, alpha: Tensor) -> Tensor:
    """Return how fast the true reverse process and the model's part, per unit of alpha: nats, 0 or more.

    With q_j = (1-alpha)/V + alpha [j = clean] and p_j the same mixture of the prediction, the reverse
    processes leave the noisy token i for j at rates q_j/q_i and p_j/p_i, each over alpha V; the
    divergence of two such processes is the sum over j of p_j/p_i - q_j/q_i + (q_j/q_i) log((q_j p_i) / (q_i p_j)).

    Shapes: logits (B, L, V), clean, noisy (B, L) int64, alpha (B,) -> (B, L).
    Source: Sahoo et al. 2025, arXiv 2506.10892, "Rao-Blackwellized NELBO".
    """
    size = logits.shape[-1]
    alpha = alpha.to(logits.dtype).clamp(1e-4, 1 - 1e-4)[:, None]  # where the quotients are 0/0
    base = (1 - alpha) / size  # what any token has, (B, 1)
    log_p = (base[..., None] + alpha[..., None] * logits.softmax(-1)).log()  # (B, L, V)
    log_p_noisy, log_p_clean = (log_p.gather(-1, token[..., None])[..., 0] for token in (noisy, clean))
    log_base, log_top = base.log(), (base + alpha).log()
    log_q_noisy = torch.where(noisy == clean, log_top, log_base)
    # sum_j q_j log q_j and sum_j q_j log p_j, q being `base` everywhere and alpha more at the clean token
    q_log_q = (size - 1) * base * log_base + (base + alpha) * log_top
    q_log_p = base * log_p.sum(-1) + alpha * log_p_clean
    divergence = (q_log_q - q_log_p + log_p_noisy - log_q_noisy - 1) / log_q_noisy.exp() + 1 / log_p_noisy.exp()
    return divergence / (alpha * size)

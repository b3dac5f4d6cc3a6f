"""Autoregression: the causal network predicts each token from those before it.

The one family with an exact likelihood, and the one that needs L network evaluations for a text,
each of them of a single token thanks to the key-value cache.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from flm_edu.architecture import Role
from flm_edu.draws import categorical
from flm_edu.generator import Request
from flm_edu.interpolant import one_hot
from flm_edu.language_model import LanguageModel
from flm_edu.objectives.objective import Loss, StepContext
from flm_edu.trajectory import Recorder, Trajectory


class AutoregressiveLM(LanguageModel):
    """A left-to-right language model of the flow's own blocks, causal and with its clock standing still.

    Token V, which it reads and never writes, stands before the first.

    Args and Raises: as `LanguageModel`.
    """

    kind = "autoregressive"
    ROLE: ClassVar[Role] = Role(causal=True, extra_tokens=1)
    EXACT_LIKELIHOOD = True

    @property
    def fixed_steps(self) -> int:
        """L: one network evaluation a token."""
        return self.length

    def logits(self, tokens: Tensor) -> Tensor:
        """Return the logits of every token given those before it: (B, L) int64 -> (B, L, V) float."""
        shifted = torch.cat([self._start(len(tokens)), tokens[:, :-1]], dim=1)
        return self.network(shifted, torch.zeros(1, device=tokens.device)).float()

    def negative_log_likelihood(self, tokens: Tensor) -> Tensor:
        """Return -log p of each text, exactly, in nats per text: (B, L) int64 -> (B,)."""
        return F.cross_entropy(self.logits(tokens).transpose(1, 2), tokens, reduction="none").sum(-1)

    def likelihood_bound(self, tokens: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the exact value: nothing is drawn."""
        return next_token(self, tokens, StepContext(generator)).loss

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Write one position after the other, whatever `steps` is.

        Recorded positions that are not written yet have confidence 0.
        """
        n, length, size = request.n, self.length, self.vocab_size
        recorder = Recorder(request.record, request.keep_states)
        tokens = torch.zeros(n, length, dtype=torch.long, device=self.device)
        memory = self.network.new_memory()  # type: ignore[operator]  # a causal `Network`, when sampling
        last, time = self._start(n), torch.zeros(1, device=self.device)
        for position in range(length):
            following = request.sharpen(self.network(last, time, memory=memory).float().softmax(-1))  # (n, 1, V)
            if request.record:
                written = one_hot(tokens, size)
                written[:, position:] = 0
                seen = written.clone()
                seen[:, position] = following[:, 0]
                recorder.see(seen, written)
            last = categorical(following, request.generator)
            if request.given is not None:
                given = request.given[:, position, None]
                last = torch.where(given >= 0, given, last)
            tokens[:, position] = last[:, 0]
        recorder.decided(tokens, lambda: one_hot(tokens, size))
        return recorder.result(tokens, torch.linspace(0, 1, length + 1))

    def _start(self, n: int) -> Tensor:
        """Return what stands before the first token: (n, 1)."""
        return torch.full((n, 1), self.vocab_size, device=self.device)


def next_token(model: AutoregressiveLM, tokens: Tensor, context: StepContext) -> Loss:
    """Return the exact negative log-likelihood, nats per token: (B, L) int64; nothing is drawn."""
    loss = F.cross_entropy(model.logits(tokens).flatten(0, 1), tokens.flatten())
    return Loss(loss, {"cross_entropy": loss.detach()})

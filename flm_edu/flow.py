"""The flow language model (FLM) and its flow map (FMLM): a network, a clock, and one loop from noise to tokens.

Both hold what the mathematics needs (denoiser, velocity, flow map) over what the network gives (logits).
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from tokenizers import Tokenizer
from torch import Tensor

from flm_edu.architecture import Architecture, Network, Role
from flm_edu.interpolant import flow_map_from_two_time_denoiser, velocity_from_denoiser
from flm_edu.language_model import LanguageModel
from flm_edu.likelihood import flow_surprise
from flm_edu.sampling import FlowGenerator
from flm_edu.schedule import ScheduleName, load_schedule


class FlowModel(FlowGenerator, LanguageModel):
    """What the flow and its flow map share: a clock, and one loop from noise to tokens.

    Args:
        config: sizes of the network.
        tokenizer: tokens to text; its vocabulary must be the network's.
        schedule: the clock, "decoding-error" or "uniform".

    Raises:
        ModelError: the tokenizer has another vocabulary.
        ValueError: there is no such clock.
    """

    def __init__(
        self, config: Architecture, tokenizer: Tokenizer | None = None, schedule: ScheduleName = "decoding-error"
    ):
        super().__init__(config, tokenizer)
        self.schedule_name = schedule
        self.schedule = load_schedule(schedule, config.vocab_size)

    def settings(self) -> dict[str, Any]:
        """Return the name of the clock."""
        return {"schedule": self.schedule_name}

    def likelihood_bound(self, tokens: Tensor, generator: torch.Generator | None) -> Tensor:
        """Estimate it with one draw of time and noise for each text."""
        return flow_surprise(self.denoiser, tokens, self.vocab_size, generator).mean() / self.length


class FlowLM(FlowModel):
    """A flow language model: a network that predicts the clean tokens from a noisy mixture.

    Args and Raises: as `FlowModel`. Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """

    kind = "flow-lm"

    def logits(self, x: Tensor, tau: Tensor) -> Tensor:
        """Return the network's output: x (B, L, V) at clock values tau (B,) -> (B, L, V) float."""
        return self.network(x, tau).float()

    def denoiser_logits(self, x: Tensor, tau: Tensor) -> Tensor:
        """Return the logits of D_t(x): x (B, L, V) at clock values tau (B,) -> (B, L, V)."""
        return self.logits(x, tau)

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """Return D_t(x), the token posterior: x (B, L, V) at mixing times t (B,) -> (B, L, V) on the simplex."""
        return self.logits(x, self.schedule.tau(t)).softmax(-1)

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """Return b_t(x) = (D_t(x) - x) / (1 - t): x (B, L, V), t (B,) -> (B, L, V)."""
        return velocity_from_denoiser(self.denoiser(x, t), x, t)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return D_s(x): an Euler step takes the denoiser at its start for the whole interval."""
        return self.denoiser(x, s)

    def new_flow_map(self) -> FlowMapLM:
        """Return a student: the flow map that starts from this flow's weights."""
        return FlowMapLM.from_flow_lm(self)


class FlowMapLM(FlowModel):
    """A flow map language model: a network that knows where the flow lands, from any time to any later one.

    Args and Raises: as `FlowModel`. Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """

    kind = "flow-map-lm"
    SAMPLERS = FlowModel.MAP_SAMPLERS
    ROLE: ClassVar[Role] = Role(two_times=True)

    @classmethod
    def from_flow_lm(cls, teacher: FlowLM) -> FlowMapLM:
        """Return a student with the teacher's weights: the second time changes nothing until it is trained."""
        student = cls(teacher.config, teacher.tokenizer, **teacher.settings())
        network = student.network
        assert isinstance(network, Network)
        network.start_from(teacher.network)
        return student.to(teacher.device)

    def logits(self, x: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Return the network's output: x (B, L, V) at clock values tau_s, tau_t (B,) -> (B, L, V) float."""
        return self.network(x, tau_s, tau_t).float()

    def denoiser_logits(self, x: Tensor, tau: Tensor) -> Tensor:
        """Return the logits of D_t(x) = delta_{t,t}(x), the diagonal: x (B, L, V) at clock values tau (B,) -> (B, L, V)."""
        return self.logits(x, tau, tau)

    def two_time_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return delta_{s,t}(x): x (B, L, V) at mixing times s <= t (B,) -> (B, L, V) on the simplex."""
        return self.logits(x, self.schedule.tau(s), self.schedule.tau(t)).softmax(-1)

    def flow_map(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return X_{s,t}(x), where the flow carries x from time s to time t: (B, L, V), s, t (B,) -> (B, L, V)."""
        return flow_map_from_two_time_denoiser(self.two_time_denoiser(x, s, t), x, s, t)

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """Return D_t(x) = delta_{t,t}(x), the diagonal: (B, L, V), t (B,) -> (B, L, V) on the simplex."""
        return self.two_time_denoiser(x, t, t)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return delta_{s,t}(x): a jump knows the average over the whole interval."""
        return self.two_time_denoiser(x, s, t)

"""The flow language model (FLM) and its flow map (FMLM): a network, a clock, and one loop from noise to tokens."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, get_args

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from flm_edu.draws import gaussian_noise
from flm_edu.interpolant import expand_time, flow_map_from_two_time_denoiser, velocity_from_denoiser
from flm_edu.language_model import LanguageModel, ModelError
from flm_edu.network import DiT, NetworkConfig
from flm_edu.sampling import Trajectory, integrate
from flm_edu.schedule import Schedule, ScheduleName, load_schedule

Reader = Literal["linear", "soft"]


class _FlowModel(LanguageModel):
    """What the flow and its flow map share: a clock, a way to read noise, and one loop from noise to tokens."""

    def __init__(
        self,
        config: NetworkConfig,
        tokenizer: Tokenizer | None = None,
        schedule: ScheduleName = "decoding-error",
        reader: Reader = "linear",
    ):
        super().__init__(config, tokenizer)
        if reader not in get_args(Reader):
            raise ModelError(f"reader {reader!r} is unknown; choose one of {', '.join(get_args(Reader))}")
        self.reader = reader
        self.schedule_name = schedule
        self.schedule: Schedule = load_schedule(schedule, config.vocab_size)

    def settings(self) -> dict[str, Any]:
        """The names of clock and reader."""
        return {"schedule": self.schedule_name, "reader": self.reader}

    def read(self, x: Tensor, tau: Tensor) -> Tensor:
        """What the network is shown of x (B, L, V) at clock values tau (B,): x itself, or its softmax: (B, L, V).

        A network hears V entries of noise through a first layer of some width. Where V is the larger, they arrive
        sqrt(V / width) times as loud against the signal, and above a few thousand tokens drown it. The softmax, at a
        temperature that falls with the noise, keeps the few largest entries, where the token is if it can be told;
        up to a constant nothing is lost, but small entries become too small to hear. An experiment, not part of the
        published method, which reads x; docs/RESULTS.md has where it helps and where it hurts.
        """
        if self.reader == "linear":
            return x
        temperature = 2 * (1 - self.schedule.t(tau)) / math.log(x.shape[-1])
        return (x / expand_time(temperature.clamp_min(1e-3), x)).softmax(-1)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """The point of the simplex that one sampling step from s to t moves towards."""
        raise NotImplementedError

    def generate(self, n: int, steps: int, generator: torch.Generator | None, *, record: bool) -> Tensor | Trajectory:
        """Noise carried to tokens by `integrate`."""
        noise = gaussian_noise((n, self.config.length, self.config.vocab_size), generator, self.device)
        return integrate(self.step_denoiser, noise, self.schedule, steps, record=record)


class FlowLM(_FlowModel):
    """A flow language model: a network that predicts the clean tokens from a noisy mixture.

    Args:
        config: sizes of the network.
        tokenizer: tokens to text; its vocabulary must be the network's.
        schedule: the clock, "decoding-error" or "uniform".
        reader: how the network reads a noisy token (`read`), "linear" as published or "soft".

    Raises:
        ModelError: the tokenizer has another vocabulary, or there is no such reader.

    Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """

    kind = "flow-lm"

    def logits(self, x: Tensor, tau: Tensor) -> Tensor:
        """The network's output: x (B, L, V) at clock values tau (B,) -> (B, L, V) float."""
        return self.network(self.read(x, tau), tau).float()

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """D_t(x), the token posterior: x (B, L, V) at mixing times t (B,) -> (B, L, V) on the simplex."""
        return self.logits(x, self.schedule.tau(t)).softmax(-1)

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """b_t(x) = (D_t(x) - x) / (1 - t): x (B, L, V), t (B,) -> (B, L, V)."""
        return velocity_from_denoiser(self.denoiser(x, t), x, t)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """D_s(x): an Euler step takes the denoiser at its start for the whole interval."""
        return self.denoiser(x, s)


class FlowMapLM(_FlowModel):
    """A flow map language model: a network that knows where the flow lands, from any time to any later one.

    Args and Raises: as `FlowLM`. Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """

    kind = "flow-map-lm"
    NETWORK: ClassVar[dict[str, Any]] = {"two_times": True}

    @classmethod
    def from_flow_lm(cls, teacher: FlowLM) -> FlowMapLM:
        """A student with the teacher's weights: the second time changes nothing until it is trained."""
        student = cls(teacher.config, teacher.tokenizer, **teacher.settings())
        network = student.network
        assert isinstance(network, DiT)
        assert network.second_time_embedding is not None
        missing, unexpected = network.load_state_dict(teacher.network.state_dict(), strict=False)
        if unexpected or any(not name.startswith("second_time_embedding.") for name in missing):
            raise AssertionError(f"student and teacher differ: {missing=}, {unexpected=}")
        nn.init.zeros_(network.second_time_embedding.last.weight)
        nn.init.zeros_(network.second_time_embedding.last.bias)
        return student.to(teacher.device)

    def logits(self, x: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """The network's output: x (B, L, V) at clock values tau_s, tau_t (B,) -> (B, L, V) float."""
        return self.network(self.read(x, tau_s), tau_s, tau_t).float()

    def every_block(self, x: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """The guesses of a network that has any, then its output: as `logits`, but (blocks, B, L, V)."""
        return self.network(self.read(x, tau_s), tau_s, tau_t, every_block=True).float()

    def two_time_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """delta_{s,t}(x): x (B, L, V) at mixing times s <= t (B,) -> (B, L, V) on the simplex."""
        return self.logits(x, self.schedule.tau(s), self.schedule.tau(t)).softmax(-1)

    def flow_map(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """X_{s,t}(x), where the flow carries x from time s to time t: (B, L, V), s, t (B,) -> (B, L, V)."""
        return flow_map_from_two_time_denoiser(self.two_time_denoiser(x, s, t), x, s, t)

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """D_t(x) = delta_{t,t}(x), the diagonal: (B, L, V), t (B,) -> (B, L, V) on the simplex."""
        return self.two_time_denoiser(x, t, t)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """delta_{s,t}(x): a jump knows the average over the whole interval."""
        return self.two_time_denoiser(x, s, t)

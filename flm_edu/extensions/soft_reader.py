"""A flow whose network reads noise through a softmax. An extension, not in the paper, kept with its figures.

A network reads V entries of noise through a first layer of some width. Where V is the larger, they arrive
sqrt(V / width) times as loud against the signal, and above a few thousand tokens drown it. The softmax, at a
temperature that falls with the noise, keeps the few largest entries, where the token is if it can be told. Up to a
constant nothing is lost, but small entries become too small to read. docs/RESULTS.md has where it helps and where it
hurts.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from torch import Tensor

from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.interpolant import expand_time
from flm_edu.language_model import UPGRADES
from flm_edu.methods import TRAINABLE
from flm_edu.schedule import Schedule


def soften(x: Tensor, schedule: Schedule, tau: Tensor) -> Tensor:
    """Return softmax(x / temperature) of states x (B, L, V) at clock values tau (B,): (B, L, V) on the simplex."""
    temperature = 2 * (1 - schedule.t(tau)) / math.log(x.shape[-1])
    return (x / expand_time(temperature.clamp_min(1e-3), x)).softmax(-1)


class SoftFlowLM(FlowLM):
    """A flow that reads noise through a softmax. Args and Raises: as `FlowLM`."""

    kind = "soft-flow-lm"

    def logits(self, x: Tensor, tau: Tensor) -> Tensor:
        """Return the network's output for the softened state: (B, L, V), (B,) -> (B, L, V) float."""
        return super().logits(soften(x, self.schedule, tau), tau)

    def new_flow_map(self) -> FlowMapLM:
        """Return a student that reads as its teacher does."""
        return SoftFlowMapLM.from_flow_lm(self)


class SoftFlowMapLM(FlowMapLM):
    """The flow map of such a flow. Args and Raises: as `FlowMapLM`."""

    kind = "soft-flow-map-lm"

    def logits(self, x: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Return the network's output for the softened state: (B, L, V), (B,), (B,) -> (B, L, V) float."""
        return super().logits(soften(x, self.schedule, tau_s), tau_s, tau_t)


def _upgrade(config: dict[str, Any]) -> None:
    """Bring a config.json of version 0.1 up to date, where this was a setting of every flow."""
    if config.pop("reader", "linear") == "soft":
        config["model"] = f"soft-{config['model']}"


UPGRADES.append(_upgrade)
TRAINABLE["soft-flow"] = replace(TRAINABLE["flow"], model=SoftFlowLM)

"""What can be trained and distilled, by name: models and what is minimised. An extension adds entries of its own."""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch

from flm_edu.any_order import AnyOrderLM
from flm_edu.architecture import Architecture, count_weights
from flm_edu.baselines.autoregressive import AutoregressiveLM, next_token
from flm_edu.baselines.dcd import DiscreteConsistency
from flm_edu.baselines.masked import MaskedLM, masked_diffusion
from flm_edu.baselines.rounds import RoundOptions
from flm_edu.baselines.sdtt import SelfDistillationThroughTime
from flm_edu.baselines.uniform import UniformDiffusion, UniformLM
from flm_edu.flow import FlowLM, FlowMapLM, FlowModel
from flm_edu.language_model import LanguageModel
from flm_edu.objectives import (
    AnyOrderSemigroup,
    EulerianDistillation,
    FlowMapOptions,
    LagrangianDistillation,
    Objective,
    SemigroupDistillation,
    SimplexEulerianDistillation,
    SimplexLagrangianDistillation,
    flow_matching,
)


@dataclass(frozen=True)
class Trainable:
    """A kind of model that is trained from scratch.

    Attributes:
        model: its class.
        objective: what is minimised; None for a flow map, which learns by a distillation without a teacher.
        distilled_by: the distillation that comes after it, if any.
    """

    model: type[LanguageModel]
    objective: Objective | None
    distilled_by: str | None = None


@dataclass(frozen=True)
class Distillation:
    """A way to distil.

    Attributes:
        teacher: what the teacher must be.
        objective: (teacher, options, init, keep=) of a flow map's, (teacher, teacher's steps, options) of rounds.
        options: the constants of its recipe.
        defaults: those that this method takes where none are given.
        student: makes the flow map that is taught; None where each of several rounds starts as a copy of its teacher.
        alone: whether a flow map can learn by it without a teacher.
    """

    teacher: type[LanguageModel]
    objective: Callable[..., Objective]
    options: type[FlowMapOptions] | type[RoundOptions] = FlowMapOptions
    defaults: Mapping[str, Any] = field(default_factory=dict)
    student: Callable[[Any], FlowMapLM] | None = None
    alone: bool = False


def flow_map_of(teacher: FlowLM) -> FlowMapLM:
    """Return the flow map that starts at its teacher."""
    return teacher.new_flow_map()


def copy_of(teacher: AnyOrderLM) -> AnyOrderLM:
    """Return the student that starts as a copy of its teacher."""
    return copy.deepcopy(teacher).requires_grad_(True)


TRAINABLE: dict[str, Trainable] = {
    "flow": Trainable(FlowLM, flow_matching, "semigroup"),
    "flow-map": Trainable(FlowMapLM, None),
    "any-order": Trainable(AnyOrderLM, AnyOrderSemigroup(None, FlowMapOptions(target="ema")), "any-order"),
    "masked": Trainable(MaskedLM, masked_diffusion, "sdtt"),
    "uniform": Trainable(UniformLM, UniformDiffusion(), "dcd"),
    "ar": Trainable(AutoregressiveLM, next_token),
}
DISTILLATIONS: dict[str, Distillation] = {
    "semigroup": Distillation(FlowLM, SemigroupDistillation, student=flow_map_of, alone=True),
    "lagrangian": Distillation(FlowLM, LagrangianDistillation, student=flow_map_of, alone=True),
    "eulerian": Distillation(FlowLM, EulerianDistillation, student=flow_map_of, alone=True),
    "simplex-lagrangian": Distillation(FlowLM, SimplexLagrangianDistillation, student=flow_map_of, alone=True),
    "simplex-eulerian": Distillation(FlowLM, SimplexEulerianDistillation, student=flow_map_of, alone=True),
    "any-order": Distillation(AnyOrderLM, AnyOrderSemigroup, student=copy_of),
    "sdtt": Distillation(MaskedLM, SelfDistillationThroughTime, RoundOptions),
    "dcd": Distillation(UniformLM, DiscreteConsistency, RoundOptions),
}


def self_distillation(name: str, options: FlowMapOptions) -> Objective:
    """Return the objective of a flow map that has no teacher and learns its flow along with it.

    Raises:
        ValueError: a flow map cannot learn so.
    """
    if not DISTILLATIONS[name].alone:
        able = " or ".join(other for other, method in DISTILLATIONS.items() if method.alone)
        raise ValueError(f"`method` {name} distils a teacher; a flow map learns alone by {able}")
    return DISTILLATIONS[name].objective(None, options)


def flow_kinds() -> list[str]:
    """Return the names of what starts from noise and has a clock."""
    return [name for name, one in TRAINABLE.items() if issubclass(one.model, FlowModel)]


def size_like(model: LanguageModel, kind: type[LanguageModel], config: Any = None) -> Architecture:
    """Return the sizes of a network of a kind that has as many weights as a model.

    Kinds differ by an embedding or two, of a token or of a second time, which in a small network is more than
    nothing. The time embedding is the part whose width any number fits.

    Args:
        model: the pattern.
        kind: what the network is for.
        config: sizes to start from; those of the pattern where left out.

    Raises:
        ValueError: the network has no time embedding whose width can be chosen.
    """
    shape: Any = config or model.config.plain()
    if not hasattr(shape, "time_width"):
        raise ValueError(f"a {shape.architecture} has no `time_width` that could be fitted")
    wanted = count_weights(model.network)

    def weights(time_width: int) -> int:
        with torch.device("meta"):
            return count_weights(replace(shape, time_width=time_width).build(kind.ROLE))

    widths = range(1, 16 * shape.width)
    above = bisect_left(widths, wanted, key=weights)
    nearest = min(widths[max(above - 1, 0) : above + 1], key=lambda width: abs(weights(width) - wanted))
    return cast(Architecture, replace(shape, time_width=nearest))

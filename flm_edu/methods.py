"""What can be trained and distilled, by its name on the command line: which models, and what is minimised."""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from flm_edu.baselines.autoregressive import AutoregressiveLM, next_token
from flm_edu.baselines.dcd import DiscreteConsistency
from flm_edu.baselines.masked import MaskedLM, masked_diffusion
from flm_edu.baselines.rounds import RoundOptions
from flm_edu.baselines.sdtt import SelfDistillationThroughTime
from flm_edu.baselines.uniform import UniformDiffusion, UniformLM
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.language_model import LanguageModel
from flm_edu.network import DiT, NetworkConfig, count_weights
from flm_edu.objectives.differential import EulerianDistillation, LagrangianDistillation
from flm_edu.objectives.flow import flow_matching
from flm_edu.objectives.flow_map import FlowMapObjective, FlowMapOptions, PathDistillation, SemigroupDistillation
from flm_edu.training.config import Corpus, TrainConfig
from flm_edu.training.trainer import Trainer


class Distillation(NamedTuple):
    """What a teacher must be, and the objective that makes its student."""

    teacher: type[LanguageModel]
    objective: Any  # (teacher, ..., options) -> ObjectiveFunction
    options: type[FlowMapOptions] | type[RoundOptions]


#: model and objective of what is trained from scratch, or a class of objectives;
#: a flow map's is a choice (`self_distillation`)
TRAINABLE: dict[str, tuple[type[LanguageModel], Any]] = {
    "flow": (FlowLM, flow_matching),
    "flow-map": (FlowMapLM, None),
    "masked": (MaskedLM, masked_diffusion),
    "uniform": (UniformLM, UniformDiffusion),
    "ar": (AutoregressiveLM, next_token),
}
DISTILLATIONS: dict[str, Distillation] = {
    "semigroup": Distillation(FlowLM, SemigroupDistillation, FlowMapOptions),
    "path": Distillation(FlowLM, PathDistillation, FlowMapOptions),
    "lagrangian": Distillation(FlowLM, LagrangianDistillation, FlowMapOptions),
    "eulerian": Distillation(FlowLM, EulerianDistillation, FlowMapOptions),
    "sdtt": Distillation(MaskedLM, SelfDistillationThroughTime, RoundOptions),
    "dcd": Distillation(UniformLM, DiscreteConsistency, RoundOptions),
}


def size_like(model: LanguageModel, kind: type[LanguageModel], **changes: Any) -> NetworkConfig:
    """The network of a kind that has as many weights as a model: its shape, with the width of the time embedding fitted.

    Kinds differ by an embedding or two, of a token or of a second time, which in a small network is more than
    nothing; the time embedding is the part whose width any number fits. What a path's student has of its
    own, its guesses, is only there by `changes`.
    """
    plain = {"unit_attention": False, "guesses": False}
    config, wanted = replace(model.config, **{**plain, **changes}), count_weights(model.network)

    def weights(time_width: int) -> int:
        shape = replace(config, two_times=False, causal=False, extra_tokens=0, time_width=time_width)
        with torch.device("meta"):
            return count_weights(DiT(replace(shape, **kind.NETWORK)))

    widths = range(1, 16 * config.width)
    above = bisect_left(widths, wanted, key=weights)
    return replace(
        config, time_width=min(widths[max(above - 1, 0) : above + 1], key=lambda w: abs(weights(w) - wanted))
    )


def path_student(teacher: FlowLM) -> FlowMapLM:
    """A flow map that guesses on its way, untrained, with as many weights as the teacher's own map would have.

    Where that would leave too little of the time embedding, the guesses come on top.

    Raises:
        ValueError: the guesses would be more than half of that again, or there is only one block.
    """
    if teacher.config.blocks < 2:
        raise ValueError("--method path needs a teacher of 2 blocks or more; use --method semigroup")
    shape: dict[str, Any] = {"unit_attention": True, "guesses": True}
    pattern = FlowMapLM.from_flow_lm(teacher)
    config = size_like(pattern, FlowMapLM, **shape)
    if config.time_width < pattern.config.time_width / 2:
        config = replace(pattern.config, **shape)
    student = FlowMapLM(config, teacher.tokenizer, **teacher.settings())
    ratio = count_weights(student.network) / count_weights(pattern.network)
    if ratio > 1.5:
        raise ValueError(
            f"--method path would make the network {ratio:.1f} times as large, as every block but the last guesses among "
            f"{config.vocab_size:,} tokens; use --method semigroup"
        )
    return student.to(teacher.device)


def self_distillation(name: str, options: FlowMapOptions) -> FlowMapObjective:
    """The objective of a flow map that has no teacher and learns its flow along with it.

    Raises:
        ValueError: the method is not one of a flow map's.
    """
    method = DISTILLATIONS[name]
    if method.teacher is not FlowLM or name == "path":
        raise ValueError(f"--method {name} distils a teacher; a flow map learns by semigroup, lagrangian or eulerian")
    return method.objective(None, options)


def distillation(
    name: str,
    teacher: LanguageModel,
    data: Corpus,
    config: TrainConfig,
    directory: Path,
    *,
    preset: FlowMapOptions,
    recipe: dict[str, Any],
    init: FlowMapLM | None = None,
) -> Iterator[Trainer]:
    """The trainers that distil a teacher, one after the other: each is to be run before the next is asked for.

    A flow map takes one; sdtt and dcd take one a round, in `directory`/round-1 and so on, the last in
    `directory` itself.

    Args:
        name: of `DISTILLATIONS`.
        teacher: the trained model.
        data: where batches come from.
        config: settings of the whole; rounds share its steps.
        directory: model directory to write.
        preset: constants of a flow-map recipe that are not given.
        recipe: constants that are, by the names of the method's options.
        init: a flow map to go on from.

    Raises:
        ValueError: an option of another method, or fewer steps than rounds.
    """
    method = DISTILLATIONS[name]
    for option in recipe.keys() - {field.name for field in fields(method.options)}:
        raise ValueError(f"--{option.replace('_', '-')} is no option of --method {name}")
    facts: dict[str, Any] = {"teacher": teacher.provenance}
    if method.options is FlowMapOptions:
        assert isinstance(teacher, FlowLM)
        own: dict[str, Any] = {"target": "teacher", "jumps": 16} if name == "path" else {}
        options = replace(preset, **own | recipe)
        of_jumps = name in ("semigroup", "path")
        if options.target == "teacher" and not of_jumps:
            raise ValueError(
                f"--target teacher is for --method semigroup or path; {name} follows the student's own jumps"
            )
        if "jumps" in recipe and not of_jumps:
            raise ValueError(f"--jumps is for --method semigroup or path; {name} takes a derivative of one jump")
        if name == "path" and init is not None and not init.config.guesses:
            raise ValueError("--init has no guesses to teach; leave it out, or use --method semigroup")
        student = init or (path_student(teacher) if name == "path" else FlowMapLM.from_flow_lm(teacher))
        facts |= {"objective": {"method": name, **asdict(options)}, "init": init and init.provenance}
        objective = method.objective(teacher, options, init, keep=config.cycle > 0)
        yield Trainer(student, data, objective, config, directory=directory, facts=facts)
        return
    rounds = RoundOptions(**recipe)
    if init is not None:
        raise ValueError(f"--init goes on from a flow map; --method {name} starts from its teacher")
    if config.steps < rounds.rounds or config.steps % rounds.rounds:
        most = max(config.steps // rounds.rounds, 1) * rounds.rounds
        raise ValueError(f"--steps {config.steps} cannot be shared among {rounds.rounds} rounds; take {most}")
    config = replace(config, steps=config.steps // rounds.rounds)
    for number in range(rounds.rounds):
        pupil = copy.deepcopy(teacher)
        steps = rounds.teacher_steps // 2**number
        facts["objective"] = {"method": name, **asdict(rounds), "round": number + 1, "teacher_steps": steps}
        is_last = number == rounds.rounds - 1
        place = directory if is_last else directory / f"round-{number + 1}"
        yield Trainer(pupil, data, method.objective(teacher, steps, rounds), config, directory=place, facts=dict(facts))
        teacher = pupil

"""Distilling a teacher: one training for a flow map, one a round for discrete diffusion."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from flm_edu.baselines.rounds import RoundOptions
from flm_edu.flow import FlowMapLM
from flm_edu.language_model import LanguageModel
from flm_edu.methods import DISTILLATIONS, Distillation
from flm_edu.objectives import FlowMapOptions
from flm_edu.training.config import Corpus, TrainConfig
from flm_edu.training.trainer import Trainer


def distillation(
    name: str,
    teacher: LanguageModel,
    data: Corpus,
    config: TrainConfig,
    directory: Path,
    *,
    preset: FlowMapOptions,
    recipe: Mapping[str, Any],
    init: FlowMapLM | None = None,
) -> Iterator[Trainer]:
    """Yield the trainers that distil a teacher: each is to be run before the next is asked for.

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
        ValueError: another kind of teacher, an option of another method, an `init` with another network, or fewer
            steps than rounds.
    """
    method = DISTILLATIONS[name]
    _check_teacher(name, method, teacher)
    for option in recipe.keys() - {field.name for field in fields(method.options)}:
        raise ValueError(f"`{option}` is no option of `method` {name}")
    facts: dict[str, Any] = {"teacher": teacher.provenance}
    if method.student is not None:
        student = method.student(teacher)
        if init is not None:
            _check_start(init, student)
            student = init
        options = replace(preset, **{**method.defaults, **recipe})
        facts |= {"objective": {"method": name, **asdict(options)}, "init": init and init.provenance}
        objective = method.objective(teacher, options, init, keep=config.cycle > 0)
        yield Trainer(student, data, objective, config, directory=directory, facts=facts)
        return
    if init is not None:
        raise ValueError(f"`init` goes on from a flow map; `method` {name} starts from its teacher")
    plan = RoundOptions(**recipe)
    if config.steps < plan.rounds or config.steps % plan.rounds:
        most = max(config.steps // plan.rounds, 1) * plan.rounds
        raise ValueError(f"`steps` is {config.steps}, which {plan.rounds} `rounds` cannot share; take {most}")
    config = replace(config, steps=config.steps // plan.rounds)
    for number in range(1, plan.rounds + 1):
        pupil, steps = copy.deepcopy(teacher), plan.teacher_steps // 2 ** (number - 1)
        facts["objective"] = {"method": name, **asdict(plan), "round": number, "teacher_steps": steps}
        place = directory if number == plan.rounds else directory / f"round-{number}"
        objective = method.objective(teacher, steps, plan)
        yield Trainer(pupil, data, objective, config, directory=place, facts=dict(facts))
        teacher = pupil


def _check_teacher(name: str, method: Distillation, teacher: LanguageModel) -> None:
    if not isinstance(teacher, method.teacher):
        fitting = [other for other, one in DISTILLATIONS.items() if isinstance(teacher, one.teacher)]
        remedy = f"use `method` {' or '.join(fitting)}" if fitting else "no method distils it"
        raise ValueError(
            f"`teacher` is a {teacher.kind!r}; `method` {name} distils a {method.teacher.kind!r}: {remedy}"
        )


def _check_start(init: FlowMapLM, student: FlowMapLM) -> None:
    theirs, ours = ((m.vocab_size, m.length, m.settings()) for m in (init, student))
    if theirs != ours or not isinstance(init, type(student)):
        raise ValueError(
            f"`init` has another network or clock than the student would have: it is a {init.kind!r} of {theirs}, "
            f"and the student a {student.kind!r} of {ours}"
        )

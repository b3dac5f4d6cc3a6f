"""Stage 1 and stage 2: train | distill."""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from flm_edu.cli.common import (
    CacheOption,
    CorpusOption,
    LanguageOption,
    OutOption,
    OverwriteOption,
    ResumeOption,
    app,
    check_out,
    forget_run,
    given,
    plain_errors,
    say,
)
from flm_edu.cli.data import check_fits, data_of, load_data
from flm_edu.cli.training_options import with_training_options
from flm_edu.corpus.text_corpus import Packing
from flm_edu.flow import FlowMapLM, Reader
from flm_edu.language_model import CONFIG, LanguageModel, load_model
from flm_edu.objectives.flow_map import Target
from flm_edu.schedule import ScheduleName

Method = Literal["semigroup", "path", "lagrangian", "eulerian", "sdtt", "dcd"]


@app.command(
    epilog="Examples: flm-edu train --language sentences --out runs/flm | "
    "flm-edu train --corpus book.txt --length 64 --out runs/book | "
    "flm-edu train --model masked --language sentences --out runs/masked | "
    "flm-edu train --preset lm1b --out runs/lm1b"
)
@with_training_options
def train(
    out: OutOption,
    model: Annotated[
        Literal["flow", "flow-map", "masked", "uniform", "ar"],
        typer.Option("--model", help="What to train; ar is autoregressive."),
    ] = "flow",
    method: Annotated[
        Method | None,
        typer.Option(help="Of a flow-map, which learns without a teacher: semigroup, lagrangian or eulerian."),
    ] = None,
    language: LanguageOption = None,
    corpus: CorpusOption = None,
    preset: Annotated[str, typer.Option(help="Settings by name: tiny, small, lm1b, owt.")] = "tiny",
    like: Annotated[
        str | None, typer.Option(help="A model whose shape and number of weights the network is to have.")
    ] = None,
    width: Annotated[int | None, typer.Option(help="Width of the network.")] = None,
    blocks: Annotated[int | None, typer.Option(help="Blocks of the network.")] = None,
    heads: Annotated[int | None, typer.Option(help="Attention heads of a block.")] = None,
    time_width: Annotated[int | None, typer.Option(help="Width of the time embedding.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Dropout in the blocks.")] = None,
    absolute_positions: Annotated[
        bool | None,
        typer.Option("--absolute-positions/--no-absolute-positions", help="For texts that start at the row's start."),
    ] = None,
    schedule: Annotated[
        ScheduleName | None, typer.Option(help="The clock of a flow; decoding-error unless told.")
    ] = None,
    reader: Annotated[
        Reader | None,
        typer.Option(
            help="How a flow reads noisy tokens: linearly, as published, or through a softmax, which is an experiment."
        ),
    ] = None,
    length: Annotated[int | None, typer.Option(help="Tokens in a row of real text.")] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="A published tokenizer, such as gpt2; else one is trained.")
    ] = None,
    tokenizer_kind: Annotated[
        Literal["bpe", "word"] | None, typer.Option(help="Of a tokenizer that is trained: bpe unless told.")
    ] = None,
    vocab_size: Annotated[int | None, typer.Option(help="Of a tokenizer that is trained: 4096 unless told.")] = None,
    packing: Annotated[
        Packing | None, typer.Option(help="wrapped, unless told: rows of running text; sentence: a sentence a row.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Read at most so many texts.")] = None,
    cache: CacheOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Train a model: stage 1 of a flow language model (FLM), or one that it is compared with."""
    with plain_errors():
        from flm_edu.methods import TRAINABLE, self_distillation, size_like
        from flm_edu.training.presets import load_preset
        from flm_edu.training.trainer import Trainer

        check_out(out, _model_in(out), resume, overwrite)
        own = given(schedule=schedule, reader=reader)
        for option in own if model not in ("flow", "flow-map") else ():
            raise ValueError(f"--{option} is for a flow, which starts from noise; --model {model} does not")
        if method is not None and model != "flow-map":
            raise ValueError(f"--method is for --model flow-map; --model {model} has one objective")
        kind, objective = TRAINABLE[model]
        chosen = load_preset(preset)
        of_text = given(
            length=length, tokenizer=tokenizer, tokenizer_kind=tokenizer_kind, vocab_size=vocab_size, packing=packing,
            limit=limit,
        )  # fmt: skip
        if not language:
            of_text = {"length": chosen.length, "tokenizer": chosen.tokenizer, **of_text}
            for option in ("vocab_size", "tokenizer_kind"):
                if option in of_text and of_text["tokenizer"]:
                    name = option.replace("_", "-")
                    raise ValueError(f"--{name} is of a tokenizer that is trained; {of_text['tokenizer']} is published")
            corpus = corpus or chosen.corpus
        data = load_data(language, corpus, cache, **of_text)
        running_text = language is None and packing in (None, "wrapped")
        if absolute_positions is None and running_text:
            absolute_positions = False  # a row of running text starts anywhere
        sizes = given(
            width=width, blocks=blocks, heads=heads, time_width=time_width, dropout=dropout,
            absolute_positions=absolute_positions,
        )  # fmt: skip
        if like is None:
            config = replace(chosen, **sizes).network(data.vocab_size, data.length)
        else:
            pattern = load_model(like)
            check_fits(f"--like {like}", pattern, data)
            config = replace(size_like(pattern, kind), **sizes)
        torch.manual_seed(settings["seed"])
        facts: dict[str, Any] = {}
        if model == "flow-map":
            objective = self_distillation(method or "semigroup", chosen.semigroup)
            facts["objective"] = {"method": method or "semigroup", **asdict(chosen.semigroup)}
        elif isinstance(objective, type) and is_dataclass(objective):
            objective = objective()
            facts["objective"] = {
                field.name: getattr(objective, field.name) for field in fields(objective) if field.init
            }
        made = kind(config, data.tokenizer, **own)
        trainer = Trainer(
            made, data, objective, replace(chosen.train, **settings), directory=out, facts=facts
        )  # fmt: skip
        if overwrite:
            forget_run(out)
        _run(trainer, resume)
        distil = "distill --method {} --teacher {{0}} --out {{0}}-distilled"
        methods = {"flow": "semigroup", "masked": "sdtt", "uniform": "dcd"}
        following = distil.format(methods[model]) if model in methods else "evaluate {0}"
        say(f"{out} holds the trained model. Next: flm-edu {following.format(out)}")


@app.command(
    epilog="Examples: flm-edu distill --teacher runs/flm --out runs/fmlm | "
    "flm-edu distill --teacher sentences-flm --steps 2000 --target ema --out runs/fmlm | "
    "flm-edu distill --method path --teacher tales-flm --cycle 1000 --out runs/fmlm | "
    "flm-edu distill --method sdtt --teacher runs/masked --rounds 4 --out runs/sdtt"
)
@with_training_options
def distill(
    teacher: Annotated[str, typer.Option(help="The model to distil: a directory, shipped name or hub id.")],
    out: OutOption,
    method: Annotated[
        Method,
        typer.Option(
            help="For a flow: semigroup, path, lagrangian, eulerian. For a masked model: sdtt. For a uniform one: dcd."
        ),
    ] = "semigroup",
    language: LanguageOption = None,
    corpus: CorpusOption = None,
    preset: Annotated[str, typer.Option(help="Training settings by name: tiny, small, lm1b, owt.")] = "tiny",
    target: Annotated[
        Target | None,
        typer.Option(help="Whose jumps make the target: init, that of --init; teacher, its Euler steps."),
    ] = None,
    jumps: Annotated[
        int | None, typer.Option(help="semigroup: so many jumps make the target of one (2); path: Euler steps (16).")
    ] = None,
    diagonal_fraction: Annotated[
        float | None, typer.Option(help="Share of the batch that learns the teacher at s = t.")
    ] = None,
    boundary_every: Annotated[int | None, typer.Option(help="One jump in so many goes from 0 to 1.")] = None,
    rounds: Annotated[int | None, typer.Option(help="sdtt, dcd: how often the steps are halved.")] = None,
    teacher_steps: Annotated[int | None, typer.Option(help="sdtt, dcd: steps of the first teacher.")] = None,
    divergence: Annotated[
        Literal["reverse", "forward"] | None,
        typer.Option(help="sdtt, dcd: KL of the student from the target, or the other way."),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="An FMLM to go on from, with a fresh optimizer; else the teacher's weights (path: new ones)."
        ),
    ] = None,
    cache: CacheOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Distil into fewer steps: stage 2, an FLM into its flow map (FMLM), or discrete diffusion in rounds."""
    with plain_errors():
        from flm_edu.methods import DISTILLATIONS, distillation
        from flm_edu.training.presets import load_preset

        check_out(out, _model_in(out), resume, overwrite)
        chosen = load_preset(preset)
        trained, wanted = load_model(teacher), DISTILLATIONS[method].teacher
        if not isinstance(trained, wanted):
            fitting = [name for name, one in DISTILLATIONS.items() if isinstance(trained, one.teacher)]
            remedy = f"use --method {' or '.join(fitting)}" if fitting else "no method distils it"
            raise ValueError(f"--teacher {teacher} holds a {trained.kind!r}, not a {wanted.kind!r}; {remedy}")
        config = replace(chosen.distill, **settings)
        data = data_of(trained, language, corpus, cache)
        recipe = given(
            target=target, jumps=jumps, diagonal_fraction=diagonal_fraction, boundary_every=boundary_every,
            rounds=rounds, teacher_steps=teacher_steps, divergence=divergence,
        )  # fmt: skip
        torch.manual_seed(settings["seed"])
        trainers = distillation(
            method, trained, data, config, out, preset=chosen.semigroup, recipe=recipe, init=None if init is None else _starting_point(init, trained),
        )  # fmt: skip
        first = next(trainers)  # which refuses what does not fit, before anything is removed
        if overwrite:
            forget_run(out)
        for number, trainer in enumerate(chain([first], trainers)):
            _run(trainer, resume and (number == 0 or trainer.has_saved_state))
        following = f"evaluate {out}" if method in ("sdtt", "dcd") else f"sample {out} --steps 1"
        say(f"{out} holds the distilled model. Next: flm-edu {following}")


# --- what they are made of ----------------------------------------------------------------------


def _model_in(out: Path) -> str | None:
    """What --overwrite would replace."""
    rounds = out.glob(f"round-*/{CONFIG}")  # of a distillation not yet finished
    return "a model" if (out / CONFIG).exists() or any(rounds) else None


def _starting_point(init: str, teacher: LanguageModel) -> FlowMapLM:
    student = FlowMapLM.from_pretrained(init)
    ours = student.config
    theirs = replace(teacher.config, two_times=True)
    if ours.guesses:  # the student of a path, as large as the teacher's plain map would be
        theirs = replace(theirs, guesses=True, unit_attention=ours.unit_attention, time_width=ours.time_width)
    if (ours, student.settings()) != (theirs, teacher.settings()):
        raise ValueError(
            f"--init {init} has another network, clock or reader than the teacher "
            f"({ours}, {student.settings()} against {theirs}, {teacher.settings()})"
        )
    return student


def _run(trainer: Any, resume: bool) -> None:
    if resume:
        trainer.resume()
    loss = trainer.run().get("loss", float("nan"))  # of several processes the first knows it
    say(f"done: {trainer.step} steps in {trainer.seconds:.0f} s, loss {round(loss, 4) + 0.0:.4f} nats per token")

"""Stage 1 and stage 2: train | distill."""

from __future__ import annotations

import shlex
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from flm_edu.baselines.rounds import RoundOptions
from flm_edu.cli.common import (
    MAX_SEED,
    CacheOption,
    CorpusOption,
    LanguageOption,
    OutOption,
    OverwriteOption,
    PresetOption,
    ResumeOption,
    check_out,
    command,
    forget_run,
    say,
)
from flm_edu.cli.data import check_fits, data_of, load_data, some_texts
from flm_edu.cli.options import OneOf, given, with_settings
from flm_edu.corpus import CorpusOptions
from flm_edu.flow import FlowMapLM
from flm_edu.language import ExactLanguage
from flm_edu.language_model import LanguageModel, load_model
from flm_edu.methods import DISTILLATIONS, TRAINABLE, Trainable, flow_kinds, self_distillation, size_like
from flm_edu.model_files import CONFIG
from flm_edu.network import NetworkConfig
from flm_edu.objectives import FlowMapOptions
from flm_edu.schedule import ScheduleName
from flm_edu.settings import Settings
from flm_edu.training.config import TrainConfig
from flm_edu.training.presets import Preset, load_preset


@command(
    epilog="Examples: flm-edu train --language sentences --out runs/flm | "
    "flm-edu train --corpus book.txt --length 64 --out runs/book | "
    "flm-edu train --model masked --language sentences --out runs/masked | "
    "flm-edu train --preset lm1b --out runs/lm1b"
)
@with_settings(sizes=NetworkConfig, of_text=CorpusOptions, settings=TrainConfig, shown=["of_text"])
def train(
    out: OutOption,
    model: Annotated[
        str, typer.Option("--model", help="What to train; ar is autoregressive."), OneOf(TRAINABLE)
    ] = "flow",
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="How a flow-map learns without a teacher; semigroup unless told.",
        ),
        OneOf(name for name, one in DISTILLATIONS.items() if one.alone),
    ] = None,
    language: LanguageOption = None,
    training_texts: Annotated[
        int | None, typer.Option(min=1, help="Train on this many texts of the finite language, and on no others.")
    ] = None,
    data_seed: Annotated[
        int | None, typer.Option(min=0, max=MAX_SEED, help="Seed of the draw of --training-texts; 0 unless told.")
    ] = None,
    corpus: CorpusOption = None,
    preset: PresetOption = "tiny",
    like: Annotated[
        str | None, typer.Option(help="A model whose shape and number of weights the network is to have.")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(help="A model whose network to go on from, with a fresh optimizer: of the same sizes and times."),
    ] = None,
    schedule: Annotated[
        ScheduleName | None, typer.Option(help="The clock of a flow; decoding-error unless told.")
    ] = None,
    length: Annotated[int | None, typer.Option(help="Tokens in a row of real text.")] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="A published tokenizer, such as gpt2; else one is trained.")
    ] = None,
    cache: CacheOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    *,
    sizes: dict[str, Any],
    of_text: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    """Train a model: stage 1 of a flow language model (FLM), or one that it is compared with."""
    from flm_edu.training.trainer import Trainer

    check_out(out, _model_in(out), resume, overwrite)
    if schedule is not None and model not in flow_kinds():
        raise ValueError(f"--schedule is for a flow, which starts from noise; --model {model} does not")
    if method is not None and TRAINABLE[model].objective is not None:
        raise ValueError(f"--method is for --model flow-map; --model {model} has one objective")
    chosen = load_preset(preset)
    of_text = of_text | given(length=length, tokenizer=tokenizer)
    if not language:
        corpus, of_text = corpus or chosen.corpus, _of_text(chosen, of_text)
    data = load_data(language, corpus, cache, **of_text)
    if data_seed is not None and training_texts is None:
        raise ValueError("--data-seed is of --training-texts: give both, or neither")
    if isinstance(data, ExactLanguage):
        data = some_texts(data, training_texts, data_seed or 0)
    elif training_texts is not None:
        raise ValueError("--training-texts is of a finite language; --limit shortens real text")
    if language is None and of_text.get("packing", "wrapped") == "wrapped":
        sizes = {"absolute_positions": False, **sizes}  # a row of running text starts anywhere
    what = TRAINABLE[model]
    begun = None if init is None else load_model(init)
    pattern = begun if like is None else load_model(like)
    if pattern is None:
        config: Any = chosen.network(data.vocab_size, data.length, **sizes)
    else:
        check_fits(f"--like {like}" if like else f"--init {init}", pattern, data)
        config = replace(size_like(pattern, what.model), **sizes)  # type: ignore[type-var]  # sizes are a dataclass
    torch.manual_seed(settings.get("seed", 0))
    objective, facts = _objective(what, method, chosen)
    made = what.model(config, data.tokenizer, **given(schedule=schedule))
    if begun is not None:
        facts["init"] = _start_from(made, begun, f"--init {init}")
    trainer = Trainer(made, data, objective, replace(chosen.train, **settings), directory=out, facts=facts)
    if overwrite:
        trainer.before_first_save = partial(forget_run, out, out)
    _run(trainer, resume)
    following = ["evaluate", str(out)]
    if what.distilled_by is not None:
        following = ["distill", "--method", what.distilled_by, "--teacher", str(out), "--out", f"{out}-distilled"]
    say(f"{out} holds the trained model. Next: {shlex.join(['flm-edu', *following])}")


@command(
    epilog="Examples: flm-edu distill --teacher runs/flm --out runs/fmlm | "
    "flm-edu distill --teacher sentences-flm --steps 2000 --target ema --out runs/fmlm | "
    "flm-edu distill --method sdtt --teacher runs/masked --rounds 4 --out runs/sdtt"
)
@with_settings(recipe=(FlowMapOptions, RoundOptions), settings=TrainConfig)
def distill(
    teacher: Annotated[str, typer.Option(help="The model to distil: a directory, shipped name or hub id.")],
    out: OutOption,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="; ".join(f"{name} for a {one.teacher.kind}" for name, one in DISTILLATIONS.items()),
        ),
        OneOf(DISTILLATIONS),
    ] = "semigroup",
    language: LanguageOption = None,
    corpus: CorpusOption = None,
    preset: PresetOption = "tiny",
    init: Annotated[
        str | None,
        typer.Option(help="A flow map to go on from, with a fresh optimizer; else the method's own student."),
    ] = None,
    cache: CacheOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    *,
    recipe: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    """Distil into fewer steps: stage 2, an FLM into its flow map (FMLM), or discrete diffusion in rounds."""
    from flm_edu.training.distillation import distillation

    check_out(out, _model_in(out), resume, overwrite)
    chosen, trained = load_preset(preset), load_model(teacher)
    data = data_of(trained, language, corpus, cache)
    torch.manual_seed(settings.get("seed", 0))
    trainers = distillation(
        method,
        trained,
        data,
        replace(chosen.distill, **settings),
        out,
        preset=chosen.semigroup,
        recipe=recipe,
        init=None if init is None else FlowMapLM.from_pretrained(init),
    )
    first = next(trainers)
    if overwrite:
        first.before_first_save = partial(forget_run, out, first.directory)
    for number, trainer in enumerate(chain([first], trainers)):
        _run(trainer, resume and (number == 0 or trainer.has_saved_state))
    in_steps = DISTILLATIONS[method].student is None
    following = ["evaluate", str(out)] if in_steps else ["sample", str(out), "--steps", "1"]
    say(f"{out} holds the distilled model. Next: {shlex.join(['flm-edu', *following])}")


# --- what they are made of ----------------------------------------------------------------------


def _of_text(chosen: Preset, of_text: dict[str, Any]) -> dict[str, Any]:
    """Return the options of real text, those of the preset included."""
    of_text = {"length": chosen.length, "tokenizer": chosen.tokenizer, **of_text}
    for option in ("vocab_size", "tokenizer_kind"):
        if option in of_text and of_text["tokenizer"]:
            flag = option.replace("_", "-")
            raise ValueError(f"--{flag} is of a tokenizer that is trained; {of_text['tokenizer']} is published")
    return of_text


def _objective(what: Trainable, method: str | None, chosen: Preset) -> tuple[Any, dict[str, Any]]:
    """Return what is minimised, and what the provenance says of it."""
    if what.objective is None:
        name = method or "semigroup"
        facts = {"method": name, **asdict(chosen.semigroup)}
        return self_distillation(name, chosen.semigroup), {"objective": facts}
    options = getattr(what.objective, "options", what.objective)
    constants: Any = options if isinstance(options, Settings) else None  # else a plain function
    return what.objective, {} if constants is None else {"objective": asdict(constants)}


def _start_from(made: LanguageModel, init: LanguageModel, name: str) -> dict[str, Any]:
    """Give a model the weights of another, and return the other's provenance."""
    if (made.config, made.ROLE, made.settings()) != (init.config, init.ROLE, init.settings()):
        raise ValueError(f"{name}, a {init.kind}, has another network or clock than a {made.kind} would have")
    made.network.load_state_dict(init.network.state_dict())
    return init.provenance


def _model_in(out: Path) -> str | None:
    """Return what --overwrite would replace."""
    rounds = out.glob(f"round-*/{CONFIG}")  # of a distillation not yet finished
    return "a model" if (out / CONFIG).exists() or any(rounds) else None


def _run(trainer: Any, resume: bool) -> None:
    if resume:
        trainer.resume()
    loss = trainer.run().get("loss", float("nan"))  # of several processes the first knows it
    say(f"done: {trainer.step} steps in {trainer.seconds:.0f} s, loss {round(loss, 4) + 0.0:.4f} nats per token")

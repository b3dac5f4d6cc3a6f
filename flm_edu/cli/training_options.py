"""The options of training on the command line, written once for every command that trains."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal

import typer

MAX_SEED = 2**63 - 1  # what torch's generators take


def _declared(
    steps: Annotated[int | None, typer.Option("--steps", help="Optimizer steps.")] = None,
    batch: Annotated[int | None, typer.Option(help="Sequences per optimizer step.")] = None,
    accumulate: Annotated[int | None, typer.Option(help="Backward passes per optimizer step.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Learning rate of AdamW.")] = None,
    muon_lr: Annotated[float | None, typer.Option("--muon-lr", help="Learning rate of Muon.")] = None,
    optimizer: Annotated[
        Literal["muon", "adamw"] | None, typer.Option(help="muon: Muon for the blocks' matrices, AdamW for the rest.")
    ] = None,
    ema: Annotated[float | None, typer.Option(help="Decay of the averaged weights, which are saved.")] = None,
    warmup: Annotated[int | None, typer.Option(help="Steps over which the learning rate rises.")] = None,
    decay: Annotated[float | None, typer.Option(help="Share of the steps, at the end, over which it falls.")] = None,
    clip: Annotated[float | None, typer.Option(help="Largest norm of the gradient.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Weight decay.")] = None,
    cycle: Annotated[
        int | None,
        typer.Option(
            help="The draws come again after so many steps; targets are kept in memory, so for small vocabularies."
        ),
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "bf16"] | None,
        typer.Option(help="auto: bf16 on a GPU, and on a CPU that has it; else float32."),
    ] = None,
    compile: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="Compile the network with torch.compile.")
    ] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between checkpoints.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of every random draw.")] = 0,
) -> None:
    """Each is a field of `TrainConfig`; what is not given keeps the preset's value."""


def with_training_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command that also takes the options above; those that were given reach it as the dict `settings`."""
    own = inspect.signature(command, eval_str=True)
    shared = inspect.signature(_declared, eval_str=True).parameters

    @wraps(command)
    def wrapped(**options: Any) -> None:
        given = {name: options.pop(name) for name in shared}
        settings = {name: value for name, value in given.items() if value is not None}
        command(**options, settings=settings)

    parameters = [p for name, p in own.parameters.items() if name != "settings"]
    parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in [*parameters, *shared.values()]]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    wrapped.__annotations__ = {p.name: p.annotation for p in parameters}
    del wrapped.__wrapped__  # type: ignore[attr-defined]
    return wrapped

"""Options of the command line, made from the library's dataclasses of settings and tables of names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from functools import wraps
from types import NoneType
from typing import Annotated, Any, Literal, get_args

import typer
from typer.models import OptionInfo

from flm_edu.settings import REQUIRED, described


class OneOf:
    """Marks a parameter of a command whose values are names out of a table."""

    def __init__(self, names: Iterable[str]):
        self.names = tuple(names)


def with_settings(*, shown: Iterable[str] = (), **groups: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of some dataclasses; those that are given reach it as a dict for each group.

    Args:
        shown: the groups whose defaults hold, so that --help shows them; those of the others come from a preset.
        groups: parameter of the command -> a dataclass of settings, or several.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters
        made = {
            group: [
                p for one in (kinds if isinstance(kinds, tuple) else (kinds,)) for p in _options(one, group in shown)
            ]
            for group, kinds in groups.items()
        }
        parameters = [p.replace(kind=p.KEYWORD_ONLY) for name, p in own.items() if name not in groups]
        parameters += [p for options in made.values() for p in options]

        @wraps(command)
        def wrapped(**values: Any) -> None:
            collected = {group: given(**{p.name: values.pop(p.name) for p in made[group]}) for group in made}
            command(**values, **collected)

        return with_signature(wrapped, parameters)

    return decorate


def with_signature(function: Callable[..., None], parameters: list[inspect.Parameter]) -> Callable[..., None]:
    """Let typer read these parameters in the place of a function's own; names of tables become choices."""
    parameters = [p.replace(annotation=_with_choices(p.annotation)) for p in parameters]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    vars(function).pop("__wrapped__", None)
    return function


def _with_choices(annotation: Any) -> Any:
    marks = [mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, OneOf)]
    if not marks:
        return annotation
    chosen: Any = Literal.__getitem__(marks[0].names)
    kind = chosen | None if NoneType in get_args(get_args(annotation)[0]) else chosen
    return Annotated[kind, next(mark for mark in annotation.__metadata__ if isinstance(mark, OptionInfo))]


def _options(settings: Any, shown: bool) -> list[inspect.Parameter]:
    """Return an option for each field that has a default; None stands for that default, or for a preset's."""
    options = []
    for name, (kind, about) in described(settings).items():
        default = settings.__dataclass_fields__[name].default
        if default is REQUIRED:
            continue
        flag = name.replace("_", "-")
        text = about["about"].replace("`", "") + (f" [{default}]" if shown and default is not None else "")
        option = typer.Option(f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}", help=text)
        optional = kind if NoneType in get_args(kind) else kind | None
        options.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[optional, option]
            )
        )
    return options


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given; the others keep the preset's value."""
    return {name: value for name, value in options.items() if value is not None}


def flags(command: Callable[..., None]) -> dict[str, str]:
    """Return the options of a command: parameter -> the flag that sets it."""
    found = {}
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        for mark in getattr(parameter.annotation, "__metadata__", ()):
            if isinstance(mark, OptionInfo):
                declared = (flag.split("/")[0] for flag in mark.param_decls or () if flag.startswith("--"))
                found[name] = next(declared, f"--{name.replace('_', '-')}")
    return found


def as_options(message: str, names: dict[str, str]) -> str:
    """Return a message of the library with its `arguments` named as the options that set them."""
    return re.sub(r"`(\w+)`", lambda match: names.get(match[1], match[1]), message)

"""Settings: dataclass fields that say what they mean and what they take.

The check of a value and the option of the command line are both made from the field, so each setting is written once.
Messages name arguments between backticks; the command line shows them as its options.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

REQUIRED: Any = dataclasses.MISSING


def setting(default: Any, about: str, within: str = "") -> Any:
    """Declare a field of a dataclass of settings.

    Args:
        default: its value where none is given; `REQUIRED` for a field without one.
        about: one sentence on what it means, which the command line shows.
        within: the interval of its values, such as "[0, 1)" or "[1, inf)"; any value where left out.
    """
    return dataclasses.field(default=default, metadata={"about": about, "within": within})


class Settings:
    """A base for frozen dataclasses of settings: their values are checked when they are made.

    Raises:
        ValueError: a value of another type, outside its interval or not among its choices; names the argument.
    """

    def __post_init__(self) -> None:
        for name, (kind, about) in described(type(self)).items():
            _check(name, getattr(self, name), kind, about["within"])


def described(settings: type[Any]) -> dict[str, tuple[Any, Mapping[str, str]]]:
    """Return what is known of the fields that `setting` declares: name -> (type, {"about": ..., "within": ...})."""
    kinds = get_type_hints(settings)
    return {field.name: (kinds[field.name], field.metadata) for field in dataclasses.fields(settings) if field.metadata}


def _check(name: str, value: Any, kind: Any, within: str) -> None:
    if NoneType in get_args(kind):  # "int | None"
        if value is None:
            return
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(f"`{name}` is {value!r}; choose one of {', '.join(get_args(kind))}")
        return
    words = {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"`{name}` is {value!r}; it must be {words.get(kind, kind.__name__)}")
    if kind is float and abs(value) > 1e308:  # an integer can be larger than any number that a network takes
        value = float("inf")
    if not within:
        return
    low, high = (float(end) if "." in end or "inf" in end else int(end) for end in within[1:-1].split(","))
    above = value >= low if within[0] == "[" else value > low
    below = value <= high if within[-1] == "]" else value < high
    if not (above and below):  # nor is NaN
        if high != float("inf"):
            raise ValueError(f"`{name}` is {value}; it must lie in {within}")
        least = f"{'at least' if within[0] == '[' else 'above'} {low:g}"
        raise ValueError(f"`{name}` is {value}; it must be {least}" + (" and finite" if above else ""))

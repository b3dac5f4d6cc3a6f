"""What every widget shares: its JavaScript, its colours, its arrays, and a life without a kernel.

A widget is state (traitlets) and a picture (JavaScript). All interaction is in the JavaScript, so a
widget works the same in a notebook, in a saved notebook, and in a page written by `to_html`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

import anywidget
import ipywidgets
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from flm_edu.plots.style import FAMILIES, TEXT_COLORS, THEMES
from flm_edu.widgets.page import write_page

HERE = Path(__file__).parent
SHARED = ("shared.js", "controls.js", "canvas.js")  # the JavaScript that every widget's module begins with
T = TypeVar("T")


def javascript(*names: str) -> str:
    """Return one ES module out of what all widgets share and a widget's own files, the last of which defines `render`."""
    parts = [(HERE / name).read_text(encoding="utf-8") for name in (*SHARED, *names)]
    return "\n".join(parts) + "\nexport default { render };\n"


class _Forgiving(traitlets.TraitType[Any, Any], Generic[T]):
    """A trait that takes the nearest value it can and says so in the widget, instead of raising."""

    def validate(self, obj: Any, value: Any) -> T:
        current = obj._trait_values.get(self.name, self.default_value)
        accepted, complaint = self.nearest(obj, value, current)
        # Traitlets validate an accepted value once more; that must not take back the complaint.
        if complaint or accepted != current:
            obj._complain(str(self.name), complaint)
        return accepted

    def nearest(self, obj: Any, value: Any, current: T) -> tuple[T, str]:
        """Return the value to take, and what is wrong with the one given ("" if nothing is)."""
        raise NotImplementedError


class Number(_Forgiving[float]):
    """A number within [low, high]; others are moved to the nearer end."""

    def __init__(self, default: float, low: float, high: float, *, whole: bool = False):
        super().__init__(default_value=default)
        self.low, self.high, self.whole = low, high, whole

    def nearest(self, obj: Any, value: Any, current: float) -> tuple[float, str]:
        """Round and clamp it; what is no number leaves the value as it was."""
        try:
            number = math.nan if isinstance(value, str | bytes) else float(value)  # "9" is a text
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isnan(number):
            return current, f"{self.name} is {_short(value)}, which is no number; it stays at {current:g}"
        inside = min(max(number, self.low), self.high)
        inside = round(inside) if self.whole else inside
        if inside == number:
            return inside, ""
        return inside, f"{self.name} is {number:g}; shown with {inside:g} ({self.low:g} to {self.high:g})"


class Choice(_Forgiving[str]):
    """One of a few words; others leave the value as it was. `options_of` names a trait that lists the words."""

    def __init__(self, default: str, options: Sequence[str] = (), *, options_of: str = ""):
        super().__init__(default_value=default)
        self.options, self.options_of = tuple(options), options_of

    def nearest(self, obj: Any, value: Any, current: str) -> tuple[str, str]:
        """Return the value itself if it is an option."""
        options = tuple(getattr(obj, self.options_of)) if self.options_of else self.options
        if isinstance(value, str) and value in options:
            return value, ""
        return current if current in options else options[
            0
        ], f"{self.name} is {_short(value)}; choose one of {', '.join(options)}"


class Switch(_Forgiving[bool]):
    """On or off."""

    def __init__(self, default: bool):
        super().__init__(default_value=default)

    def nearest(self, obj: Any, value: Any, current: bool) -> tuple[bool, str]:
        """Return True, False, or what equals one of them."""
        if isinstance(value, bool | int | np.bool_) and value in (0, 1):
            return bool(value), ""
        return current, f"{self.name} is {_short(value)}; it is either True or False"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


class Widget(anywidget.AnyWidget):
    """Base of the package's widgets.

    Attributes:
        theme: "light", "dark", or "auto" for that of JupyterLab or the browser.
        message: what is wrong with a value given, shown in the widget; empty when all is well.
        look: the colours of plots/style.py.
        arrays: all arrays in one piece, little-endian, each starting at a multiple of 8 bytes.
        array_index: name -> {"at": first byte, "shape": ..., "type": "float32" or "int32"}.
    """

    title = ""  # of the page that `to_html` writes
    _css = (HERE / "shared.css").read_text(encoding="utf-8")

    theme = Choice("auto", ("auto", "light", "dark")).tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)
    look = traitlets.Dict().tag(sync=True)
    arrays = traitlets.Bytes(b"").tag(sync=True)
    array_index = traitlets.Dict().tag(sync=True)

    def __init__(self, **state: Any):
        self._complaints: dict[str, str] = {}
        # A misspelt option would otherwise vanish: traitlets only warns of it.
        if unknown := [name for name in state if name not in self.state_names()]:
            known = ", ".join(sorted(self.state_names()))
            raise TypeError(f"{type(self).__name__} has no option {', '.join(unknown)}; it has {known}")
        families = {kind: asdict(family) for kind, family in FAMILIES.items()}
        look = {"families": families, "texts": list(TEXT_COLORS), "themes": THEMES}
        super().__init__(look=look, **state)

    @classmethod
    def state_names(cls) -> list[str]:
        """Return the synchronised traits that are this package's own, those of ipywidgets left out."""
        inherited = ipywidgets.DOMWidget.class_trait_names()
        return [name for name in cls.class_trait_names(sync=True) if name not in inherited and not name.startswith("_")]

    def state(self) -> dict[str, Any]:
        """Return what the picture is drawn from: name -> value of each synchronised trait."""
        return {name: getattr(self, name) for name in self.state_names()}

    def script(self) -> str:
        """Return the module that draws the picture."""
        return str(self._esm)

    def stylesheet(self) -> str:
        """Return the CSS of the picture and its controls."""
        return str(self._css)

    def to_html(self, path: str | Path) -> Path:
        """Write a self-contained page that needs no kernel and no network; returns its path.

        Raises:
            OSError: the file cannot be written.
        """
        return write_page(path, self.title, [self])

    def _complain(self, name: str, complaint: str) -> None:
        """Keep one complaint a trait; the message is all of them."""
        self._complaints.pop(name, None)
        if complaint:
            self._complaints[name] = complaint
        self.message = "; ".join(self._complaints.values())


def pack(arrays: Mapping[str, ArrayLike]) -> dict[str, Any]:
    """Pack arrays for the traits `arrays` and `array_index`: floats as float32, integers as int32."""
    pieces, index, at = [], {}, 0
    for name, value in arrays.items():
        array = np.asarray(value)
        kind = "int32" if np.issubdtype(array.dtype, np.integer) else "float32"
        piece = np.ascontiguousarray(array, dtype=np.dtype(kind).newbyteorder("<")).tobytes()
        index[name] = {"at": at, "shape": list(array.shape), "type": kind}
        padding = -len(piece) % 8
        pieces.append(piece + bytes(padding))
        at += len(piece) + padding
    return {"arrays": b"".join(pieces), "array_index": index}


def quadrature(nodes: int = 100) -> dict[str, list[float]]:
    """Return nodes and weights of schedule.py's Gauss-Hermite rule, for the same clock in the browser."""
    z, weight = np.polynomial.hermite_e.hermegauss(nodes)
    return {"nodes": z.tolist(), "weights": (weight / weight.sum()).tolist()}

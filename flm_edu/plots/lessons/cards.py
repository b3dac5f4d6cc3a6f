"""What the pictures of the course share: white cards, panels, and colours that no model family has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: for words: indigo, wine and green of Tol's muted set, with a marker each
WORDS = (("#332288", "o"), ("#AA4499", "s"), ("#117733", "^"))


#: from small to large, or early to late
SEQUENCE = ("#DDAA33", "#BB5566", "#004488", "#000000")


_CARD = "white"


def on_card(figure: Figure) -> Figure:
    """Put a figure of `curves`, which has a transparent ground, on a notebook's white card."""
    figure.set_facecolor(_CARD)
    figure.set_dpi(90)
    return figure


def _panels(number: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * number, height), layout="constrained", facecolor=_CARD, dpi=90)
    return figure, list(figure.subplots(1, number, squeeze=False)[0])

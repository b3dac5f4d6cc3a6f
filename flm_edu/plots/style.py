"""One visual language: a colour and a marker for each model family, and a light and a dark theme.

The colours are Okabe and Ito's, which colour-blind readers can tell apart; markers and dashes carry
the same information, so that nothing depends on colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

Theme = Literal["light", "dark"]

#: members of one family share its colour and differ in their lines
LINES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))


@dataclass(frozen=True)
class Family:
    """How a kind of model is drawn wherever it appears."""

    label: str
    color: str
    marker: str


FAMILIES: dict[str, Family] = {
    "flow-map-lm": Family("flow map (FMLM)", "#D55E00", "o"),
    "flow-lm": Family("flow (FLM)", "#0072B2", "s"),
    "perfect-flow-map": Family("perfect flow map", "#E69F00", "o"),
    "perfect-flow": Family("perfect flow", "#56B4E9", "s"),
    "perfect-masked": Family("perfect masked diffusion", "#44BB99", "^"),
    "perfect-uniform": Family("perfect uniform diffusion", "#EE99CC", "v"),
    "perfect-ar": Family("perfect autoregression", "#BBBBBB", "D"),
    "masked": Family("masked diffusion", "#009E73", "^"),
    "uniform": Family("uniform diffusion", "#CC79A7", "v"),
    "autoregressive": Family("autoregression", "#999999", "D"),
    # Extensions, which are not in the paper:
    "path-map-lm": Family("flow map that guesses on its way (extension)", "#882255", "P"),
    "soft-flow-map-lm": Family("flow map, soft reader (extension)", "#AA4466", "P"),
    "soft-flow-lm": Family("flow, soft reader (extension)", "#332288", "P"),
}
_OTHER = Family("", "#999999", "x")

#: Colours of words and texts, which are no models: Tol's bright scheme, safe for colour-blind readers too.
TEXT_COLORS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#AA3377", "#66CCEE")

#: Ink, soft ink, thin lines, ground and raised ground of each theme.
THEMES: dict[Theme, dict[str, str]] = {
    "light": {"ink": "#1f2328", "soft": "#59636e", "line": "#d8dee4", "ground": "#ffffff", "card": "#f6f8fa"},
    "dark": {"ink": "#e6edf3", "soft": "#9198a1", "line": "#3d444d", "ground": "#0d1117", "card": "#151b23"},
}


def family(kind: str) -> Family:
    """Return the look of a kind of model; grey for one that is not known."""
    return FAMILIES.get(kind, _OTHER)


@contextmanager
def figure_theme(theme: Theme) -> Iterator[None]:
    """Set matplotlib to a theme: transparent ground, thin grid, no box."""
    import matplotlib as mpl

    ink, grid = THEMES[theme]["ink"], THEMES[theme]["line"]
    settings = {
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "axes.edgecolor": ink,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "text.color": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "axes.grid": True,
        "grid.color": grid,
        "grid.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "font.size": 10.5,
        "legend.frameon": False,
        "svg.fonttype": "path",
        "svg.hashsalt": "flm_edu",
    }
    with mpl.rc_context(settings):
        yield

"""States of three words in the plane of the simplex, and planes of noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from flm_edu.plots.style import figure_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

from flm_edu.plots.lessons.cards import _CARD, WORDS, _panels

# The corners of the triangle, as rows: the plane of the simplex of three words, seen from above.
_CORNERS = torch.tensor([[-math.sqrt(3) / 2, -0.5], [math.sqrt(3) / 2, -0.5], [0.0, 1.0]])


def to_plane(x: Tensor) -> Tensor:
    """Return states of three words seen along (1, 1, 1): (..., 3) -> (..., 2). Adding a constant to a state moves nothing."""
    return x.float() @ _CORNERS


def triangles(
    panels: Mapping[str, Tensor],
    words: Sequence[str],
    title: str,
    *,
    colors: Sequence[int] | Tensor | None = None,
    shade: Mapping[str, Tensor] | None = None,
    reach: float = 1.9,
    size: float = 11,
    paths: bool = False,
) -> Figure:
    """Draw states of a three-word language in the plane of the simplex, one panel for each entry.

    Args:
        panels: panel title -> states (n, 3); with `paths`, (steps + 1, n, 3).
        words: the three corners.
        title: of the figure.
        colors: the true word of each state, 0 to 2; each state's own decision where left out.
        shade: panel title -> (g, g, 3) weights on the grid `plane_grid(g, reach)`, to tint the ground with;
            the regions in which each word is the largest entry where left out.
        reach: how far to show, in units of the distance from the middle to a corner.
        size: of the marks, in points squared.
        paths: draw the way of each state as a line, with a mark where it ends, in the colour of its last decision.
    """
    from matplotlib.patheffects import withStroke

    with figure_theme("light"):
        figure, all_axes = _panels(
            len(panels), width=2.65 if len(panels) > 1 else 3.8, height=3.0 if len(panels) > 1 else 3.9
        )
        palette = torch.tensor([[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color, _ in WORDS])
        for axes, (name, states) in zip(all_axes, panels.items(), strict=True):
            weights = torch.nn.functional.one_hot(plane_grid(160, reach).argmax(-1), 3).float()
            if shade is not None:
                weights = shade[name].float()
            ground = 1 - 0.28 * (1 - weights @ palette)
            axes.imshow(ground.numpy(), origin="lower", extent=(-reach, reach, -reach, reach), interpolation="nearest")
            outline = torch.cat([_CORNERS, _CORNERS[:1]])
            axes.plot(outline[:, 0], outline[:, 1], color="#1f2328", linewidth=1.2)
            if paths:
                ways, states = states, states[-1]
                for way, word in zip(to_plane(ways).unbind(1), states.argmax(-1).tolist(), strict=True):
                    axes.plot(way[:, 0], way[:, 1], color=WORDS[word][0], linewidth=0.9, alpha=0.6)
            word_of = states.argmax(-1) if colors is None else torch.as_tensor(colors)
            flat = to_plane(states)
            for k, (color, marker) in enumerate(WORDS):
                chosen = flat[word_of == k]
                axes.scatter(chosen[:, 0], chosen[:, 1], s=size, color=color, marker=marker, linewidths=0, alpha=0.75)
            for k, corner in enumerate(_CORNERS):
                x, y = (corner * 1.27).tolist()
                label = axes.text(
                    x, y, words[k], ha="center", va="center", color=WORDS[k][0], weight="bold", fontsize=10
                )
                label.set_path_effects([withStroke(linewidth=3, foreground=_CARD)])
            axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
            axes.grid(False)
            axes.spines[:].set_visible(False)
            axes.set_title(name, fontsize=10.5, weight="normal")
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        return figure


def plane_grid(size: int, reach: float = 1.9) -> Tensor:
    """Return states of three words over the square that `triangles` shows: (size, size, 3), rows from below."""
    line = torch.linspace(-reach, reach, size)
    plane = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)  # (size, size, 2)
    # The corners' coordinates are orthogonal columns of squared length 3/2.
    return plane @ _CORNERS.T * (2 / 3) + 1 / 3


def cuts(
    panels: Mapping[str, Tensor],
    points: Tensor,
    names: Sequence[str],
    valid: Sequence[bool],
    title: str,
    xlabel: str,
    ylabel: str,
    *,
    reach: float = 4.0,
) -> Figure:
    """Draw a plane of noise, cut into the regions of the texts that it becomes; each point has the colour of its text.

    Args:
        panels: panel title -> the text of each point, an index into `names` (n,).
        points: of the plane (n, 2).
        names: the texts; each is written once, in the middle of its points.
        valid: whether each is a text of the language; the others are grey.
        title: of the figure.
        xlabel: of the plane.
        ylabel: of the plane.
        reach: how far to show.
    """
    from matplotlib.patheffects import withStroke

    of_valid = iter([WORDS[0], WORDS[2], WORDS[1]])
    looks = [next(of_valid) if is_valid else ("#8c959f", "x") for is_valid in valid]
    with figure_theme("light"):
        figure, all_axes = _panels(len(panels), width=3.9, height=4.3)
        for axes, (name, text_of) in zip(all_axes, panels.items(), strict=True):
            axes.axhline(0, color="#d0d7de", linewidth=0.8, zorder=0)
            axes.axvline(0, color="#d0d7de", linewidth=0.8, zorder=0)
            for k, (color, marker) in enumerate(looks):
                chosen = points[torch.as_tensor(text_of) == k]
                if not len(chosen):
                    continue
                linewidths = 0.8 if marker == "x" else 0
                axes.scatter(
                    chosen[:, 0], chosen[:, 1], s=9, color=color, marker=marker, linewidths=linewidths, alpha=0.6
                )
                x, y = chosen.mean(0).tolist()
                label = axes.text(
                    x, y, names[k], ha="center", va="center", color=color if valid[k] else "#1f2328", weight="bold"
                )
                label.set_path_effects([withStroke(linewidth=4, foreground=_CARD)])
            axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel=xlabel)
            axes.grid(False)
            axes.set_title(name, fontsize=10.5, weight="normal")
        all_axes[0].set_ylabel(ylabel)
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        return figure


def landscape(
    values: Tensor,
    title: str,
    xlabel: str,
    ylabel: str,
    label: str,
    *,
    marks: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Draw a function of two numbers in [0, 1] as tints with contour lines.

    Args:
        values: (g, g), rows along y.
        title: of the figure.
        xlabel: of the first number.
        ylabel: of the second.
        label: of the function.
        marks: name -> point to point out.
    """
    with figure_theme("light"):
        figure, (axes,) = _panels(1, width=5.2, height=4.0)
        line = torch.linspace(0, 1, len(values)).numpy()
        tints = axes.contourf(line, line, values.numpy(), levels=12, cmap="cividis")
        figure.colorbar(tints, ax=axes, label=label)
        for name, (x, y) in (marks or {}).items():
            axes.plot(
                x, y, marker="*", color="white", markersize=14, markeredgecolor="#1f2328", clip_on=False, zorder=5
            )
            axes.annotate(
                name,
                (x, y),
                xytext=(0, -16 if y > 0.9 else 10),
                textcoords="offset points",
                color="white",
                ha="right" if x > 0.6 else "left",
                fontsize=9.5,
                weight="bold",
            )
        axes.set(xlabel=xlabel, ylabel=ylabel, aspect="equal")
        axes.set_title(title, pad=14)
        axes.grid(False)
        return figure

"""The pictures of the course: pure functions from tensors to figures, in the colours of `style`.

A notebook is read on a light page and on a dark one, and its pictures are kept as images, so each
stands on a white card. Words and vocabulary sizes have colours of their own, which no model family has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from flm_edu.plots.style import family, figure_theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from flm_edu.evaluation.tables import Point

#: for words: indigo, wine and green of Tol's muted set, with a marker each
WORDS = (("#332288", "o"), ("#AA4499", "s"), ("#117733", "^"))
#: from small to large, or early to late
SEQUENCE = ("#DDAA33", "#BB5566", "#004488", "#000000")
_CARD = "white"
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


def lines(
    x: Sequence[float] | Tensor,
    curves: Mapping[str, Sequence[float] | Tensor],
    title: str,
    xlabel: str,
    ylabel: str,
    *,
    looks: Mapping[str, str] | None = None,
    **settings: Any,
) -> Figure:
    """Draw curves over one axis, in order from small to large or in the colours of model families.

    Args:
        x: common positions.
        curves: label -> values; nan leaves a gap.
        title: of the figure.
        xlabel: with its unit.
        ylabel: with its unit.
        looks: label -> model kind (drawn in the family's colour and marker) or "floor" (dashed ink).
        settings: for `Axes.set`, such as xscale="log".
    """
    with figure_theme("light"):
        figure, (axes,) = _panels(1, width=6.4, height=3.7)
        for i, (label, values) in enumerate(curves.items()):
            kind = (looks or {}).get(label)
            color, marker, style = SEQUENCE[i % len(SEQUENCE)], "", "-"
            if kind == "floor":
                color, style = "#1f2328", "--"
            elif kind is not None:
                color, marker = family(kind).color, family(kind).marker
            axes.plot(
                torch.as_tensor(x).tolist(),
                torch.as_tensor(values).tolist(),
                color=color,
                marker=marker,
                linestyle=style,
                linewidth=2,
                markersize=5,
                label=label,
            )
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel, **settings)
        axes.minorticks_off()
        axes.legend()
        return figure


def tables(
    panels: Mapping[str, Tensor],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    *,
    digits: int = 2,
    xlabel: str = "",
    ylabel: str = "",
) -> Figure:
    """Draw matrices of probabilities as tinted squares with their numbers, one panel for each entry (rows x columns)."""
    with figure_theme("light"):
        cell = 0.62
        figure, all_axes = _panels(len(panels), width=cell * len(columns) + 0.9, height=cell * len(rows) + 1.1)
        for axes, (name, values) in zip(all_axes, panels.items(), strict=True):
            axes.imshow(values.double().numpy(), cmap="Greys", vmin=0, vmax=1.8, aspect="auto")
            for i in range(len(rows)):
                for j in range(len(columns)):
                    value = float(values[i, j])
                    ink = "#1f2328" if value else "#8c959f"  # zeros step back
                    label = f"{value:.{digits}f}" if value else "0"
                    axes.text(j, i, label, ha="center", va="center", fontsize=10, color=ink)
            axes.set_xticks(range(len(columns)), columns, rotation=45 if len(columns) > 5 else 0)
            axes.set_yticks(range(len(rows)), rows)
            axes.set(xlabel=xlabel, ylabel=ylabel)
            axes.grid(False)
            axes.set_title(name, fontsize=10.5, weight="normal")
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        return figure


def shares(panels: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """Draw bars of shares from 0 to 1, in percent: panel title -> label -> share. Panels have the same labels in order."""
    with figure_theme("light"):
        labels = list(next(iter(panels.values())))
        figure, all_axes = _panels(len(panels), width=3.9, height=0.42 * len(labels) + 0.9)
        for axes, (name, values) in zip(all_axes, panels.items(), strict=True):
            percent = [100 * values[label] for label in labels]
            axes.barh(range(len(labels)), percent, color=SEQUENCE[2], height=0.62)
            for i, value in enumerate(percent):
                axes.text(value + 1.5, i, f"{value:.0f}%", va="center", fontsize=10)
            axes.set_yticks(range(len(labels)), labels)
            axes.set(xlim=(0, 112), ylim=(len(labels) - 0.4, -0.6), xticks=[])
            axes.grid(False)
            axes.spines[["top", "right", "bottom"]].set_visible(False)
            axes.set_title(name, fontsize=10.5, weight="normal")
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        return figure


def beside(
    panels: Mapping[str, tuple[Sequence[float] | Tensor, Mapping[str, Sequence[float] | Tensor]]],
    title: str,
    ylabel: str,
    *,
    colors: Mapping[str, str] | None = None,
    **settings: Any,
) -> Figure:
    """Draw curves in panels side by side, each with a horizontal axis of its own, which the panel is named after.

    Args:
        panels: label of the horizontal axis -> (positions, label -> values). A label that begins with "_" is not listed.
        title: of the figure.
        ylabel: of all panels.
        colors: label -> colour; in order from small to large where left out.
        settings: for `Axes.set`.
    """
    with figure_theme("light"):
        figure, all_axes = _panels(len(panels), width=4.2 if len(panels) > 1 else 6.4, height=3.4)
        for axes, (xlabel, (x, curves)) in zip(all_axes, panels.items(), strict=True):
            for i, (label, values) in enumerate(curves.items()):
                color = (colors or {}).get(label, SEQUENCE[(i + 1) % len(SEQUENCE)])
                axes.plot(
                    torch.as_tensor(x).tolist(),
                    torch.as_tensor(values).tolist(),
                    color=color,
                    linewidth=2,
                    alpha=0.85,
                    label=label,
                )
            axes.set(xlabel=xlabel, **settings)
            if len(axes.get_legend_handles_labels()[1]) > 1:
                axes.legend()
        all_axes[0].set_ylabel(ylabel)
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        return figure


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


def decisions(words: Sequence[Sequence[str]], confidences: Tensor, rows: Sequence[str], title: str) -> Figure:
    """Draw a text while it is being decided: a row for each time, each position with its likeliest word.

    Args:
        words: rows x positions.
        confidences: (rows, positions), the probability of each word shown.
        rows: their labels.
        title: of the figure.
    """
    with figure_theme("light"):
        positions = len(words[0])
        figure, (axes,) = _panels(1, width=0.85 * positions + 0.8, height=0.36 * len(rows) + 0.8)
        axes.imshow(confidences.double().numpy(), cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
        for i, row in enumerate(words):
            for j, word in enumerate(row):
                faint = float(confidences[i, j]) < 0.5
                axes.text(j, i, word, ha="center", va="center", fontsize=10, alpha=0.55 if faint else 1.0)
        axes.set_xticks(range(positions), [str(position + 1) for position in range(positions)])
        axes.set_yticks(range(len(rows)), rows)
        axes.set(title=title, xlabel="position in the text")
        axes.grid(False)
        return figure


def on_card(figure: Figure) -> Figure:
    """Put a figure of `curves`, which has a transparent ground, on a notebook's white card."""
    figure.set_facecolor(_CARD)
    figure.set_dpi(90)
    return figure


def _panels(number: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * number, height), layout="constrained", facecolor=_CARD, dpi=90)
    return figure, list(figure.subplots(1, number, squeeze=False)[0])


def against_steps(
    steps: Sequence[int],
    curves: Mapping[str, Sequence[float]],
    title: str,
    ylabel: str,
    *,
    looks: Mapping[str, str] | None = None,
    band: tuple[Sequence[float], Sequence[float]] | None = None,
    note: tuple[float, float, str] | None = None,
) -> Figure:
    """Curves over numbers of steps, which double along the axis.

    Args:
        steps: common positions.
        curves: label -> values, as many as there are steps or fewer.
        title: of the figure.
        ylabel: with its unit.
        looks: as in `lines`.
        band: lower and upper values of a grey band, one pair a step.
        note: x, y and a text that points there.
    """
    padded = {name: [*values, *[math.nan] * (len(steps) - len(values))] for name, values in curves.items()}
    figure = lines(
        steps,
        padded,
        title,
        "steps (network evaluations per text)",
        ylabel,
        looks=looks,
        xscale="log",
        xticks=steps,
        xticklabels=steps,
    )
    (axes,) = figure.axes
    if band is not None:
        axes.fill_between(list(steps), list(band[0]), list(band[1]), color="#1f2328", alpha=0.15, linewidth=0)
    if note is not None:
        x, y, text = note
        axes.annotate(
            text,
            (x, y),
            xytext=(14, -4),
            textcoords="offset points",
            fontsize=9,
            va="top",
            arrowprops={"arrowstyle": "-", "color": "#59636e"},
        )
    return figure


def stacked(x: Sequence[float] | Tensor, curves: Mapping[str, Sequence[float]], title: str, xlabel: str) -> Figure:
    """Different quantities over one axis, a panel for each: label with its unit -> values."""
    from matplotlib.figure import Figure

    with figure_theme("light"):
        figure = Figure(figsize=(6.4, 2.0 * len(curves) + 0.6), layout="constrained", facecolor=_CARD, dpi=90)
        for axes, (label, values) in zip(
            figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0], curves.items(), strict=True
        ):
            axes.plot(
                torch.as_tensor(x).tolist(), list(values), color=SEQUENCE[2], linewidth=2, marker="o", markersize=4
            )
            axes.set_ylabel(label)
        axes.set_xlabel(xlabel)
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        return figure


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    title: str,
    *,
    percent: bool = False,
    logarithmic: bool = False,
    bold: Sequence[str] = (),
    notes: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """A table whose cells are tinted by their value, darker for larger; nan leaves a cell empty.

    Args:
        rows: their labels.
        columns: their labels.
        values: rows x columns.
        title: of the figure.
        percent: write 0.5 as 50%.
        logarithmic: tint by the logarithm.
        bold: rows to point out.
        notes: what is written in each cell, in place of its value.
    """
    with figure_theme("light"):
        table = torch.tensor(values, dtype=torch.float64)
        tint = table.log() if logarithmic else table
        column = 0.72 if notes is None else 1.75
        figure, (axes,) = _panels(1, width=column * len(columns) + 2.8, height=0.29 * len(rows) + 1.0)
        low, high = float(tint[~tint.isnan()].min()), float(tint[~tint.isnan()].max())
        axes.imshow(tint.numpy(), cmap="Blues", vmin=low, vmax=low + 1.5 * (high - low + 1e-9), aspect="auto")
        for i in range(len(rows)):
            for j in range(len(columns)):
                value = float(table[i, j])
                label = "" if math.isnan(value) else f"{100 * value:.1f}" if percent else f"{value:,.3g}"
                label = label if notes is None or not label else notes[i][j]
                axes.text(j, i, label, ha="center", va="center", fontsize=9)
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        for text, name in zip(axes.get_yticklabels(), rows, strict=True):
            text.set_fontweight("bold" if name in bold else "normal")
        axes.xaxis.tick_top()
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        return figure


def runs(groups: Mapping[str, Sequence[float]], title: str, xlabel: str) -> Figure:
    """One dot for each run of a choice, the share in percent, and a line at the mean: choice -> shares."""
    with figure_theme("light"):
        figure, (axes,) = _panels(1, width=6.8, height=0.42 * len(groups) + 1.1)
        for i, shares in enumerate(groups.values()):
            percent = [100 * share for share in shares]
            color = SEQUENCE[1 + i % 2]
            axes.plot(percent, [i] * len(percent), "o", color=color, markersize=7, alpha=0.75)
            axes.plot([sum(percent) / len(percent)] * 2, [i - 0.3, i + 0.3], color=color, linewidth=2)
        axes.set_yticks(range(len(groups)), list(groups))
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set(title=title, xlabel=xlabel)
        return figure


def bars(values: Mapping[str, float], title: str, xlabel: str, *, marks: Mapping[str, float] | None = None) -> Figure:
    """Horizontal bars with their numbers; `marks` are named vertical lines."""
    with figure_theme("light"):
        figure, (axes,) = _panels(1, width=6.8, height=0.36 * len(values) + 1.1)
        axes.barh(range(len(values)), list(values.values()), color=SEQUENCE[2], alpha=0.8)
        for i, value in enumerate(values.values()):
            axes.text(value, i, f" {value:,.3g}", va="center", fontsize=9)
        for name, value in (marks or {}).items():
            axes.axvline(value, color="#1f2328", linestyle="--", linewidth=1.2)
            axes.text(value, -0.55, f" {name}", fontsize=9, va="bottom")
        axes.set_yticks(range(len(values)), list(values))
        axes.set_ylim(len(values) - 0.4, -0.9)
        axes.set_xlim(0, 1.12 * max(*values.values(), *(marks or {"": 0.0}).values()))
        axes.set(xlabel=xlabel)
        axes.set_title(title, pad=12)
        axes.grid(axis="y", visible=False)
        return figure


def pair_tables(
    panels: Mapping[str, Tensor], words: Sequence[str], valid: Tensor, title: str, *, digits: int = 2
) -> Figure:
    """Probabilities of texts of two words, first word down, second across; texts of the language blue, others grey.

    Args:
        panels: title -> (V, V).
        words: of the vocabulary.
        valid: (V, V) of true and false.
        title: of the figure.
        digits: after the point.
    """
    with figure_theme("light"):
        figure, all_axes = _panels(len(panels), width=0.82 * len(words), height=0.66 * len(words) + 0.7)
        for axes, (name, values) in zip(all_axes, panels.items(), strict=True):
            blue, grey, white = (torch.tensor(color) for color in ((0.45, 0.65, 0.9), (0.72, 0.72, 0.72), (1.0,) * 3))
            strength = (2 * values.float()).clamp(max=1)[..., None] * 0.8 + 0.2 * (values > 0)[..., None]
            colors = torch.where(valid[..., None], blue, grey)
            axes.imshow((white + strength * (colors - white)).clamp(0, 1).numpy(), aspect="auto")
            for i in range(len(words)):
                for j in range(len(words)):
                    value = float(values[i, j])
                    label = f"{value:.{digits}f}" if value else "0"
                    ink = "#1f2328" if value else "#8c959f"
                    axes.text(j, i, label, ha="center", va="center", fontsize=12, color=ink)
            axes.set_xticks(range(len(words)), words)
            axes.set_yticks(range(len(words)), words)
            axes.grid(False)
            axes.set_title(name, fontsize=11, weight="normal")
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        return figure


#: rows of the headline tables, in their order: the end of a model's name -> what it is called
ROWS = {
    "-fmlm": "flow map (FMLM)",
    "-flm": "flow (FLM)",
    "-ar": "autoregression",
    "-masked": "masked diffusion",
    "-masked@even": "masked, equal shares",
    "-masked@confidence": "masked, confidence",
    "-sdtt": "SDTT",
    "-uniform": "uniform diffusion (Duo)",
    "-uniform@greedy-tail": "Duo, greedy tail",
    "-dcd": "DCD",
    "-dcd@greedy-tail": "DCD, greedy tail",
    "perfect:flow-map": "perfect flow map",
    "perfect:flow": "perfect flow",
    "perfect:masked": "perfect masked diffusion",
    "perfect:masked@even": "perfect masked, equal shares",
    "perfect:uniform": "perfect uniform diffusion",
    "-path": "our extension: FMLM that guesses",
}


def row_name(model: str) -> str:
    """Return what a model of a sweep is called in the course's tables; its own name where it has no other."""
    return ROWS.get(_ending(model), model)


def rows_of(points: Sequence[Point]) -> list[str]:
    """Return the models of a sweep that the tables show, the published ones first and extensions last."""
    models, order = dict.fromkeys(point.model for point in points), list(ROWS)
    return sorted((m for m in models if _ending(m) in ROWS), key=lambda m: order.index(_ending(m)))


def headline(lines: Mapping[str, Mapping[int, Point]], counts: Sequence[int], title: str) -> Figure:
    """The share of valid texts of each model (model -> steps -> point) as a heat map, the flow map in bold."""
    columns = [*(str(n) for n in counts), "one a word"]  # the last for what always takes as many steps as words
    values = []
    for line in lines.values():
        shares = [line[n].validity if n in line else None for n in counts]
        own = next(iter(line.values())).validity if len(line) == 1 else None
        values.append([math.nan if share is None else share for share in (*shares, own)])
    return heat([row_name(m) for m in lines], columns, values, title, percent=True, bold=(ROWS["-fmlm"],))


def judged(point: Point | None) -> str:
    """What a cell of the judge's table says: perplexity, entropy, distinct-1."""
    if point is None or point.judge_perplexity is None:
        return ""
    return f"{point.judge_perplexity:,.0f} / {point.entropy:.2f} / {point.distinct_1:.3f}"


def _ending(model: str) -> str:
    return model if model.startswith("perfect:") else "-" + model.partition("-")[2]

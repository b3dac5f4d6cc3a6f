"""Tables of the course as tinted squares, and texts while they are being decided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from flm_edu.plots.style import figure_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from flm_edu.evaluation.tables import Point
from flm_edu.plots.lessons.cards import _panels


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
    """Draw a table whose cells are tinted by their value, darker for larger; nan leaves a cell empty.

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


def pair_tables(
    panels: Mapping[str, Tensor], words: Sequence[str], valid: Tensor, title: str, *, digits: int = 2
) -> Figure:
    """Draw probabilities of texts of two words, first word down, second across; texts of the language blue, others grey.

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
    "-masked@even": "masked, even",
    "-masked@confidence": "masked, confidence",
    "-sdtt": "SDTT",
    "-sdtt@even": "SDTT, even",
    "-uniform": "uniform diffusion (Duo)",
    "-uniform@greedy-tail": "Duo, greedy tail",
    "-dcd": "DCD",
    "-dcd@greedy-tail": "DCD, greedy tail",
    "perfect:flow-map": "perfect flow map",
    "perfect:flow": "perfect flow",
    "perfect:masked": "perfect masked diffusion",
    "perfect:masked@even": "perfect masked, even",
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
    """Draw the share of valid texts of each model (model -> steps -> point) as a heat map, the flow map in bold."""
    columns = [*(str(n) for n in counts), "one a word"]  # the last for what always takes as many steps as words
    values = []
    for line in lines.values():
        shares = [line[n].validity if n in line else None for n in counts]
        own = next(iter(line.values())).validity if len(line) == 1 else None
        values.append([math.nan if share is None else share for share in (*shares, own)])
    return heat([row_name(m) for m in lines], columns, values, title, percent=True, bold=(ROWS["-fmlm"],))


def judged(point: Point | None) -> str:
    """Return what a cell of the judge's table says: perplexity, entropy, distinct-1."""
    if point is None or point.judge_perplexity is None:
        return ""
    return f"{point.judge_perplexity:,.0f} / {point.entropy:.2f} / {point.distinct_1:.3f}"


def _ending(model: str) -> str:
    return model if model.startswith("perfect:") else "-" + model.partition("-")[2]

"""Curves, bars and dots of the course."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from flm_edu.plots.style import LINES, family, figure_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

from flm_edu.plots.lessons.cards import _CARD, SEQUENCE, _panels


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
        relatives: Counter[str] = Counter()
        for i, (label, values) in enumerate(curves.items()):
            kind = (looks or {}).get(label)
            color, marker, style, hollow = SEQUENCE[i % len(SEQUENCE)], "", LINES[0], False
            if kind == "floor":
                color, style = "#1f2328", LINES[1]
            elif kind is not None:
                color, marker = family(kind).color, family(kind).marker
                style, hollow = LINES[relatives[kind] % len(LINES)], relatives[kind] > 0
                relatives[kind] += 1
            axes.plot(
                torch.as_tensor(x).tolist(),
                torch.as_tensor(values).tolist(),
                color=color,
                marker=marker,
                linestyle=style,
                linewidth=2,
                markersize=5,
                markerfacecolor="none" if hollow else color,
                label=label,
            )
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel, **settings)
        axes.minorticks_off()
        axes.legend()
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
    """Draw curves over numbers of steps, which double along the axis.

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
    """Draw different quantities over one axis, a panel for each: label with its unit -> values."""
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


def runs(groups: Mapping[str, Sequence[float]], title: str, xlabel: str) -> Figure:
    """Draw one dot for each run of a choice, the share in percent, and a line at the mean: choice -> shares."""
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
    """Draw horizontal bars with their numbers; `marks` are named vertical lines."""
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

"""The two pictures of a run: quality against steps, and loss against training steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flm_edu.plots.style import Theme, family, figure_theme
from flm_edu.tradeoff import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: metric -> (axis label, title, whether it is a share shown in percent)
METRICS = {
    "validity": ("valid texts, %", "How many samples are texts of the language", True),
    "total_variation": ("total variation", "How far the samples are from the language", False),
    "known_words": ("known words, %", "How many words of the samples are words of the corpus", True),
    "known_pairs": ("known word pairs, %", "How many neighbouring words the corpus holds together", True),
    "entropy": ("entropy, nats", "How varied a sample is (mean entropy of its tokens)", False),
}


def quality_against_steps(points: Sequence[Point], metric: str = "validity", theme: Theme = "light") -> Figure:
    """One line a model, network evaluations on a log axis, the data's own value as a dashed line.

    Raises:
        ValueError: an unknown metric, or one that no point has.
    """
    if metric not in METRICS or all(getattr(point, metric) is None for point in points):
        raise ValueError(f"metric {metric!r} is not in these points; choose one of {', '.join(METRICS)}")
    label, title, percent = METRICS[metric]
    scale = 100 if percent else 1
    with figure_theme(theme):
        figure, axes = _new_figure()
        for name in dict.fromkeys(point.model for point in points if point.steps):
            line = [p for p in points if p.model == name and p.steps and getattr(p, metric) is not None]
            look = family(line[0].kind)
            axes.plot(
                [p.steps for p in line],
                [scale * getattr(p, metric) for p in line],
                color=look.color,
                marker=look.marker,
                linewidth=2,
                linestyle="--" if "@uniform" in name else "-",  # the same model on the other clock
                markersize=6,
                label=name,
            )
        for point in {p.model: p for p in points if not p.steps}.values():
            if getattr(point, metric) is not None:
                ink = axes.xaxis.label.get_color()
                axes.axhline(scale * getattr(point, metric), color=ink, dashes=(4, 3), linewidth=1.2, label=point.model)
        steps = sorted({point.steps for point in points if point.steps})
        axes.set_xscale("log", base=2)
        axes.set_xticks(steps, [str(s) for s in steps])
        axes.set(xlabel="steps (network evaluations per sample)", ylabel=label, title=title)
        if percent:
            axes.set_ylim(None, 102)
        axes.legend()
        return figure


def loss_curves(
    runs: Mapping[str, tuple[str, Sequence[Mapping[str, float]]]], floor: float | None = None, theme: Theme = "light"
) -> Figure:
    """Training loss of several runs: name -> (kind, metrics records), on a log axis.

    `floor` is the least cross-entropy that any flow can reach (nats per token), where it is known.
    """
    with figure_theme(theme):
        figure, axes = _new_figure()
        for name, (kind, records) in runs.items():
            look = family(kind)
            axes.plot(
                [r["step"] for r in records], [r["loss"] for r in records], color=look.color, linewidth=2, label=name
            )
        if floor is not None:
            ink = axes.xaxis.label.get_color()
            axes.axhline(floor, color=ink, dashes=(4, 3), linewidth=1.2, label=f"exact floor of the flow, {floor:.3f}")
        axes.set_yscale("log")
        axes.set(xlabel="training steps", ylabel="loss, nats per token", title="What training minimised")
        axes.legend()
        return figure


def _new_figure() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    return figure, figure.add_subplot()

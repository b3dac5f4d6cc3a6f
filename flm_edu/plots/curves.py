"""The pictures of a run: quality against steps or seconds, and loss against training steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from flm_edu.evaluation.tables import Point
from flm_edu.plots.records import FIGURES
from flm_edu.plots.style import LINES, Theme, family, figure_theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Metric(NamedTuple):
    """How a column of the table is drawn."""

    label: str  # of the axis
    title: str
    percent: bool = False
    logarithmic: bool = False


METRICS = {
    "validity": Metric("valid texts, %", "How many samples are texts of the language", percent=True),
    "total_variation": Metric("total variation", "How far the samples are from the language"),
    "known_words": Metric("known words, %", "How many words of the samples are words of the corpus", percent=True),
    "known_pairs": Metric("known word pairs, %", "How many neighbouring words the corpus holds together", percent=True),
    "judge_perplexity": Metric("generative perplexity", "How much the samples surprise the judge", logarithmic=True),
    "entropy": Metric("entropy, nats", "How varied a sample is (mean entropy of its tokens)"),
}


def look_up(points: Sequence[Point], metric: str) -> Metric:
    """Return how a metric of these points is drawn.

    Raises:
        ValueError: they have no such metric; the message lists those that they have.
    """
    had = [name for name in METRICS if any(getattr(point, name) is not None for point in points)]
    if metric not in had:
        raise ValueError(
            f"metric {metric!r} is not in these points; choose one of {', '.join(had) or 'none: they are empty'}"
        )
    return METRICS[metric]


def quality_against_steps(points: Sequence[Point], metric: str = "validity", theme: Theme = "light") -> Figure:
    """Draw one line a model, network evaluations on a log axis, the data's own value as a dashed line.

    Raises:
        ValueError: an unknown metric, or one that no point has.
    """
    with figure_theme(theme):
        figure, axes = _quality(points, metric, lambda point: float(point.steps))
        steps = sorted({point.steps for point in points if point.steps})
        axes.set_xscale("log", base=2)
        axes.set_xticks(steps, [str(s) for s in steps])
        axes.set_xlabel("steps (network evaluations per sample)")
        _add_legend(axes)
        return figure


def quality_against_seconds(points: Sequence[Point], metric: str = "validity", theme: Theme = "light") -> Figure:
    """Draw the same against what a reader waits for: wall-clock time per text, each mark labelled with its steps.

    Times are of one machine and one batch size (`Point.samples`); compare within a table only.

    Raises:
        ValueError: as `quality_against_steps`.
    """
    with figure_theme(theme):
        figure, axes = _quality(points, metric, lambda point: 1000 * point.seconds / point.samples)
        _label_marks(axes, points, metric, lambda p: 1000 * p.seconds / p.samples, lambda p: str(p.steps or ""))
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(f"milliseconds per text (drawn {max(p.samples for p in points)} at once; numbers: steps)")
        _add_legend(axes)
        return figure


def quality_against_entropy(points: Sequence[Point], metric: str = "validity", theme: Theme = "light") -> Figure:
    """Draw quality against diversity: one line a model and number of steps, its marks labelled with their temperatures.

    The dashed lines cross at the data itself. What lies nearer to it in height, at its entropy, is better.

    Raises:
        ValueError: as `quality_against_steps`.
    """
    with figure_theme(theme):
        figure, axes = _quality(by_temperature(points), metric, lambda point: point.entropy)
        _label_marks(
            axes, points, metric, lambda p: p.entropy, lambda p: "" if p.temperature is None else f"{p.temperature:g}"
        )
        for point in points:
            if not point.steps:
                axes.axvline(point.entropy, color=axes.xaxis.label.get_color(), dashes=(4, 3), linewidth=1.2)
        axes.set_xlabel("entropy of a sample's tokens, nats (numbers: temperatures)")
        _add_legend(axes)
        return figure


def by_temperature(points: Sequence[Point]) -> list[Point]:
    """Return the points with a name for each number of steps, in the order of their temperatures."""
    named = [replace(p, model=f"{p.model}, steps {p.steps}") if p.steps else p for p in points]
    return sorted(named, key=lambda point: (point.temperature is not None, point.temperature or 0))


def _quality(points: Sequence[Point], metric: str, across: Callable[[Point], float]) -> tuple[Figure, Axes]:
    """Draw one line a model of a metric against something, and the data's own value across."""
    look_of = look_up(points, metric)
    scale = 100 if look_of.percent else 1
    figure, axes = _new_figure()
    relatives: Counter[str] = Counter()  # lines of a family so far: a model, another sampler of it, its distillation
    for name in dict.fromkeys(point.model for point in points if point.steps):
        line = [p for p in points if p.model == name and p.steps and getattr(p, metric) is not None]
        kind = next(p.kind for p in points if p.model == name)
        look, style = family(kind), LINES[relatives[kind] % len(LINES)]
        relatives[kind] += 1
        axes.plot(
            [across(p) for p in line],
            [scale * getattr(p, metric) for p in line],
            color=look.color,
            marker=look.marker,
            linewidth=2,
            linestyle=style,
            markersize=6,
            markerfacecolor=look.color if style == "-" else "none",
            label=_plain(name),
        )
    for point in {p.model: p for p in points if not p.steps and getattr(p, metric) is not None}.values():
        ink = axes.xaxis.label.get_color()
        axes.axhline(scale * getattr(point, metric), color=ink, dashes=(4, 3), linewidth=1.2, label=_plain(point.model))
    axes.set(ylabel=look_of.label, title=look_of.title)
    if look_of.percent:
        axes.set_ylim(None, 102)
    if look_of.logarithmic:
        axes.set_yscale("log")
    return figure, axes


def _label_marks(
    axes: Axes, points: Sequence[Point], metric: str, across: Callable[[Point], float], label: Callable[[Point], str]
) -> None:
    """Write a number above each mark, in the colour of its family; "" for none."""
    scale = 100 if METRICS[metric].percent else 1
    for point in points:
        if label(point) and getattr(point, metric) is not None:
            place = (across(point), scale * getattr(point, metric))
            axes.annotate(
                label(point),
                place,
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=family(point.kind).color,
            )
    if METRICS[metric].percent:
        axes.set_ylim(None, 108)  # room for the numbers


def _plain(name: str) -> str:
    """Return a name that matplotlib shows as it is written, not as mathematics; of a long one the middle is left out.

    A legend as wide as the picture would leave no room for the picture.
    """
    short = name if len(name) <= 44 else f"{name[:14]}…{name[-29:]}"
    return short.replace("$", r"\$")


def _add_legend(axes: Axes) -> None:
    """Place the legend in the picture where there is room for it, beside it where there are many lines."""
    many = len(axes.get_legend_handles_labels()[1]) > 6
    if many:
        axes.figure.set_size_inches(9.0, 4.4)  # type: ignore[union-attr]
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
    else:
        axes.legend()


def loss_curves(
    runs: Mapping[str, tuple[str, Sequence[Mapping[str, float]]]], floor: float | None = None, theme: Theme = "light"
) -> Figure:
    """Draw the training loss of several runs, name -> (kind, metrics records), on a log axis.

    `floor` is the least cross-entropy that any flow can reach (nats per token), where it is known.
    """
    step, loss = FIGURES["step"], FIGURES["loss"]
    with figure_theme(theme):
        figure, axes = _new_figure()
        for name, (kind, records) in runs.items():
            look = family(kind)
            axes.plot(
                [r["step"] for r in records],
                [r["loss"] for r in records],
                color=look.color,
                linewidth=2,
                label=_plain(name),
            )
        if floor is not None:
            ink = axes.xaxis.label.get_color()
            axes.axhline(floor, color=ink, dashes=(4, 3), linewidth=1.2, label=f"exact floor of the flow, {floor:.3f}")
        axes.set_yscale("log")
        axes.set(xlabel=step.label, ylabel=f"{loss.label}, {loss.unit}", title="What training minimised")
        axes.legend()
        return figure


def _new_figure() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    return figure, figure.add_subplot()

"""The curves of `curves` for the screen: plotly figures that can be pointed at, zoomed and read mark by mark."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flm_edu.evaluation.tables import Point
from flm_edu.files import write_aside
from flm_edu.plots.curves import by_temperature, look_up
from flm_edu.plots.style import THEMES, Theme, family

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "v": "triangle-down",
    "D": "diamond",
    "P": "cross",
    "x": "x",
}
_DASHES = ("solid", "dash", "dot", "dashdot", "longdashdot")  # as curves draws the members of one family


def quality_against_steps(points: Sequence[Point], metric: str = "validity", theme: Theme = "light") -> Figure:
    """Draw one line a model, network evaluations on a log axis, the data's own value as a dashed line.

    Raises:
        ValueError: an unknown metric, or one that no point has.
    """
    figure = _quality(points, metric, theme, lambda point: float(point.steps))
    steps = sorted({point.steps for point in points if point.steps})
    title = "steps (network evaluations per sample)"
    figure.update_xaxes(type="log", title_text=title, tickvals=steps, ticktext=[str(s) for s in steps])
    return figure


def quality_against_seconds(points: Sequence[Point], metric: str = "validity", theme: Theme = "light") -> Figure:
    """Draw the same against wall-clock time per text; compare within a table only, which is of one machine.

    Raises:
        ValueError: as `quality_against_steps`.
    """
    figure = _quality(points, metric, theme, lambda point: 1000 * point.seconds / point.samples)
    together = max(point.samples for point in points)
    figure.update_xaxes(type="log", dtick=1, title_text=f"milliseconds per text (drawn {together} at once)")
    return figure


def quality_against_entropy(points: Sequence[Point], metric: str = "validity", theme: Theme = "light") -> Figure:
    """Draw one line a model and number of steps over its temperatures, the data where dashed lines cross.

    Raises:
        ValueError: as `quality_against_steps`.
    """
    figure = _quality(by_temperature(points), metric, theme, lambda point: point.entropy)
    for point in points:
        if not point.steps:
            figure.add_vline(point.entropy, line={"color": THEMES[theme]["ink"], "width": 1.2, "dash": "dash"})
    figure.update_xaxes(title_text="entropy of a sample's tokens, nats")
    return figure


def write_page(figure: Figure, path: str | Path) -> Path:
    """Write a page that holds the figure and plotly itself (about 5 MB), and asks nothing of any network.

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(path)
    ground, ink = figure.layout.paper_bgcolor, figure.layout.font.color
    settings = {"displaylogo": False, "responsive": True, "showSendToCloud": False}  # plotly would offer an upload
    body = figure.to_html(settings, include_plotlyjs=True, full_html=False, div_id="figure", default_height="96vh")
    page = (
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
        "<meta name=viewport content='width=device-width, initial-scale=1'>\n"
        f"<title>{html.escape(figure.layout.title.text)}</title>\n"
        f"<style>body {{ margin: 0; background: {ground}; color: {ink}; }}</style>\n{body}\n</html>\n"
    )
    with write_aside(path.parent, path.name) as (aside,):
        aside.write_text(page, encoding="utf-8")
    return path


def _quality(points: Sequence[Point], metric: str, theme: Theme, across: Callable[[Point], float]) -> Figure:
    look_of = look_up(points, metric)
    scale = 100 if look_of.percent else 1
    figure = _figure(look_of.title, theme)
    relatives: Counter[str] = Counter()
    for name in dict.fromkeys(point.model for point in points if point.steps):
        line = [p for p in points if p.model == name and p.steps and getattr(p, metric) is not None]
        kind = next(p.kind for p in points if p.model == name and p.steps)
        look, dash = family(kind), _DASHES[relatives[kind] % len(_DASHES)]
        relatives[kind] += 1
        figure.add_scatter(
            x=[across(p) for p in line],
            y=[scale * getattr(p, metric) for p in line],
            name=_plain(name),
            mode="lines+markers",
            line={"color": look.color, "width": 2, "dash": dash},
            marker={"symbol": _SYMBOLS[look.marker], "size": 9},
            customdata=[[p.steps, 1000 * p.seconds / p.samples, _warmth(p) + _quoted(p)] for p in line],
            hovertemplate=f"<b>%{{fullData.name}}</b>, steps: %{{customdata[0]}}<br>{look_of.label}: %{{y:.4g}}<br>"
            "%{customdata[1]:.3g} ms per text%{customdata[2]}<extra></extra>",
        )
    for point in {p.model: p for p in points if not p.steps and getattr(p, metric) is not None}.values():
        _across(figure, scale * getattr(point, metric), _plain(point.model), theme)
    figure.update_yaxes(title_text=look_of.label, type="log" if look_of.logarithmic else "linear")
    if look_of.percent:
        figure.update_yaxes(range=[-2, 104])
    return figure


def _plain(text: str) -> str:
    """Return a text that plotly shows as it is written: it reads a little markup, and of quotation marks no other form."""
    return html.escape(text, quote=False)


def _warmth(point: Point) -> str:
    return "" if point.temperature is None else f"<br>temperature {point.temperature:g}"


def _quoted(point: Point) -> str:
    """Return the first text that the sweep kept, for the mark's label; broken into lines, and never read as markup."""
    if not point.texts:
        return ""
    import textwrap

    return "<br><i>" + "<br>".join(map(_plain, textwrap.wrap(point.texts[0], 60)[:4])) + "</i>"


def _across(figure: Figure, value: float, name: str, theme: Theme) -> None:
    """Draw a dashed line over the whole width, with a name in the legend."""
    spans = [x for trace in figure.data for x in trace.x]
    line = {"color": THEMES[theme]["ink"], "width": 1.2, "dash": "dash"}
    figure.add_scatter(x=[min(spans), max(spans)], y=[value, value], name=name, mode="lines", line=line)


def _figure(title: str, theme: Theme) -> Figure:
    from plotly.graph_objects import Figure

    colors = THEMES[theme]
    axis = {
        "title": {"standoff": 6},
        "gridcolor": colors["line"],
        "linecolor": colors["ink"],
        "showline": True,
        "zeroline": False,
    }
    return Figure(
        layout={
            "template": "none",
            "title": {"text": title, "x": 0.02, "xanchor": "left"},
            "paper_bgcolor": colors["ground"],
            "plot_bgcolor": colors["ground"],
            "font": {"color": colors["ink"], "family": "system-ui, sans-serif", "size": 13},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"orientation": "h", "y": -0.17, "yanchor": "top"},
            "hoverlabel": {"bgcolor": colors["card"], "font": {"color": colors["ink"]}},
            "margin": {"l": 64, "r": 20, "t": 56, "b": 110},
            "showlegend": True,
        }
    )

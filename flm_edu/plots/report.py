"""A self-contained report.html: pictures, table and samples of a run, with no request to anywhere."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flm_edu.evaluation.tables import Point
from flm_edu.files import write_aside
from flm_edu.plots.curves import loss_curves, quality_against_steps
from flm_edu.plots.style import Theme
from flm_edu.plots.table import table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --ground: #ffffff; --card: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --ground: #0d1117; --card: #151b23; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground);
       max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.lead, figcaption, footer { color: var(--soft); } figure { margin: 1rem 0; } img { width: 100%; height: auto; }
figcaption { font-size: .9rem; } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
ul.samples { list-style: none; padding: 0; } ul.samples li { background: var(--card); border-radius: 6px;
  padding: .4rem .7rem; margin: .35rem 0; } li.wrong { border-left: 4px solid #D55E00; }
footer { font-size: .8rem; margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .6rem; }
"""


def write_report(
    path: Path,
    title: str,
    lead: str,
    points: Sequence[Point],
    runs: Mapping[str, tuple[str, Sequence[Mapping[str, float]]]],
    samples: Mapping[str, Sequence[tuple[str, bool]]],
    provenance: Mapping[str, Any],
    floor: float | None = None,
) -> None:
    """Write the page.

    Args:
        path: the file to write.
        title: of the page.
        lead: what was done, in a sentence or two.
        points: a sweep.
        runs: name -> (kind, metrics records) of the trainings.
        samples: heading -> texts, each with whether it is to be marked as wrong.
        provenance: shown at the foot.
        floor: the exact floor of the flow's loss in nats per token, where it is known.
    """
    listed = any(point.total_variation is not None for point in points)  # of a larger language nobody can tell it
    spread = "total_variation" if listed else "entropy"
    metrics = ["validity" if points[0].validity is not None else "known_pairs", spread]
    captions = {
        "validity": "Each line is a model; the further left it is high, the fewer network evaluations it needs. "
        f"One and the same text again and again is valid too: the {spread.replace('_', ' ')} below tells who does that.",
        "total_variation": "Lower is better. The dashed line is a sample of the language itself, which only chance separates from it.",
        "known_pairs": "A rough measure of local sense, without a judge; the dashed line is held-out text.",
        "entropy": "A guard: text that repeats itself scores well elsewhere and falls below the dashed line here.",
    }
    figures = [_figure(partial(quality_against_steps, points, m), captions[m]) for m in metrics]
    if runs:
        caption = "The flow's cross-entropy cannot reach zero: noise hides the words. The flow map's loss is a divergence and can."
        figures.append(_figure(partial(loss_curves, runs, floor), caption))
    rows = table(points)
    head = "".join(f"<th scope=col>{html.escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows[1:])
    texts = "".join(
        f"<h2>{html.escape(heading)}</h2><ul class=samples>" + "".join(_sample(*line) for line in lines) + "</ul>"
        for heading, lines in samples.items()
    )
    foot = " · ".join(f"{html.escape(str(k))}: {html.escape(str(v))}" for k, v in provenance.items())
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p class=lead>{html.escape(lead)}</p>{figures[0]}{texts}"
        f"<h2>All measurements</h2><div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"{''.join(figures[1:])}<footer>{foot}</footer></html>\n"
    )
    with write_aside(path.parent, path.name) as (aside,):
        aside.write_text(page, encoding="utf-8")


def _sample(text: str, wrong: bool) -> str:
    if wrong:
        return f"<li class=wrong>{html.escape(text)} <small>(not a text of the language)</small></li>"
    return f"<li>{html.escape(text)}</li>"


def _figure(draw: Callable[[Theme], Figure], caption: str) -> str:
    """Return a picture in both themes; the browser shows the one its reader prefers."""
    light, dark = (_svg_uri(draw(theme)) for theme in ("light", "dark"))
    alt = html.escape(caption, quote=True)
    return (
        f'<figure><picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" alt="{alt}"></picture><figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def _svg_uri(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()

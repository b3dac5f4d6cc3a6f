"""Figures for the screen show what those for print show, and load plotly only when they are drawn."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flm_edu.evaluation import Point, load_sweep
from flm_edu.files import data_dir
from flm_edu.plots import curves, screen
from flm_edu.plots.style import THEMES, family

POINTS = load_sweep(data_dir() / "sweeps" / "tales-trained.json")


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (curves.quality_against_steps, screen.quality_against_steps),
        (curves.quality_against_seconds, screen.quality_against_seconds),
    ],
)
@pytest.mark.parametrize("metric", ["validity", "total_variation"])
def test_the_screens_lines_are_those_of_the_print(
    printed: Callable[..., Any], shown: Callable[..., Any], metric: str
) -> None:
    axes = printed(POINTS, metric, "dark").axes[0]
    figure = shown(POINTS, metric, "dark")
    assert len(axes.lines) == len(figure.data) == len({point.model for point in POINTS})
    for line, trace in zip(axes.lines[:-1], figure.data[:-1], strict=True):
        assert list(trace.x) == pytest.approx(list(line.get_xdata()))
        assert list(trace.y) == pytest.approx(list(line.get_ydata()))
        assert (trace.name, trace.line.color) == (line.get_label(), line.get_color())
    assert figure.data[-1].y[0] == axes.lines[-1].get_ydata()[0], "the data itself"
    assert figure.layout.title.text == axes.get_title(loc="left")
    assert figure.layout.yaxis.title.text == axes.get_ylabel()
    assert figure.layout.paper_bgcolor == THEMES["dark"]["ground"]


def test_members_of_a_family_share_a_colour_and_differ_in_their_lines() -> None:
    points = [Point(name, "masked", 1, 9, 0.1, validity=0.5) for name in ("masked", "masked@confidence")]
    one, other = screen.quality_against_steps(points).data
    assert one.line.color == other.line.color == family("masked").color
    assert one.line.dash != other.line.dash


def test_unknown_metrics_are_refused() -> None:
    for metric in ("beauty", "judge_perplexity"):
        with pytest.raises(ValueError, match="is not in these points; choose one of validity"):
            screen.quality_against_steps(POINTS, metric)


def test_plotly_waits_until_it_is_needed() -> None:
    code = "import sys, flm_edu.plots.screen as s; assert 'plotly' not in sys.modules; s._figure('', 'light'); assert 'plotly' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_page_is_whole(tmp_path: Path) -> None:
    page = screen.write_page(screen.quality_against_steps(POINTS), tmp_path / "p.html").read_text(encoding="utf-8")
    assert "<script src=" not in page, "plotly itself is in the page"
    assert page.startswith("<!doctype html>")

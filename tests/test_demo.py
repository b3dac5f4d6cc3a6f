"""The main job, as `make demo` runs it, reaches the figures that the README gives."""

import subprocess
import sys
from pathlib import Path

import pytest

from flm_edu.evaluation import Point, load_sweep


@pytest.mark.alone
@pytest.mark.slow
def test_the_demo_reaches_its_figures(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "flm_edu.cli", "demo", "--out", str(tmp_path)], check=True)
    points = {(point.model, point.steps): point for point in load_sweep(tmp_path / "sweep.json")}

    def valid(point: Point) -> float:
        assert point.validity is not None
        return point.validity

    for cell, least in ((("FLM", 64), 0.99), (("FMLM", 1), 0.95), (("FMLM", 8), 0.99)):
        chance = 2 * (least * (1 - least) / points[cell].samples) ** 0.5  # two standard errors
        assert valid(points[cell]) >= least - chance, cell
    assert valid(points["perfect masked diffusion", 8]) < valid(points["FMLM", 1])
    assert valid(points["perfect masked, even", 4]) < valid(points["FMLM", 1])
    assert valid(points["perfect masked, even", 16]) == 1  # one position at a time
    assert valid(points["perfect flow map", 1]) == 1
    for point in (points["FLM", 64], points["FMLM", 1], points["FMLM", 8]):
        assert point.total_variation is not None
        assert point.total_variation_exact is not None
        assert point.total_variation <= point.total_variation_exact + 0.05
    assert (tmp_path / "report.html").stat().st_size > 100_000

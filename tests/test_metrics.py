"""Measures of samples, the table they go into, and the page that shows it."""

import csv
import importlib
import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from flm_edu.evaluation import Point, load_sweep, save_sweep, shipped_sweeps, sweep
from flm_edu.evaluation.metrics import distinct_n, known_ngrams, token_entropy, word_ngrams
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.language import Language
from flm_edu.plots.curves import METRICS, loss_curves, quality_against_seconds, quality_against_steps
from flm_edu.plots.report import write_report
from flm_edu.plots.style import FAMILIES
from flm_edu.plots.table import format_table


def test_entropy_of_a_sample() -> None:
    assert token_entropy(torch.tensor([[1, 1, 1, 1]])) == 0
    assert token_entropy(torch.tensor([[0, 1, 2, 3], [5, 5, 6, 6]])) == pytest.approx((math.log(4) + math.log(2)) / 2)


def test_distinct_ngrams() -> None:
    tokens = torch.tensor([[0, 1, 0], [0, 1, 0]])
    assert distinct_n(tokens, 1) == pytest.approx(2 / 6)
    assert distinct_n(tokens, 2) == pytest.approx(2 / 4)
    with pytest.raises(ValueError, match="distinct-4"):
        distinct_n(tokens, 4)


def test_known_words_and_pairs() -> None:
    known = [word_ngrams(["the old cat", "the dog"], n) for n in (1, 2)]
    assert known_ngrams(["The cat", "old frog"], known[0], 1) == pytest.approx(3 / 4)
    assert known_ngrams(["old cat", "the cat"], known[1], 2) == pytest.approx(1 / 2)
    assert known_ngrams([""], known[0], 1) == 0


@pytest.fixture
def points(language: Language, flow: FlowLM, flow_map: FlowMapLM) -> list[Point]:
    return sweep({"FLM": flow, "FMLM": flow_map}, language, [1, 4], samples=50)


def test_sweep_has_a_row_for_each_cell_and_the_data_first(
    points: list[Point], language: Language, flow: FlowLM
) -> None:
    assert [(p.model, p.steps) for p in points] == [("toy", 0), ("FLM", 1), ("FLM", 4), ("FMLM", 1), ("FMLM", 4)]
    data, cell = points[0], points[2]
    assert data.validity == 1
    assert data.nll == pytest.approx(language.entropy / language.length, abs=0.1)
    tokens = flow.sample(50, 4, generator=torch.Generator().manual_seed(0))
    assert cell.validity == pytest.approx(language.validity(tokens))
    assert cell.total_variation == pytest.approx(language.total_variation(tokens), abs=1e-4)
    assert cell.seconds > 0
    assert list(cell.texts) == language.decode(tokens[:3])


def test_more_samples_than_fit_are_drawn_in_parts(
    language: Language, flow: FlowLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("flm_edu.evaluation.sweep")  # the package's `sweep` is the function
    monkeypatch.setattr(module, "ENTRIES", {"cpu": 20 * language.length * language.vocab_size})
    _, cell = sweep({"FLM": flow}, language, [4], samples=50)
    assert (cell.samples, cell.evaluations) == (50, 4)
    generator = torch.Generator().manual_seed(0)
    tokens = torch.cat([flow.sample(part, 4, generator=generator) for part in (20, 20, 10)])
    assert cell.validity == pytest.approx(language.validity(tokens))


def test_sweep_refuses_no_steps_and_no_samples(language: Language, flow: FlowLM) -> None:
    for steps, samples in (([], 5), ([0], 5), ([1], 0)):
        with pytest.raises(ValueError, match="at least 1"):
            sweep({"FLM": flow}, language, steps, samples=samples)


def test_table_is_saved_with_its_provenance(points: list[Point], tmp_path: Path) -> None:
    save_sweep(points, tmp_path / "s.csv", {"command": "test"})
    assert load_sweep(tmp_path / "s.json") == points
    assert json.loads((tmp_path / "s.json").read_text())["provenance"] == {"command": "test"}
    rows = list(csv.DictReader((tmp_path / "s.csv").open()))
    assert [row["model"] for row in rows] == [p.model for p in points]
    assert "texts" not in rows[0], "the texts are in the .json only"
    before = json.loads((tmp_path / "s.json").read_text())["points"]
    (tmp_path / "old.json").write_text(json.dumps({"points": [{**row, "texts": []} for row in before]}))
    for row in before:
        del row["texts"]
    (tmp_path / "older.json").write_text(json.dumps({"points": before}))
    assert load_sweep(tmp_path / "older.json") == load_sweep(tmp_path / "old.json"), "sweeps without texts are read too"
    with pytest.raises(ValueError, match=r"s\.csv is not a sweep"):
        load_sweep(tmp_path / "s.csv")


def test_shipped_sweeps_are_read_together_each_model_from_one_file(
    points: list[Point], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "languages").mkdir()
    monkeypatch.setattr("flm_edu.evaluation.tables.data_dir", lambda: tmp_path)
    assert shipped_sweeps("toy") == []
    (tmp_path / "sweeps").mkdir()
    later = [replace(point, seconds=1e6) for point in points]
    other = Point("other", "masked", 1, 10, 1.0)
    save_sweep(points[:2], tmp_path / "sweeps" / "toy-families.csv", {})
    save_sweep([*later, other], tmp_path / "sweeps" / "toy-trained.csv", {})
    save_sweep([replace(other, model="of another data set")], tmp_path / "sweeps" / "toys-families.csv", {})
    assert shipped_sweeps("toy") == [*points[:2], *(p for p in later if p.model == "FMLM"), other]


def test_table_as_text_lines_up(points: list[Point]) -> None:
    lines = format_table(points).splitlines()
    assert len(lines) == 6
    assert len({len(line) for line in lines}) == 1
    assert "valid" in lines[0]
    assert "known words" not in lines[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_have_title_axes_and_legend(points: list[Point], theme: str) -> None:
    for metric in ("validity", "total_variation", "entropy"):
        axes = quality_against_steps(points, metric, theme).axes[0]  # type: ignore[arg-type]
        assert axes.get_title(loc="left") == METRICS[metric][1]
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        legend = axes.get_legend()
        assert legend
        assert {text.get_text() for text in legend.get_texts()} == {"FLM", "FMLM", "toy"}
    with pytest.raises(ValueError, match="'known_words' is not in these points"):
        quality_against_steps(points, "known_words")
    figure = loss_curves({"FLM": ("flow-lm", [{"step": 1.0, "loss": 2.0}, {"step": 2.0, "loss": 1.0}])})
    assert figure.axes[0].get_yscale() == "log"


def test_members_of_a_family_share_a_colour_and_differ_in_their_lines(points: list[Point]) -> None:
    family = [replace(p, model=name, kind="masked") for name in ("MDLM", "MDLM@confidence", "SDTT") for p in points]
    lines = [line for line in quality_against_steps(family).axes[0].lines if line.get_label() != "toy"]
    drawn = {str(line.get_label()): line for line in lines if line.get_marker() == "^"}
    assert set(drawn) == {"MDLM", "MDLM@confidence", "SDTT"}
    assert len({line.get_color() for line in drawn.values()}) == 1
    assert len({str(line.get_linestyle()) for line in drawn.values()}) == 3


def test_against_seconds_each_mark_stands_at_its_own_time(points: list[Point]) -> None:
    axes = quality_against_seconds(points, "validity").axes[0]
    line = next(line for line in axes.lines if line.get_label() == "FLM")
    mine = [point for point in points if point.model == "FLM"]
    assert list(line.get_xdata()) == pytest.approx([1000 * p.seconds / p.samples for p in mine])  # type: ignore[arg-type]
    assert list(line.get_ydata()) == pytest.approx([100 * p.validity for p in mine])  # type: ignore[arg-type, operator]
    assert {text.get_text() for text in axes.texts} == {str(p.steps) for p in points if p.steps}
    assert "milliseconds per text" in axes.get_xlabel()


def test_families_differ_in_colour_and_have_markers() -> None:
    assert len({look.color for look in FAMILIES.values()}) == len(FAMILIES)
    assert all(look.marker for look in FAMILIES.values())


class Outside(HTMLParser):
    """Collects whatever a page would ask the network for."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "srcset") and value and not value.startswith(("data:", "#")):
                self.requests.append(value)


def test_report_is_self_contained_and_escapes_texts(points: list[Point], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    runs = {"FLM": ("flow-lm", [{"step": 1.0, "loss": 2.0}, {"step": 2.0, "loss": 1.0}])}
    write_report(page, "A <title>", "lead", points, runs, {"Samples": [("<b>x</b>", True), ("y", False)]}, {"seed": 0})
    text = page.read_text()
    parser = Outside()
    parser.feed(text)
    assert parser.requests == []
    assert "A &lt;title&gt;" in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert text.count("<figure>") == 3
    assert "prefers-color-scheme: dark" in text
    unlisted = [replace(point, total_variation=None, total_variation_exact=None) for point in points]
    write_report(page, "A title", "lead", unlisted, runs, {}, {"seed": 0})
    assert "the entropy below" in page.read_text(), "of a language too large to list"

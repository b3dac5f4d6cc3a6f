"""Widgets without a browser: any value of any trait is taken or told off, and pages are self-contained."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

import flm_edu
from flm_edu.evaluation import Point, save_sweep
from flm_edu.files import data_dir
from flm_edu.flow import FlowLM
from flm_edu.grammar import load_listed
from flm_edu.language import Language
from flm_edu.objectives import flow_matching
from flm_edu.plots.records import FIGURES
from flm_edu.training import TrainConfig, Trainer
from flm_edu.training.records import read_metrics
from flm_edu.widgets import (
    AutomatonExplorer,
    FactorizationExplorer,
    FlowMapExplorer,
    MemorizationExplorer,
    ScheduleExplorer,
    SimplexExplorer,
    StepCountExplorer,
    TrainingMonitor,
    TrajectoryPlayer,
    three_words,
    tick_tock,
)
from flm_edu.widgets.base import Choice, Number, Switch, Widget, pack
from flm_edu.widgets.page import write_page
from tests.conftest import tiny_flow

MAKERS: dict[str, Callable[[], Widget]] = {
    "simplex": SimplexExplorer,
    "schedule": ScheduleExplorer,
    "step-count": StepCountExplorer,
    "factorization": FactorizationExplorer,
    "automaton": AutomatonExplorer,
    "automaton-two-tokens": lambda: AutomatonExplorer(tick_tock()),
    "memorization": MemorizationExplorer,
    "memorization-two-texts": lambda: MemorizationExplorer(tick_tock(), rows=[]),
    "flow-map": FlowMapExplorer,
    "training": TrainingMonitor,
    "trajectory": TrajectoryPlayer,
    "simplex-tick-tock": lambda: SimplexExplorer(tick_tock()),
    "simplex-four": lambda: SimplexExplorer(Language.from_sentences(["tea", "milk", "juice", "water"], [4, 3, 2, 1])),
    **{f"simplex-{stage}": partial(SimplexExplorer, stage=stage) for stage in ("noise", "flow", "jumps")},
    "step-count-two-data": lambda: StepCountExplorer(TWO_DATA),
}
#: two languages or corpora, of which one was judged
TWO_DATA: list[Point] = [
    Point("toy", "data", 0, 9, 0.1, validity=1.0),
    *(Point("FLM", "flow-lm", n, 9, 0.1 * n, validity=0.1 * n, texts=("a b",)) for n in (1, 4)),
    Point("book", "data", 0, 9, 0.1, known_pairs=0.9, judge_perplexity=50.0),
    *(Point("FLM", "flow-lm", n, 9, 0.1 * n, known_pairs=0.1, judge_perplexity=500.0 / n) for n in (1, 4)),
]
_made: dict[str, Widget] = {}


def made(name: str) -> Widget:
    """One widget of each kind for all examples: making some of them takes a second."""
    return _made.setdefault(name, MAKERS[name]()) if name not in _made else _made[name]


def adjustable(widget: Widget) -> dict[str, Any]:
    return {n: t for n, t in widget.traits(sync=True).items() if isinstance(t, Number | Choice | Switch)}


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_value_is_taken_or_told_off(name: str, data: st.DataObject) -> None:
    """No exception for anything; afterwards every trait holds a value that its control can show."""
    widget = made(name)
    controls = adjustable(widget)
    wanted = st.one_of(
        st.floats(), st.integers(), st.booleans(), st.text(max_size=9), st.none(), st.just(np.float32(0.5)),
        st.lists(st.integers(), max_size=2), st.binary(max_size=3), st.complex_numbers(), st.just(10**400), st.just(object()),
    )  # fmt: skip
    for control in data.draw(st.lists(st.sampled_from(sorted(controls)), min_size=1, max_size=6)):
        trait = controls[control]
        options = trait.options or getattr(widget, trait.options_of) if isinstance(trait, Choice) else ["x"]
        value = data.draw(st.one_of(wanted, st.sampled_from(list(options))))
        setattr(widget, control, value)
        now = getattr(widget, control)
        if isinstance(trait, Number):
            assert trait.low <= now <= trait.high
            assert now == int(now) or not trait.whole
        elif isinstance(trait, Choice):
            assert now in options
        else:
            assert isinstance(now, bool)
        if now != value:
            assert control in widget.message
    json.dumps(widget.state(), default=lambda value: value.hex(), allow_nan=False)


def test_a_text_is_no_number() -> None:
    widget = ScheduleExplorer()
    name = next(name for name, trait in adjustable(widget).items() if isinstance(trait, Number))
    before = getattr(widget, name)
    setattr(widget, name, "9")
    assert getattr(widget, name) == before
    assert name in widget.message


def test_a_complaint_goes_when_a_good_value_comes() -> None:
    widget = SimplexExplorer(steps=1000)
    assert widget.steps == 64
    assert widget.message == "steps is 1000; shown with 64 (1 to 64)"
    widget.schedule = "quadratic"
    assert widget.schedule == "decoding-error"
    assert "choose one of decoding-error, uniform" in widget.message
    widget.steps = 3
    assert "steps" not in widget.message
    widget.schedule = "uniform"
    assert widget.message == ""


def test_misspelt_options_and_unfit_languages_are_refused() -> None:
    with pytest.raises(TypeError, match="no option partcles"):
        SimplexExplorer(partcles=3)
    with pytest.raises(ValueError, match="29 words and 10 tokens"):
        SimplexExplorer(load_listed("sentences"))
    with pytest.raises(ValueError, match="shows three or four words"):
        SimplexExplorer(Language.from_sentences(["a b c"]))


def test_arrays_lie_aligned_in_one_piece() -> None:
    packed = pack({"a": np.arange(3), "b": np.ones((2, 2)), "empty": np.zeros(0)})
    assert packed["array_index"]["b"] == {"at": 16, "shape": [2, 2], "type": "float32"}
    assert np.frombuffer(packed["arrays"][16:32], "<f4").tolist() == [1, 1, 1, 1]
    assert np.frombuffer(packed["arrays"][:12], "<i4").tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", MAKERS)
def test_a_page_holds_all_it_needs(name: str, tmp_path: Path) -> None:
    path = made(name).to_html(tmp_path / "new" / "page.html")
    page = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|\bimport\s*\(|\bfetch\s*\(", page)
    assert len(page) < 600_000


def test_a_page_takes_whatever_can_be_drawn(tmp_path: Path) -> None:
    """No widget is needed: a page asks for a script, a style sheet and a state."""

    class Greeting:
        def script(self) -> str:
            return "const render = ({ model, el }) => el.append(model.get('text'));"

        def stylesheet(self) -> str:
            return "p { color: red }"

        def state(self) -> dict[str, Any]:
            return {"text": "</script> & more"}

    page = write_page(tmp_path / "page.html", "Hello", [Greeting(), Greeting()]).read_text(encoding="utf-8")
    assert page.count(Greeting().script()) == page.count("</script>") / 2 == 2
    assert page.count(Greeting().stylesheet()) == 1, "one style sheet for all that share it"


def test_text_cannot_break_out_of_a_page(tmp_path: Path) -> None:
    language = Language.from_sentences(["</script><b>", "&", "<!--"], name="x")
    page = SimplexExplorer(language).to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("</script>") == 2
    path = write_page(tmp_path / "two.html", "<title>", [SimplexExplorer(), SimplexExplorer()], lead="a < b")
    text = path.read_text(encoding="utf-8")
    assert "<title>&lt;title&gt;</title>" in text
    assert "a &lt; b" in text
    assert text.count('type="module"') == 2


def test_kernel_messages_do_not_raise() -> None:
    """What a front end sends goes through the same validation."""
    widget = SimplexExplorer()
    widget.set_state({"steps": 9999, "model": "nonsense", "time": -3})
    assert (widget.steps, widget.model, widget.time) == (64, "euler", 0)
    with pytest.raises(traitlets.TraitError):
        widget.language = "no dictionary"  # type: ignore[assignment]  # not a control: nobody reaches it by a slider


def test_a_stage_has_its_own_models() -> None:
    assert SimplexExplorer().stage == "all"
    assert SimplexExplorer(stage="noise").models == ["mixtures"]
    assert SimplexExplorer(stage="flow").models == ["flow", "euler", "trained"]
    assert SimplexExplorer(tick_tock(), stage="jumps").models == ["flow", "euler", "flow-map"]
    told = SimplexExplorer(stage="noise", model="euler", time=0.5)
    assert (told.model, told.time) == ("mixtures", 0.5)
    assert "model is 'euler'; choose one of mixtures" in told.message
    with pytest.raises(ValueError, match="`stage` is 'noises'; choose one of noise, flow, jumps, all"):
        SimplexExplorer(stage="noises")
    with pytest.raises(ValueError, match="'jumps' shows no trained model; leave `trained` out, or choose flow or all"):
        SimplexExplorer(three_words(), trained=flm_edu.load_model("drinks-flm"), stage="jumps")


@pytest.mark.parametrize(
    ("given", "shown"),
    [({"s": 8}, (8, 8, 10)), ({"t": 3}, (0, 3, 3)), ({"u": 2}, (0, 2, 10)), ({"s": 2, "u": 6, "t": 9}, (2, 6, 9))],
)
def test_times_set_in_python_stay_in_order(given: dict[str, Any], shown: tuple[int, int, int]) -> None:
    made, moved = FlowMapExplorer(three_words(), **given), FlowMapExplorer(three_words())
    moved.set_state(given)
    for widget in (made, moved):
        assert (widget.s, widget.u, widget.t) == shown


def test_the_player_needs_something_to_play() -> None:
    with pytest.raises(ValueError, match="at least one model"):
        TrajectoryPlayer({})
    with pytest.raises(ValueError, match="each 1 or more"):
        TrajectoryPlayer(evaluations=(0, 1))


def test_a_player_of_real_text_shows_every_token() -> None:
    """Pieces of words, and tokens that are only white space, have something to be seen."""
    player = TrajectoryPlayer({"sotu": flm_edu.load_model("sotu-fmlm")}, evaluations=(1,), samples=1)
    assert player.steps == "1"
    assert all(word.strip() for word in player.words)


def test_two_demos_of_one_language_are_two_lines(tmp_path: Path) -> None:
    paths = [tmp_path / name / "sweep.json" for name in ("monday", "tuesday")]
    for path in paths:
        save_sweep(TWO_DATA[:3], path, {})
    names = {point["model"] for point in StepCountExplorer(paths).points if point["steps"]}
    assert len(names) == 2
    assert {name.split("/")[-2] for name in names} == {"monday", "tuesday"}


def test_sweeps_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="flm-edu evaluate"):
        StepCountExplorer([])
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(ValueError, match=r"no\.json is not a sweep"):
        StepCountExplorer(tmp_path / "no.json")


def test_tables_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(ValueError, match="language of two tokens"):
        FactorizationExplorer(load_listed("sentences"))
    pairs = [f"a{i} b{i}" for i in range(9)]
    with pytest.raises(ValueError, match="more than 8 words"):
        FactorizationExplorer(Language.from_sentences(pairs))


def test_automata_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="'tales' has texts of 26 tokens, too many to draw; take one of at most 12"):
        AutomatonExplorer(load_listed("tales"))
    names = [f"a{i} b" for i in range(25)]
    with pytest.raises(ValueError, match="25 edges at one position, too many to draw; take one of at most 24"):
        AutomatonExplorer(Language.from_sentences(names))


def test_languages_too_large_for_two_optima_are_refused() -> None:
    with pytest.raises(
        ValueError, match="'tales' has 5376 texts of 26 tokens; take one of 2 to 200 texts of at most 12"
    ):
        MemorizationExplorer(load_listed("tales"))


def test_kept_trainings_become_means() -> None:
    """A mark for each model and number of texts, over its seeds."""
    rows = MemorizationExplorer().rows
    flow = {row["texts"]: row for row in rows if row["model"] == "flow"}
    assert flow[30]["kind"] == "flow-lm"
    assert flow[30]["trainings"] == 3
    assert flow[30]["seen"] > 0.5 > flow[300]["seen"]
    one = {"model": "flow", "language": "x", "training_texts": "5", "valid": "1", "new": "0", "seen": "0.5"}
    shown = MemorizationExplorer(rows=[one, {**one, "seen": "1"}, {**one, "training_texts": "all"}])
    assert [(row["texts"], row["seen"], row["trainings"]) for row in shown.rows] == [(5, 0.75, 2)]


def test_an_automaton_has_fewer_states_than_texts() -> None:
    shown = AutomatonExplorer()
    assert (shown.language["texts"], shown.language["states"], shown.language["edges"]) == (48, 27, 42)
    assert len(set(shown.texts)) == len(shown.texts) > 3
    assert AutomatonExplorer(load_listed("sentences")).language["texts"] == 480, "a table is made a graph"


def test_a_monitor_follows_a_trainer_and_reads_its_file(tmp_path: Path, language: Language, flow: FlowLM) -> None:
    monitor = TrainingMonitor([], language=language, steps=6, sampler=lambda: ["a b c"])
    config = TrainConfig(steps=6, batch=8, warmup=2, log_every=2)
    Trainer(flow, language, flow_matching, config, directory=tmp_path / "run", on_log=monitor.on_log).run()
    assert [record["step"] for record in monitor.records] == [2, 4, 6]
    assert [texts["step"] for texts in monitor.texts] == [2, 4, 6]
    assert "gradient_norm" in monitor.all_series
    assert monitor.floor is not None
    assert 0 < monitor.floor < monitor.records[0]["loss"]
    after = TrainingMonitor(tmp_path / "run")
    assert after.floor is None
    assert [record["loss"] for record in after.records] == pytest.approx([r["loss"] for r in monitor.records], rel=1e-4)
    json.dumps(TrainingMonitor([{"step": 1.0, "loss": float("nan")}]).state()["records"], allow_nan=False)


def test_every_logged_figure_has_a_name_for_readers() -> None:
    """Whatever a shipped run logged is in the table; a figure that the table lacks goes by its own name."""
    runs = [read_metrics(path) for path in (data_dir() / "checkpoints").glob("*/metrics.jsonl")]
    logged = {name for records in runs for record in records for name in record}
    assert {"loss", "semigroup_kl", "divergence", "bound"} <= logged <= FIGURES.keys()
    odd = TrainingMonitor([{"step": 1.0, "my_own_part": 2.0}], series="my_own_part")
    assert odd.figures["my_own_part"]["label"] == "my_own_part"
    odd.on_log({"step": 2.0, "another": 1.0})
    assert odd.figures.keys() >= set(odd.all_series) >= {"my_own_part", "another"}


def test_by_default_the_triangles_show_the_shipped_models(tmp_path: Path) -> None:
    assert "trained" in SimplexExplorer().models
    assert "trained" in FlowMapExplorer().maps
    assert "trained" not in SimplexExplorer(tick_tock()).models
    assert "trained" not in FlowMapExplorer(three_words()).maps


def test_a_model_without_a_tokenizer_is_named_before_it_samples() -> None:
    flow = tiny_flow(three_words())
    flow.tokenizer = None
    with pytest.raises(ValueError, match=r"`models`: 'mute' has no tokenizer"):
        TrajectoryPlayer({"mute": flow})

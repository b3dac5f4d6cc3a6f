"""Every widget in JupyterLab, in one notebook: created, operated by mouse and by keyboard, heard by the kernel."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flm_edu import widgets
from tests.browser.conftest import Watch, until
from tests.browser.lab import NOTEBOOK, go_to, jupyterlab, open_notebook, run_all, run_cell

pytestmark = pytest.mark.slow

WIDGETS = {
    "simplex": "w.SimplexExplorer()",
    "two": "w.SimplexExplorer(w.tick_tock())",
    "schedule": "w.ScheduleExplorer()",
    "factorization": "w.FactorizationExplorer()",
    "automaton": "w.AutomatonExplorer()",
    "memorization": "w.MemorizationExplorer()",
    "flow_map": "w.FlowMapExplorer()",
    "step_count": "w.StepCountExplorer()",
    "player": "w.TrajectoryPlayer()",
    "monitor": "w.TrainingMonitor()",
}
CELLS = [
    "import json\nimport flm_edu.widgets as w",
    *(f"{name} = {source}; {name}" for name, source in WIDGETS.items()),
    "simplex.steps = 3; monitor.on_log({'step': 5000.0, 'loss': 0.3, 'seconds': 9.0})",
    "def heard(name):\n    state = globals()[name].state()\n"
    "    return {key: value for key, value in state.items() if isinstance(value, (bool, int, float, str))}\n"
    f"print(json.dumps({{name: heard(name) for name in {list(WIDGETS)}}}))",
]


class Hand:
    """A reader's hand on one widget: what it does must change both the state and the picture."""

    def __init__(self, page: Any, widget: Any, traits: list[str]):
        self.page, self.widget, self.traits = page, widget, traits

    def state(self) -> dict[str, Any]:
        """The browser's traits that are plain values."""
        return self.widget.evaluate(
            """(root, names) => Object.fromEntries(names.map(name => [name, root.parentElement.flm.model.get(name)])
               .filter(([, value]) => ['boolean', 'number', 'string'].includes(typeof value)))""",
            self.traits,
        )

    def picture(self) -> bytes:
        """The widget's drawing, once it stands still: its canvas, or its tables where it has none."""
        self.page.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))"
        )
        canvas = self.widget.locator("canvas")
        return bytes((canvas if canvas.count() else self.widget.locator(".flm-scroll")).first.screenshot())

    def does(self, act: Callable[[], object], **expected: Any) -> None:
        """Act; then these traits have these values (or satisfy these conditions), and the picture is another one."""
        before = self.picture()
        act()
        now = self.state()
        for name, wanted in expected.items():
            assert wanted(now[name]) if callable(wanted) else now[name] == wanted, (name, now[name])
        assert self.picture() != before, f"the picture stays the same though {', '.join(expected)} changed"

    def control(self, label: str) -> Any:
        return self.widget.get_by_label(label, exact=True)

    def press(self, label: str, key: str) -> Callable[[], None]:
        return lambda: self.control(label).press(key)

    def point_at(self, label: str, share: float) -> Callable[[], None]:
        """Click a slider at a share of its width."""

        def click() -> None:
            box = self.control(label).bounding_box()
            self.control(label).click(position={"x": share * box["width"], "y": box["height"] / 2})

        return click

    def click_canvas(self, place: str) -> Callable[[], None]:
        """Click the canvas at [x, y], which a script of the widget's `flm` says."""

        def click() -> None:
            x, y = self.widget.evaluate(f"root => (flm => {place})(root.parentElement.flm)")
            self.widget.locator("canvas").first.click(position={"x": x, "y": y})

        return click

    def press_canvas(self, key: str) -> Callable[[], None]:
        return lambda: self.widget.locator("canvas").first.press(key)


def _simplex(hand: Hand) -> None:
    hand.does(hand.click_canvas("[330, 200]"), watched=lambda n: n >= 0)
    hand.does(hand.press("time", "Home"), time=0)
    hand.does(hand.press("time", "End"), time=1)
    hand.does(hand.press("trails", "Space"), trails=True)


def _simplex_two(hand: Hand) -> None:
    hand.does(lambda: hand.control("trails").click(), trails=True)
    hand.does(hand.press("steps", "ArrowRight"), steps=3)
    hand.does(lambda: hand.control("model").select_option("flow-map"), model="flow-map")


def _schedule(hand: Hand) -> None:
    hand.does(hand.point_at("τ", 0.9), tau=lambda tau: 0.85 < tau < 0.95)
    hand.does(hand.press("vocabulary size V", "Home"), vocab_size=2)


def _factorization(hand: Hand) -> None:
    hand.does(lambda: hand.widget.get_by_role("button", name="show").click(), revealed=True)
    hand.does(hand.press("steps", "ArrowRight"), steps=2, revealed=True)


def _automaton(hand: Hand) -> None:
    hand.does(hand.click_canvas("[(flm.placed().x[1] + flm.placed().x[2]) / 2, 20]"), position=2)
    hand.does(hand.press_canvas("ArrowRight"), position=3)
    hand.does(lambda: hand.control("an edge shows").select_option("forward"), shows="forward")
    hand.does(hand.press("τ", "End"), tau=1)


def _memorization(hand: Hand) -> None:
    hand.does(hand.press("training texts", "ArrowRight"), training_texts=7)
    hand.does(lambda: hand.control("noisy text").select_option("training"), text="training")
    hand.does(hand.press("τ", "End"), tau=1)


def _flow_map(hand: Hand) -> None:
    cell = "[flm.heat().left + 2.5 * flm.heat().cell, flm.heat().top + 3.5 * flm.heat().cell]"
    hand.does(hand.click_canvas(cell), s=2, t=7)
    hand.does(hand.press("u", "ArrowRight"), u=6)
    hand.does(hand.press("u", "End"), u=10, t=10)


def _step_count(hand: Hand) -> None:
    hand.does(hand.click_canvas("flm.drawn()[2].slice(1)"), selected=lambda i: i >= 0)
    first = hand.state()["selected"]
    hand.does(hand.press_canvas("ArrowDown"), selected=lambda i: i not in (-1, first))
    hand.does(lambda: hand.control("against").select_option("seconds"), axis="seconds")


def _player(hand: Hand) -> None:
    hand.does(hand.point_at("time", 0.3), time=lambda time: 0.2 < time < 0.4)
    hand.does(hand.press("time", "End"), time=1)
    hand.does(hand.press("text", "ArrowRight"), sample=1)
    hand.does(lambda: hand.widget.locator("td").nth(1).hover())
    assert "step 1, position 2: " in hand.widget.locator(".flm-five").inner_text()
    hand.does(lambda: hand.widget.locator("table").first.press("ArrowDown"))
    assert "step 2, position 2: " in hand.widget.locator(".flm-five").inner_text()


def _monitor(hand: Hand) -> None:
    hand.does(hand.click_canvas("flm.drawn()[3].slice(1)"), at=3)
    hand.does(hand.press_canvas("ArrowLeft"), at=2)


ACTS: dict[str, Callable[[Hand], None]] = {
    "simplex": _simplex,
    "two": _simplex_two,
    "schedule": _schedule,
    "factorization": _factorization,
    "automaton": _automaton,
    "memorization": _memorization,
    "flow_map": _flow_map,
    "step_count": _step_count,
    "player": _player,
    "monitor": _monitor,
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with jupyterlab(tmp_path_factory.mktemp("lab"), CELLS) as address:
        yield address


def test_every_widget_is_operated_in_a_notebook(browser: Any, lab: str) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 1400})
    page.set_default_timeout(30_000)
    page.set_default_navigation_timeout(180_000)  # a first load of JupyterLab on a busy machine
    watch = Watch(page, lab)
    open_notebook(page, lab)
    run_all(page)
    active = f"{NOTEBOOK}.activeCellIndex"

    seen: dict[str, dict[str, Any]] = {}
    for index, name in enumerate(WIDGETS, start=1):
        widget = go_to(page, index)
        assert widget.get_attribute("data-theme") == "light"
        # What the kernel has set since the widget was shown is in the browser.
        readout = widget.locator(".flm-readout").inner_text()
        assert "Euler, 3 steps: " in readout or name != "simplex"
        assert "Step 5,000;" in readout or name != "monitor"
        hand = Hand(page, widget, getattr(widgets, WIDGETS[name][2:].split("(")[0]).state_names())
        ACTS[name](hand)
        seen[name] = hand.state()
        assert page.evaluate(active) in (index, len(CELLS) - 1), "keys pressed in a widget must not reach the notebook"
        # What the browser has set is in the kernel.
    heard = json.loads(run_cell(page, len(CELLS) - 1))
    assert heard.keys() == seen.keys()
    for name, state in heard.items():
        assert state == {key: seen[name][key] for key in state}, name
        assert state["message"] == ""

    light = go_to(page, 1).locator("canvas").screenshot()
    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    until(page, "document.querySelector('.jp-Cell .flm').dataset.theme === 'dark'")
    page.wait_for_timeout(100)
    assert go_to(page, 1).locator("canvas").screenshot() != light
    page.close()
    assert watch.problems == []

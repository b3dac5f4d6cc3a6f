"""Markup and script in names and texts, wherever a page shows them: none runs, none becomes an element."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from flm_edu.evaluation import Point, save_sweep
from flm_edu.grammar import load_listed
from flm_edu.language import Language
from flm_edu.model_files import TOKENIZER
from flm_edu.oracle import PerfectMasked
from flm_edu.plots import curves, screen
from flm_edu.plots.report import write_report
from flm_edu.vocabulary import word_tokenizer
from flm_edu.widgets import (
    AutomatonExplorer,
    FactorizationExplorer,
    FlowMapExplorer,
    MemorizationExplorer,
    SimplexExplorer,
    StepCountExplorer,
    TrainingMonitor,
    TrajectoryPlayer,
)
from flm_edu.widgets.base import Widget
from flm_edu.widgets.gallery import write_gallery
from flm_edu.widgets.page import write_page
from tests.conftest import tiny_flow

RUN = "(window.__ran??=[]).push(%d)"  # no quote and no space, so that it fits everywhere
KINDS = {
    "script": f"<script>{RUN}</script>",
    "image": f"<img/src/onerror={RUN}>",
    "end of a script": f"</script><script>{RUN}</script>",
    "link": f"<a/href=javascript:{RUN}>tea</a>",
    "double quote": f'"onmouseover="{RUN}"x="',
    "single quote": f"'onmouseover='{RUN}'x='",
    "vector image": f"<svg/onload={RUN}>",
    "end of a style": f"</style></title></textarea><img/src/onerror={RUN}>",
    "end of a comment": f"--><img/src/onerror={RUN}>",
    "string of a script": f'";{RUN};//',
    "line separator": f"\u2028{RUN}//",
    "frame": f'<iframe/srcdoc="<script>parent.eval(`{RUN}`)</script>">',
}
PAYLOADS = [payload.replace("%d", str(number)) for number, payload in enumerate(KINDS.values())]
FILE_NAMES = ["<img src=x onerror=(window.__ran??=[]).push(1)>", "'onmouseover='(window.__ran??=[]).push(5)'x='"]
WORDS = [payload.strip() for payload in PAYLOADS]  # the line separator is white space to a language

#: Focus everything, point at everything and follow the links that are scripts, as a reader may.
TOUCH = """() => {
  for (const one of document.querySelectorAll("body *")) {
    one.focus?.();
    for (const event of ["mouseover", "mouseenter", "focus", "toggle"]) one.dispatchEvent(new Event(event));
    if (one.getAttribute("href")?.startsWith("javascript:")) one.click();
  }
}"""
RAN = "[...new Set(window.__ran ?? [])].sort((a, b) => a - b)"
MADE = """[...document.querySelectorAll("*")].filter(one =>
  [...one.attributes].some(({ name, value }) =>
    value.includes("__ran") && (name.startsWith("on") || /^(javascript|data:text)/i.test(value) || name === "srcdoc")
  ) || (one.tagName === "SCRIPT" && one.type !== "application/json" && /^\\W*\\(window.__ran/.test(one.textContent))
).map(one => one.outerHTML)"""
TEXT = """(() => {
  const copy = document.body.cloneNode(true);
  for (const one of copy.querySelectorAll("script, style")) one.remove();
  return copy.textContent;
})()"""


def points(names: list[str], texts: list[str]) -> list[Point]:
    data = Point(names[0], "data", 0, 9, 0.1, validity=1.0, total_variation=0.1, entropy=1.0)
    return [data] + [
        Point(name, names[-1], n, 9, 0.1 * n, validity=0.5, total_variation=0.2, entropy=1.0, texts=tuple(texts))
        for name in names
        for n in (1, 4)
    ]


def report(part: str) -> Callable[[Path], Path]:
    """A report.html with the payloads in one of its parts."""

    def make(folder: Path) -> Path:
        plain: dict[str, Any] = {
            "title": "t", "lead": "l", "points": points(["a", "b"], ["c"]), "samples": {"h": [("text", True)]},
            "runs": {"r": ("flow-lm", [{"step": 1.0, "loss": 1.0}, {"step": 2.0, "loss": 0.5}])}, "provenance": {"k": "v"},
        }  # fmt: skip
        hostile: dict[str, Any] = {
            "title": " ".join(PAYLOADS),
            "lead": " ".join(PAYLOADS),
            "points": points(PAYLOADS, PAYLOADS),
            "samples": {payload: [(payload, True), (payload, False)] for payload in PAYLOADS},
            "runs": {payload: ("flow-lm", [{"step": 1.0, "loss": 1.0, payload: 1.0}]) for payload in PAYLOADS},
            "provenance": {payload: payload for payload in PAYLOADS},
        }
        write_report(folder / "report.html", **{**plain, part: hostile[part]})
        return folder / "report.html"

    return make


def plot_page(names: list[str], texts: list[str]) -> Callable[[Path], Path]:
    return lambda folder: screen.write_page(screen.quality_against_steps(points(names, texts)), folder / "plot.html")


def picture(folder: Path) -> Path:
    """An SVG file of its own, which a browser opens as a document."""
    curves.quality_against_steps(points(PAYLOADS, PAYLOADS)).savefig(folder / "plot.svg")
    return folder / "plot.svg"


def file_names(folder: Path) -> Path:
    """Tables whose files are named by someone else, of models that several hold."""
    files = [save_sweep(points(["FLM"], ["x"]), folder / name, {})[1] for name in FILE_NAMES]
    return write_gallery(folder / "gallery.html", files)


def grammar(folder: Path) -> Language:
    """A language of two words that must agree, out of a file, of the first payloads."""
    lines = ["[a]", *(f"{word} k={i}" for i, word in enumerate(WORDS[:8])), "[b]", "tea", "[text]", "{a} {b}"]
    (folder / "hostile.grammar").write_text("\n".join(lines), encoding="utf-8")
    return load_listed(folder / "hostile.grammar")


def widget(make: Callable[[Path], Widget], **state: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        made = make(folder)
        for name, value in state.items():
            setattr(made, name, value)
        return made.to_html(folder / "widget.html")

    return write


def player(folder: Path) -> Widget:
    language = Language.from_sentences([f"{word} tea" for word in WORDS])
    return TrajectoryPlayer(
        {payload: PerfectMasked(language) for payload in PAYLOADS}, samples=len(WORDS), evaluations=[1]
    )


def player_of_a_tokenizer(folder: Path) -> Widget:
    """A model whose tokenizer.json was exchanged for one of other pieces."""
    flow = tiny_flow(Language.from_sentences([f"w{i}" for i in range(len(WORDS))]))
    flow.save_pretrained(folder / "model")
    (folder / "model" / TOKENIZER).write_text(word_tokenizer(WORDS).to_str(), encoding="utf-8")
    (folder / "model" / "provenance.json").unlink()
    return TrajectoryPlayer({"m": type(flow).from_pretrained(folder / "model")}, samples=20, evaluations=[2])


def monitor(folder: Path) -> Widget:
    made = TrainingMonitor([{"step": 1.0, "loss": 1.0}], sampler=lambda: PAYLOADS)
    made.on_log({"step": 2.0, "loss": 0.5, **dict.fromkeys(PAYLOADS, 0.1)})
    return made


def complaint(folder: Path) -> Widget:
    """What is wrong with a value is shown, and the value with it."""
    made = StepCountExplorer(points(["a"], ["b"]))
    made.message = " ".join(PAYLOADS)
    return made


def notebook(folder: Path) -> Path:
    """A saved notebook whose outputs print, draw and show them, as nbconvert makes a page of it."""
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    cells = [
        f"import json\nfrom tests.browser.test_injection import *\nPAYLOADS = json.loads({json.dumps(PAYLOADS)!r})",
        "print(*PAYLOADS, sep='\\n')",
        "player(None)",
        "points(PAYLOADS, PAYLOADS)",
        "curves.quality_against_steps(points(PAYLOADS, PAYLOADS))",
        "from flm_edu.course import predict\n"
        "_ = predict('x', PAYLOADS[0], {payload: (0, 1) for payload in PAYLOADS[:7]}, guess=PAYLOADS[1])",
        "import flm_edu\nflm_edu.load_model(PAYLOADS[0])",
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    root = Path(__file__).parents[2]
    NotebookClient(made, timeout=120, allow_errors=True, resources={"metadata": {"path": str(root)}}).execute()
    for cell in made.cells:
        cell.source = ""  # the outputs are looked at
    nbformat.write(made, folder / "saved.ipynb")
    page, _ = HTMLExporter().from_notebook_node(nbformat.read(folder / "saved.ipynb", as_version=4))
    (folder / "notebook.html").write_text(page, encoding="utf-8")
    return folder / "notebook.html"


Page = tuple[Callable[[Path], Path], list[str], list[str]]  # how it is made, what is in it, what it shows as text
PAGES: dict[str, Page] = {
    "a report's title": (report("title"), PAYLOADS, PAYLOADS),
    "a report's lead": (report("lead"), PAYLOADS, PAYLOADS),
    "models in a report": (report("points"), PAYLOADS, PAYLOADS),
    "samples in a report": (report("samples"), PAYLOADS, PAYLOADS),
    "runs in a report": (report("runs"), PAYLOADS, []),
    "a report's provenance": (report("provenance"), PAYLOADS, PAYLOADS),
    "models in a plot": (plot_page(PAYLOADS, ["c"]), PAYLOADS, PAYLOADS),
    "texts in a plot": (plot_page(["a"], PAYLOADS[:1]), PAYLOADS[:1], []),
    "an SVG file": (picture, PAYLOADS, []),
    "names of files": (file_names, FILE_NAMES, []),
    "models in StepCountExplorer": (widget(lambda _: StepCountExplorer(points(PAYLOADS, ["c"]))), PAYLOADS, PAYLOADS[1:]),
    "texts in StepCountExplorer": (
        widget(lambda _: StepCountExplorer(points(["a"], PAYLOADS)), selected=1), PAYLOADS, PAYLOADS[:1],
    ),
    "words in SimplexExplorer": (widget(lambda _: SimplexExplorer(Language.from_sentences(WORDS[:4]))), WORDS[:4], []),
    "other words in SimplexExplorer": (widget(lambda _: SimplexExplorer(Language.from_sentences(WORDS[4:7]))), WORDS[4:7], []),
    "words in FlowMapExplorer": (widget(lambda _: FlowMapExplorer(Language.from_sentences(WORDS[:3]))), WORDS[:3], []),
    "words of a grammar in FactorizationExplorer": (widget(lambda place: FactorizationExplorer(grammar(place))), WORDS[:8], []),
    "words and texts in AutomatonExplorer": (
        widget(lambda _: AutomatonExplorer(Language.from_sentences([f"tea {word}" for word in WORDS[:6]]))), WORDS[:6], WORDS[:6],
    ),
    "words and models in MemorizationExplorer": (
        widget(
            lambda _: MemorizationExplorer(
                Language.from_sentences([f"tea {word}" for word in WORDS[:6]]),
                rows=[
                    {"model": text, "language": text, "training_texts": "5", "valid": "1", "new": "0", "seen": "1"}
                    for text in PAYLOADS
                ],
            )
        ),
        [*WORDS[:6], *PAYLOADS],
        [],
    ),
    "models and words in TrajectoryPlayer": (widget(player), [*PAYLOADS, *WORDS], PAYLOADS),
    "a tokenizer's pieces in TrajectoryPlayer": (widget(player_of_a_tokenizer), WORDS, []),
    "figures and texts in TrainingMonitor": (widget(monitor), [*PAYLOADS, *PAYLOADS], PAYLOADS),
    "a complaint": (widget(complaint), PAYLOADS, PAYLOADS),
    "a page's lead": (lambda folder: write_page(folder / "x.html", " ".join(PAYLOADS), [], lead=" ".join(PAYLOADS)), PAYLOADS, PAYLOADS),
    "a saved notebook": (notebook, PAYLOADS, PAYLOADS),
}  # fmt: skip


class Look:
    """Opens pages and says what ran in them, what they made of a payload, and what they show."""

    def __init__(self, browser: Any):
        self.browser = browser
        self.dialogs: list[str] = []

    def dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def __call__(self, path: Path, touches: int = 2) -> tuple[list[int], list[str], str]:
        page = self.browser.new_page(viewport={"width": 800, "height": 1000})
        page.on("dialog", self.dialog)
        page.route("http*://**", lambda route: route.abort())
        page.goto(path.as_uri())
        page.wait_for_timeout(300)
        found: tuple[list[int], list[str], str] = ([], [], "")
        for _ in range(touches):
            page.evaluate(TOUCH)
            page.wait_for_timeout(150)
            text = page.evaluate(TEXT) if page.evaluate("!!document.body") else ""
            found = (page.evaluate(RAN), page.evaluate(MADE), text)
        page.close()
        return found


@pytest.mark.parametrize("number", range(len(PAYLOADS)), ids=list(KINDS))
def test_each_would_run_if_it_were_not_escaped(browser: Any, tmp_path: Path, number: int) -> None:
    """Pages as someone careless would write them."""
    one, ran = PAYLOADS[number], set()
    for i, careless in enumerate(
        [
            f"<p>{one}</p>", f'<p title="{one}" tabindex=0>x</p>', f"<p title='{one}' tabindex=0>x</p>", f"<style>{one}</style>",
            f"<!--{one}-->", f'<script>var x = "{one}"</script>', f"<script>// {one}\n</script>",
        ]
    ):  # fmt: skip
        (tmp_path / f"{i}.html").write_text(f"<!doctype html><meta charset=utf-8><body>{careless}", encoding="utf-8")
        ran |= set(Look(browser)(tmp_path / f"{i}.html")[0])
    assert ran == {number}


@pytest.mark.slow
def test_nothing_that_is_shown_runs(browser: Any, tmp_path: Path) -> None:
    look, placements, wrong = Look(browser), Counter[str](), []
    for number, (name, (make, inside, shown)) in enumerate(PAGES.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        ran, made, text = look(make(folder))
        squeezed = "".join(text.split())
        hidden = [payload for payload in shown if "".join(payload.split()) not in squeezed]
        wrong += [
            f"{name}: {what}"
            for what in ([f"{one} ran" for one in ran] + made + [f"{one} is not shown" for one in hidden])
        ]
        placements[name] += len(inside)
    assert wrong == []
    assert look.dialogs == []
    print(f"\n{sum(placements.values())} placements in {len(PAGES)} pages, of which none ran")
    assert sum(placements.values()) >= 40

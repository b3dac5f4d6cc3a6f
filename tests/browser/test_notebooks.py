"""The course in a real JupyterLab: each notebook run whole, every widget alive, nothing on the console, no request outside.

CI opens two, for nbval runs all cells anyway and test_lab.py operates every widget; `make notebooks-browser` opens all, and
keeps pictures.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import nbformat
import pytest

import flm_edu
import flm_edu.widgets
from tests.browser.conftest import Watch, until
from tests.browser.lab import KERNEL, NOTEBOOK, go_to, jupyterlab

pytestmark = pytest.mark.slow

FOLDER = Path(flm_edu.__file__).resolve().parent.parent / "notebooks"
WIDGETS = re.compile(rf"\b({'|'.join(name for name in flm_edu.widgets.__all__ if name[0].isupper())})\(")
OPENED = "*" if "FLM_EDU_ALL_NOTEBOOKS" in os.environ else "0[15]*"  # 01 and 05 show the most beside what they compute
PATHS = sorted(FOLDER.glob(f"{OPENED}.ipynb"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab over a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("course")
    for path in PATHS:
        shutil.copy(path, folder)
    with jupyterlab(folder, []) as address:
        yield address


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_run_all(browser: Any, lab: str, path: Path) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 1200})
    watch = Watch(page, lab)
    page.goto(f"{lab}/lab/workspaces/{path.stem}/tree/{path.name}")  # of its own: no tabs of the one before
    until(page, f"!!window.jupyterapp && ({KERNEL})?.status === 'idle'", seconds=180)
    page.evaluate("window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")  # and their counts
    counts = f"{NOTEBOOK}.widgets.filter(cell => cell.model.type === 'code').map(cell => cell.model.executionCount)"
    until(page, f"{counts}.every(count => count === null)")
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    done = f"{counts}.every((count, i) => count === i + 1) && {KERNEL}.status === 'idle'"
    until(page, done, seconds=600)

    outputs = f"{NOTEBOOK}.widgets.flatMap(cell => cell.model.type === 'code' ? cell.model.outputs.toJSON() : [])"
    errors = page.evaluate(f"{outputs}.filter(output => output.output_type === 'error').map(output => output.evalue)")
    assert errors == []
    for index, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "code" and WIDGETS.search(cell.source):
            widget = go_to(page, index)
            assert widget.locator("canvas, table").count(), cell.id
            assert widget.locator("button, input, select").count(), cell.id
            keep(widget, f"{path.stem}-{cell.id}")
    page.evaluate(f"{NOTEBOOK}.scrollToItem(0, 'start')")
    keep(page, path.stem)
    page.evaluate("window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
    page.close()
    assert watch.problems == []


def links(path: Path) -> set[Path]:
    """The files that a notebook links to, relative to the repository."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http", "#"))]
    return {Path(os.path.normpath(Path(FOLDER.name) / link)) for link in found}


def test_links_open_where_the_readme_starts_jupyter(browser: Any, tmp_path: Path) -> None:
    """Started in the repository's folder, JupyterLab reaches what the notebooks link to, and opens it on a click."""
    root, notebooks = FOLDER.parent, sorted(FOLDER.glob("*.ipynb"))
    assert "jupyter lab\n" in (FOLDER / "README.md").read_text(encoding="utf-8")
    linked = set.union(*map(links, notebooks))
    assert Path("docs/EQUATIONS.md") in linked
    for name in linked | {path.relative_to(root) for path in notebooks}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    with jupyterlab(tmp_path, []) as address:
        for name in sorted(linked):
            with urlopen(f"{address}/api/contents/{name.as_posix()}?content=0", timeout=30) as answer:
                assert answer.status == 200, name
        page = browser.new_page(viewport={"width": 1100, "height": 1200})
        page.goto(f"{address}/lab/tree/notebooks/02_denoiser_is_a_classifier.ipynb")
        until(page, f"!!window.jupyterapp && ({KERNEL})?.status === 'idle'", seconds=180)
        cell = next(
            i
            for i, cell in enumerate(nbformat.read(notebooks[2], as_version=4).cells)
            if "../docs/EQUATIONS.md" in cell.source
        )
        page.evaluate(f"{NOTEBOOK}.scrollToItem({cell}, 'start')")
        page.locator(f".jp-Notebook-cell[data-windowed-list-index='{cell}'] a", has_text="EQUATIONS.md").click()
        until(page, "window.jupyterapp.shell.currentWidget?.context?.path === 'docs/EQUATIONS.md'", seconds=60)
        page.close()


def keep(shown: Any, name: str) -> None:
    """A picture of a page or of a widget in it, where FLM_EDU_SCREENSHOTS names a folder for it."""
    if folder := os.environ.get("FLM_EDU_SCREENSHOTS"):
        shown.screenshot(path=Path(folder) / f"{name}.png")

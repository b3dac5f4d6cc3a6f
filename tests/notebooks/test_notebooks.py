"""What every notebook promises its reader, read from the committed files; `make notebooks-check` runs them."""

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

import flm_edu
from notebooks.execute import fingerprint, tidy, tidy_file
from notebooks.times import ALL_LIMIT, CELL_LIMIT, MEMORY_LIMIT, NOTEBOOK_LIMIT, TABLE

ROOT = Path(flm_edu.__file__).resolve().parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXERCISE = re.compile(r"^### Exercise \d · .+ \(difficulty [123] of 3, \d+ minutes\)$", re.MULTILINE)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def prose(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_there_are_notebooks() -> None:
    assert PATHS


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_committed_outputs_are_those_of_the_committed_code(path: Path) -> None:
    notebook = read(path)
    made_from = notebook.metadata.get("flm_edu", {}).get("made_from")
    assert made_from == fingerprint(notebook), f"{path.name} has changed since it was run: make notebooks"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "make notebooks"
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"{cell.id} warns: {output.text}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_nothing_of_a_machine_or_a_run_is_kept(path: Path) -> None:
    notebook, tidied = read(path), read(path)
    tidy(tidied)
    assert notebook == tidied, f"python notebooks/execute.py --tidy {path.name}"
    outputs = [str(output) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not re.search(r"/(home|root|tmp|work|Users)/", "".join(outputs))


def test_what_an_editor_left_is_removed_and_the_rest_stays(tmp_path: Path) -> None:
    """As the hook before a commit does it: times, the kernel's version and widgets go, the fingerprint and tags stay."""
    path = tmp_path / "a.ipynb"
    view = nbformat.v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}})
    text = nbformat.v4.new_output("stream", text="2\n")
    cell = nbformat.v4.new_code_cell(
        "print(1 + 1)", id="one", execution_count=1, outputs=[view, text],
        metadata={"tags": ["keep"], "execution": {"iopub.execute_input": "2026-01-01T00:00:00Z"}, "scrolled": True},
    )  # fmt: skip
    metadata = {"language_info": {"name": "python", "version": "3.11.7"}, "widgets": {}, "flm_edu": {"made_from": "a"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), path)
    assert tidy_file(path)
    notebook = read(path)
    assert notebook.metadata.keys() == {"kernelspec", "language_info", "flm_edu"}
    assert notebook.metadata.language_info == {"name": "python"}
    assert notebook.metadata.flm_edu == {"made_from": "a"}
    assert notebook.cells[0].metadata == {"tags": ["keep"]}
    assert notebook.cells[0].outputs == [text]
    assert not tidy_file(path)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_size(path: Path) -> None:
    notebook = read(path)
    assert len(notebook.cells) <= 45
    assert len(prose(notebook).split()) <= 2500
    assert path.stat().st_size < 1.5e6


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_parts(path: Path) -> None:
    """What one can do after it, needs, time; questions; exercises with hint and solution; the box; summary; next."""
    notebook = read(path)
    text, code = prose(notebook), "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for part in ("**After it you can**", "**You need**", "**Time:**", "> **What a toy cannot show.**", "## Summary"):
        assert text.count(part) == 1, part
    assert "**Next:**" in text
    exercises = EXERCISE.findall(text)
    assert 2 <= len(exercises) <= 4
    assert len(exercises) == text.count("### Exercise") == len(re.findall(r"^check\(", code, re.MULTILINE))
    assert text.count("**Expected") >= len(exercises)
    assert text.count("<summary>Solution</summary>") == len(exercises)
    assert len(re.findall("<summary>Hint", text)) >= len(exercises)
    assert 1 <= code.count("predict(\n") == code.count(".reveal(")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_figure_says_what_to_see(path: Path) -> None:
    cells = read(path).cells
    figures = 0
    for cell, following in pairwise(cells):
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            figures += 1
            assert following.source.startswith("*What to see:"), f"{cell.id} is not followed by a caption"
    assert figures


def heading_links(path: Path) -> list[str]:
    text = prose(read(path)) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http", "#"))]


@pytest.mark.parametrize(
    "path", [*PATHS, ROOT / "notebooks" / "README.md", ROOT / "docs" / "EQUATIONS.md"], ids=lambda path: path.stem
)
def test_links_lead_somewhere(path: Path) -> None:
    links = heading_links(path)
    assert links
    for link in links:
        assert (path.parent / link.split("#")[0]).exists(), f"{path.name}: {link}"


def test_the_index_of_equations_is_true() -> None:
    """docs/EQUATIONS.md: every function, notebook cell and test that it names is there."""
    rows = [
        [part.strip() for part in line.strip().strip("|").split(" | ")]
        for line in (ROOT / "docs" / "EQUATIONS.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| $")
    ]
    assert len(rows) >= 10
    cells = {path.stem: {cell.id for cell in read(path).cells} for path in PATHS}
    for row in rows:
        assert len(row) == 5, row
        _, _, function, cell, test = row
        module, *names = function.strip("`").split(".")
        found = __import__(f"flm_edu.{module}", fromlist=[module])
        for name in names:
            found = getattr(found, name)
        assert callable(found), function
        linked = re.search(r"\(\.\./notebooks/(\w+)\.ipynb\)", cell)
        named = re.search(r"cell `([\w-]+)`", cell)
        assert linked, row
        assert named, row
        assert named[1] in cells[linked[1]], f"{linked[1]} has no cell {named[1]}"
        file, test_name = test.strip("`").split("::")
        assert f"def {test_name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), test


def test_every_notebook_is_in_the_index() -> None:
    index = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    for path in PATHS:
        assert f"({path.name})" in index


def test_the_table_of_times_lists_every_notebook_within_its_bounds() -> None:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][2:]
    *rows, (everything, total, *_) = ([part.strip() for part in line.strip("|").split("|")] for line in lines)
    assert [name for name, *_ in rows] == [path.stem for path in PATHS], "make notebooks-times"
    for name, seconds, cell, cell_seconds, memory in rows:
        assert cell.strip("`") in {cell.id for cell in read(ROOT / "notebooks" / f"{name}.ipynb").cells}, name
        assert float(seconds) <= NOTEBOOK_LIMIT, name
        assert float(cell_seconds) <= CELL_LIMIT, name
        assert float(memory) <= MEMORY_LIMIT, name
    assert everything == "all"
    assert float(total) <= ALL_LIMIT

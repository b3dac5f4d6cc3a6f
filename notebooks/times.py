"""What the notebooks cost, into notebooks/TIMES.md: `make notebooks-times`, or `python notebooks/times.py`.

Each notebook runs in a kernel of its own, one after the other, and is not written back.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from flm_edu.provenance import describe_run

FOLDER = Path(__file__).resolve().parent
TABLE = FOLDER / "TIMES.md"
CELL_LIMIT, NOTEBOOK_LIMIT, ALL_LIMIT = 60, 100, 720  # seconds, on two cores
MEMORY_LIMIT = 3.0  # GB
# The kernel's own answer: kilobytes on Linux, bytes on a Mac.
MEMORY = "import resource, sys\nresource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == 'darwin' else 1e6)"


@dataclass(frozen=True)
class Cost:
    """Of one notebook: seconds with the kernel's start, the longest cell and its seconds, peak memory in GB."""

    notebook: str
    seconds: float
    cell: str
    cell_seconds: float
    memory: float


def measure(path: Path) -> Cost:
    """Run a notebook from top to bottom in an empty folder."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(MEMORY))
    cells: dict[str, float] = {}

    def begins(cell: nbformat.NotebookNode, **_: Any) -> None:
        cells[cell.id] = -time.perf_counter()

    def ends(cell: nbformat.NotebookNode, **_: Any) -> None:
        cells[cell.id] += time.perf_counter()

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=10 * CELL_LIMIT,
            kernel_name="python3",
            on_cell_execute=begins,
            on_cell_executed=ends,
            resources={"metadata": {"path": folder}},
        ).execute()
    seconds = time.perf_counter() - started
    memory = float(notebook.cells[-1].outputs[0].data["text/plain"])
    longest = max(cells, key=lambda name: cells[name])
    return Cost(path.stem, seconds, longest, cells[longest], memory)


def table(costs: list[Cost]) -> str:
    """The page TIMES.md."""
    facts = describe_run()
    lines = [
        "# What the notebooks cost",
        "",
        f"Measured by `make notebooks-times` on {facts['machine']}, {facts['date']}, commit {facts['commit']}, "
        f"Python {facts['python']}, torch {facts['torch']}. Bounds: {NOTEBOOK_LIMIT} s a notebook, {CELL_LIMIT} s a cell, "
        f"{ALL_LIMIT // 60} minutes in all, {MEMORY_LIMIT:.0f} GB.",
        "",
        "| notebook | seconds | longest cell | its seconds | peak memory, GB |",
        "| --- | ---: | --- | ---: | ---: |",
        *(
            f"| {c.notebook} | {c.seconds:.1f} | `{c.cell}` | {c.cell_seconds:.1f} | {c.memory:.2f} |"
            for c in costs
        ),
        f"| all | {sum(c.seconds for c in costs):.1f} | | {max(c.cell_seconds for c in costs):.1f} "
        f"| {max(c.memory for c in costs):.2f} |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure all notebooks and write the table."""
    costs = []
    for path in sorted(FOLDER.glob("*.ipynb")):
        costs.append(measure(path))
        print(costs[-1], flush=True)
    TABLE.write_text(table(costs), encoding="utf-8")


if __name__ == "__main__":
    main()

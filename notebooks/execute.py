"""Run the notebooks again and write them back normalised: `make notebooks`, or `python notebooks/execute.py [FILE ...]`.

A committed notebook holds its outputs, so that it reads well where it is only rendered, and nothing that
changes from run to run: no times, no machine, no widget state. Its metadata keep a fingerprint of what
made the outputs (its code, and the models, languages and sweeps it loads); tests/notebooks/test_notebooks.py
compares it, so that outputs older than their code, their weights or their sweeps are noticed.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from flm_edu.files import data_dir

FOLDER = Path(__file__).resolve().parent
CELL_TIMEOUT = int(os.environ.get("CELL_TIMEOUT", "60"))  # seconds
WIDGET = "application/vnd.jupyter.widget-view+json"


def fingerprint(notebook: nbformat.NotebookNode) -> str:
    """Of all code cells in order, and of the shipped models, languages and sweeps that they load by name."""
    code = "\x00".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    loaded = [
        data_dir() / form.format(name)
        for function, form in (
            ("load_model", "checkpoints/{}/model.safetensors"),
            ("load_language", "languages/{}.grammar"),
            ("shipped_ablation", "sweeps/ablations-{}.csv"),
        )
        for name in sorted(set(re.findall(rf'{function}\("([\w-]+)"\)', code)))
    ]
    for data in sorted(set(re.findall(r'shipped_sweeps\("([\w-]+)"\)', code))):
        loaded += sorted((data_dir() / "sweeps").glob(f"{data}-*.json"))
    return hashlib.sha256(
        b"\x00".join([code.encode(), *(path.read_bytes() for path in loaded)])
    ).hexdigest()[:16]


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Leave out what differs between two runs of the same code on the same machine.

    Widgets and progress bars too: they live only as long as their kernel, and the pictures beside them stay.
    """
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "flm_edu": {"made_from": fingerprint(notebook)},
    }
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        if "outputs" in cell:
            cell.outputs = [
                output for output in cell.outputs if WIDGET not in output.get("data", {})
            ]
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = {}


def execute(path: Path) -> float:
    """Run a notebook from top to bottom, in an empty folder, and write it back. Seconds that it took."""
    notebook = nbformat.read(path, as_version=4)
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # a reader's progress.json must not show in the outputs
        NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        ).execute()
    seconds = time.perf_counter() - started
    normalise(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    return seconds


def main() -> None:
    """Execute the notebooks named on the command line, or all."""
    paths = [Path(name) for name in sys.argv[1:]] or sorted(FOLDER.glob("*.ipynb"))
    for path in paths:
        print(f"{path.name}: {execute(path):.0f} s", flush=True)


if __name__ == "__main__":
    main()

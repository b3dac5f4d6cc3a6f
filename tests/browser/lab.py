"""A JupyterLab of its own with one notebook, for the browser's tests and for benchmarks/widgets.py."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.browser.conftest import until

NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"
KERNEL = "window.jupyterapp.shell.currentWidget?.context?.sessionContext.session?.kernel"


@contextmanager
def jupyterlab(folder: Path, cells: Sequence[str]) -> Iterator[str]:
    """Serve `all.ipynb` with these cells, with no settings of whoever runs this; yields the server's address."""
    written: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell{i}",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for i, source in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": written, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / "all.ipynb").write_text(json.dumps(notebook))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]
    places += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    environment = {**os.environ, **{name: str(folder / name) for name in places}}
    options = (
        f"--no-browser --allow-root --ServerApp.ip=127.0.0.1 --ServerApp.port={port} --ServerApp.port_retries=0 "
        "--IdentityProvider.token= --PasswordIdentityProvider.hashed_password= --ServerApp.disable_check_xsrf=True "
        f"--ServerApp.root_dir={folder} --expose-app-in-browser --LabApp.news_url=None"
    ).split()
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                urlopen(f"{address}/api", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (folder / "server.log").read_text()
                assert time.monotonic() < deadline, "JupyterLab did not answer within 180 s"
                time.sleep(0.3)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def open_notebook(page: Any, address: str) -> None:
    """Go to the notebook and wait for its kernel."""
    page.goto(f"{address}/lab/tree/all.ipynb")
    until(page, f"!!window.jupyterapp && ({KERNEL})?.status === 'idle'", seconds=180)


def run_all(page: Any) -> None:
    """Run the notebook whole."""
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    counts = f"{NOTEBOOK}.widgets.map(cell => cell.model.executionCount)"
    until(page, f"{counts}.every(count => count > 0) && {KERNEL}.status === 'idle'", seconds=180)


def run_cell(page: Any, index: int) -> str:
    """Run one cell again and return what it printed."""
    page.evaluate(
        f"""async () => {{
          {NOTEBOOK}.activeCellIndex = {index};
          await window.jupyterapp.commands.execute('notebook:run-cell');
        }}"""
    )
    outputs = page.evaluate(f"{NOTEBOOK}.widgets[{index}].model.outputs.toJSON()")
    return "".join(output.get("text", "") for output in outputs)


def go_to(page: Any, index: int) -> Any:
    """Bring a cell with a widget into view (others are not in the document) and return the widget's locator."""
    page.evaluate(f"{NOTEBOOK}.scrollToItem({index}, 'start')")
    cell = f".jp-Notebook-cell[data-windowed-list-index='{index}']"
    until(page, f'document.querySelector("{cell} .flm")?.parentElement.flm?.painted > 0', 30)
    return page.locator(f"{cell} .flm")

"""Every widget in JupyterLab, in one notebook that is run whole: created, drawn, operated, heard by the kernel."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from tests.browser.conftest import Watch, until

pytestmark = pytest.mark.slow

CELLS = [
    "import flm_edu.widgets as w\nfrom flm_edu.tradeoff import Point",
    "simplex = w.SimplexExplorer(); simplex",
    "w.SimplexExplorer(w.tick_tock())",
    "w.ScheduleExplorer()",
    "w.FactorizationExplorer()",
    "w.FlowMapExplorer()",
    "w.StepCountExplorer()",
    "w.TrajectoryPlayer()",
    "monitor = w.TrainingMonitor(); monitor",
    "simplex.steps = 3; monitor.on_log({'step': 5000.0, 'loss': 0.3, 'seconds': 9.0})",
    "print('heard', simplex.trails)",
]
KERNEL = "window.jupyterapp.shell.currentWidget?.context?.sessionContext.session?.kernel"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab of its own, with no settings of whoever runs the tests; yields its address."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{i}",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for i, source in enumerate(CELLS)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
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


def test_a_notebook_with_every_widget(browser: Any, lab: str) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 1200})
    watch = Watch(page, lab)
    page.goto(f"{lab}/lab/tree/all.ipynb")
    until(page, f"!!window.jupyterapp && ({KERNEL})?.status === 'idle'", seconds=180)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    counts = "window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.executionCount)"
    until(page, f"{counts}.every(count => count > 0) && {KERNEL}.status === 'idle'", seconds=180)

    for index in range(1, 9):
        page.evaluate(f"window.jupyterapp.shell.currentWidget.content.scrollToItem({index}, 'start')")
        until(
            page,
            f"document.querySelectorAll('.jp-Cell')[{index}]?.querySelector('.flm')?.parentElement.flm?.painted > 0",
            30,
        )
    page.evaluate("window.jupyterapp.shell.currentWidget.content.scrollToItem(1, 'start')")
    first = page.locator(".jp-Cell .flm").first
    assert first.get_attribute("data-theme") == "light"
    # What the kernel set has come to the browser, and what the browser sets comes to the kernel.
    until(
        page, "[...document.querySelectorAll('.flm-readout')].some(line => line.textContent.startsWith('Step 5,000;'))"
    )
    assert "Euler, 3 steps: " in first.locator(".flm-readout").inner_text()
    before = first.locator("canvas").screenshot()
    first.get_by_label("trails", exact=True).press("Space")
    page.wait_for_timeout(300)
    assert first.locator("canvas").screenshot() != before
    last = len(CELLS) - 1
    page.evaluate(
        f"""async () => {{
          const {{ content, context }} = window.jupyterapp.shell.currentWidget;
          content.activeCellIndex = {last};
          await window.jupyterapp.commands.execute('notebook:run-cell');
        }}"""
    )
    output = f"JSON.stringify(window.jupyterapp.shell.currentWidget.content.widgets[{last}].model.outputs.toJSON())"
    until(page, f"{output}.includes('heard True')")

    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    until(page, "document.querySelector('.jp-Cell .flm').dataset.theme === 'dark'")
    page.close()
    assert watch.problems == []

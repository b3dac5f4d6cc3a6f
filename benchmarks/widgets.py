"""How quick the widgets are in a real browser, and their pictures.

    python benchmarks/widgets.py                             # frames per second, latency, first paint, saved state
    python benchmarks/widgets.py --no-lab                    # the same without JupyterLab: no first paint in a notebook
    python benchmarks/widgets.py --screenshots docs/images   # every widget in both themes; --only NAME for one

Chromium runs headless and draws in software, on whatever else the machine is doing.
"""

import argparse
import io
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipywidgets.embed import dependency_state
from PIL import Image
from playwright.sync_api import sync_playwright

from flm_edu.language import Language
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
    tick_tock,
)
from tests.browser.lab import jupyterlab, open_notebook

WIDGETS: dict[str, Callable[[], Any]] = {
    "simplex": SimplexExplorer,
    "simplex-two": lambda: SimplexExplorer(tick_tock()),
    "simplex-four": lambda: SimplexExplorer(Language.from_sentences(["tea", "milk", "juice", "water"], [4, 3, 2, 1])),
    "factorization": lambda: FactorizationExplorer(predict=False),
    "schedule": ScheduleExplorer,
    "automaton": AutomatonExplorer,
    "memorization": MemorizationExplorer,
    "flow-map": FlowMapExplorer,
    "trajectory": TrajectoryPlayer,
    "step-count": StepCountExplorer,
    "training": TrainingMonitor,
}
ROOT = "document.querySelector('#widget-0')"

FRAMES = """async () => {
  const place = document.querySelector('#widget-0');
  [...place.querySelectorAll('button')].find(button => button.textContent.includes('play')).click();
  await new Promise(done => setTimeout(done, 300));
  const [began, before] = [performance.now(), place.flm.painted];
  await new Promise(done => setTimeout(done, 3000));
  return 1000 * (place.flm.painted - before) / (performance.now() - began);
}"""

REWIND = """() => {
  const place = document.querySelector('#widget-0');
  [...place.querySelectorAll('button')].find(button => button.textContent.includes('pause'))?.click();
  place.flm.model.set('time', 0);
  return true;
}"""

LATENCY = """async () => {
  const place = document.querySelector('#widget-0');
  const slider = place.querySelector('input[type=range]');
  const times = [];
  for (let i = 0; i < 20; i++) {
    await new Promise(done => setTimeout(done, 30));
    const before = place.flm.painted;
    const began = performance.now();
    if (slider) {
      const was = slider.value;
      slider.value = (Number(slider.min) + (i + 1) / 21 * (slider.max - slider.min));
      if (slider.value === was) continue; // a slider of few values stands still, and nothing is drawn
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    } else place.querySelector('canvas').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }));
    while (place.flm.painted === before && performance.now() - began < 2000) await new Promise(requestAnimationFrame);
    if (place.flm.painted === before) continue; // at the end of what the keys can reach
    // A task after the frame's own: by then the frame has been handed to the compositor.
    await new Promise(done => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); }));
    times.push(performance.now() - began);
  }
  return times;
}"""

# What a frame costs the script alone: at 30 frames a second it has 33 ms for this and for the browser's own part.
SCRIPT = """() => {
  const { flm } = document.querySelector('#widget-0');
  const times = [];
  for (let i = 0; i < 100; i++) {
    flm.model.set('time', i / 100);
    const began = performance.now();
    flm.draw();
    times.push(performance.now() - began);
  }
  flm.model.set('time', 0);
  return times;
}"""

# In JupyterLab: run a cell, and note when it is done and when its widget has been painted.
IN_CELL = """async (index) => {
  const { content } = window.jupyterapp.shell.currentWidget;
  content.activeCellIndex = index;
  await content.scrollToItem(index, 'start');
  await new Promise(requestAnimationFrame);
  const began = performance.now();
  let done = 0;
  window.jupyterapp.commands.execute('notebook:run-cell').then(() => (done = performance.now()));
  const widget = () => content.widgets[index].node.querySelector('.flm')?.parentElement.flm;
  while (!widget()?.painted) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  await new Promise(done => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
  const painted = performance.now();
  while (!done) await new Promise(requestAnimationFrame);
  return [painted - began, Math.max(0, painted - done)];
}"""

FIRST = """async () => {
  const place = document.querySelector('#widget-0');
  while (!place.flm?.painted) await new Promise(requestAnimationFrame);
  return performance.now();
}"""


def launch(playwright: Any) -> Any:
    """The system's Chromium."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise SystemExit("no Chromium on this machine: apt-get install chromium")
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])


def measure(browser: Any, folder: Path) -> None:
    def opened(widget: Any) -> tuple[Any, float]:
        page = browser.new_page(viewport={"width": 800, "height": 1000})
        page.goto(widget.to_html(folder / "page.html").as_uri())
        return page, page.evaluate(FIRST)

    page, _ = opened(SimplexExplorer(tick_tock(), model="flow", particles=2000, time=0))
    page.evaluate(SCRIPT)  # warm
    script = statistics.median(page.evaluate(SCRIPT))
    rates = [page.evaluate(FRAMES) for _ in range(3) if page.evaluate(REWIND)]
    print(
        f"2,000 particles on the exact two-token flow: {statistics.median(rates):.1f} frames per second "
        f"(median of {', '.join(f'{rate:.1f}' for rate in rates)}); script {script:.1f} ms a frame (median)"
    )
    page.close()
    made = {name: make() for name, make in WIDGETS.items()}
    everything = []
    for name, widget in made.items():
        page, first = opened(widget)
        times = page.evaluate(LATENCY)
        everything += times
        size = len(json.dumps(dependency_state([widget], drop_defaults=False)))
        print(
            f"{name:14} first paint {first:4.0f} ms after the page was opened; slider to frame "
            f"{statistics.median(times):3.0f} ms (median), {max(times):3.0f} ms (longest); saved state {size / 1e3:.0f} kB"
        )
        page.close()
    print(
        f"slider to frame, all of them: {statistics.median(everything):.0f} ms (median), {max(everything):.0f} ms "
        f"(longest), {sum(t > 100 for t in everything)} of {len(everything)} over 100 ms"
    )
    total = len(json.dumps(dependency_state(list(made.values()), drop_defaults=False)))
    print(f"saved state of a notebook with all of them: {total / 1e6:.2f} MB")


def measure_in_lab(browser: Any, folder: Path) -> None:
    """First paint of each widget in a cell of a notebook, its making in the kernel included."""
    made = ["SimplexExplorer()", "SimplexExplorer(w.tick_tock())", "ScheduleExplorer()", "FactorizationExplorer()"]
    made += ["AutomatonExplorer()", "MemorizationExplorer()", "FlowMapExplorer()", "StepCountExplorer()"]
    made += ["TrajectoryPlayer()", "TrainingMonitor()"]
    cells = ["import flm_edu.widgets as w; w.ScheduleExplorer()", *(f"w.{maker}" for maker in made)]
    with jupyterlab(folder, cells) as address:
        page = browser.new_page(viewport={"width": 1100, "height": 1400})
        open_notebook(page, address)
        page.evaluate(IN_CELL, 0)  # the packages are imported, the front end of widgets is loaded
        for index, maker in enumerate(made, start=1):
            whole, after = page.evaluate(IN_CELL, index)
            print(f"{maker:30} painted {whole:4.0f} ms after its cell was started, {after:4.0f} ms after it was done")
        page.close()


def take_screenshots(browser: Any, folder: Path, out: Path, names: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = WIDGETS[name]().to_html(folder / "page.html")
        for theme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 784, "height": 1000}, color_scheme=theme)
            page.goto(path.as_uri())
            page.evaluate(FIRST)
            page.wait_for_timeout(200)
            png = page.locator(".flm").screenshot()
            # A palette makes these flat pictures three times smaller.
            picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
            target = out / f"{name}-{theme}.png"
            picture.save(target, optimize=True)
            print(f"{target} ({target.stat().st_size / 1e3:.0f} kB)")
            page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", type=Path, help="write pictures there instead of timing")
    parser.add_argument("--only", choices=WIDGETS, help="a picture of this widget alone")
    parser.add_argument("--no-lab", action="store_true", help="leave JupyterLab out")
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        if options.screenshots:
            take_screenshots(browser, Path(folder), options.screenshots, [options.only] if options.only else [*WIDGETS])
        else:
            measure(browser, Path(folder))
            if not options.no_lab:
                measure_in_lab(browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()

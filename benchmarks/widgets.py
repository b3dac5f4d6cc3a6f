"""How quick the widgets are in a real browser, and their pictures.

    python benchmarks/widgets.py                             # frames per second, latency, first paint, saved state
    python benchmarks/widgets.py --screenshots docs/images   # every widget in both themes

Chromium runs headless and draws in software, on whatever else the machine is doing.
"""

import argparse
import io
import json
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
    FactorizationExplorer,
    FlowMapExplorer,
    ScheduleExplorer,
    SimplexExplorer,
    StepCountExplorer,
    TrainingMonitor,
    TrajectoryPlayer,
    tick_tock,
)

WIDGETS: dict[str, Callable[[], Any]] = {
    "simplex": SimplexExplorer,
    "simplex-two": lambda: SimplexExplorer(tick_tock()),
    "simplex-four": lambda: SimplexExplorer(Language.from_sentences(["tea", "milk", "juice", "water"], [4, 3, 2, 1])),
    "factorization": lambda: FactorizationExplorer(predict=False),
    "schedule": ScheduleExplorer,
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
    print(f"2,000 particles on the exact two-token flow: {page.evaluate(FRAMES):.1f} frames per second")
    page.close()
    made = {name: make() for name, make in WIDGETS.items()}
    for name, widget in made.items():
        page, first = opened(widget)
        times = page.evaluate(LATENCY)
        size = len(json.dumps(dependency_state([widget], drop_defaults=False)))
        print(
            f"{name:14} first paint {first:4.0f} ms after the page was opened; slider to frame "
            f"{statistics.median(times):3.0f} ms (median), {max(times):3.0f} ms (longest); saved state {size / 1e3:.0f} kB"
        )
        page.close()
    total = len(json.dumps(dependency_state(list(made.values()), drop_defaults=False)))
    print(f"saved state of a notebook with all of them: {total / 1e6:.2f} MB")


def take_screenshots(browser: Any, folder: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, make in WIDGETS.items():
        path = make().to_html(folder / "page.html")
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
    options = parser.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        if options.screenshots:
            take_screenshots(browser, Path(folder), options.screenshots)
        else:
            measure(browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()

"""A real browser on static pages: no kernel, no network, and no error may reach its console."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A page that waits for its processor may miss a frame."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """The system's Chromium. Without one these tests are skipped, which in CI is a failure."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        missing = "no Chromium on this machine: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)


class Watch:
    """Collects what must not happen in a page: errors, and requests to anywhere but `home`."""

    def __init__(self, page: Any, home: str):
        self.problems: list[str] = []
        page.on("console", lambda m: self.problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url}"))
        page.on(
            "request", lambda r: None if r.url.startswith((home, "data:", "blob:")) else self.problems.append(r.url)
        )


@pytest.fixture
def open_widget(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a widget's static page from its file; at the end no error and no request may have happened."""
    opened: list[tuple[Any, Watch]] = []

    def open_page(widget: Any, *, width: int = 800, theme: str = "light") -> Any:
        page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=theme)
        page.set_default_timeout(10_000)
        path = widget.to_html(tmp_path / f"{len(opened)}.html")
        watch = Watch(page, path.as_uri())
        opened.append((page, watch))
        page.goto(path.as_uri())
        until(page, "document.querySelector('#widget-0')?.flm?.painted")
        return page

    yield open_page
    for page, watch in opened:
        page.close()
        assert watch.problems == []


def until(page: Any, condition: str, seconds: float = 10) -> None:
    """Wait for an expression to be true (the pages' policy forbids Playwright's own way, which evaluates strings)."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        page.wait_for_timeout(20)


def get(page: Any, name: str) -> Any:
    """A trait's value in the page."""
    return page.evaluate("name => document.querySelector('#widget-0').flm.model.get(name)", name)


def put(page: Any, **state: Any) -> None:
    """Set traits in the page and wait until they are drawn."""
    page.evaluate(
        """state => new Promise(done => {
          const { model } = document.querySelector('#widget-0').flm;
          for (const [name, value] of Object.entries(state)) model.set(name, value);
          requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done)));
        })""",
        state,
    )


def picture(page: Any, selector: str = "canvas") -> bytes:
    """The pixels of the widget's first canvas, or of another part of it."""
    page.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))"
    )
    return bytes(page.locator(selector).first.screenshot())

"""The page of `flm-edu report`: every widget of it draws, from a file, without a request."""

from pathlib import Path
from typing import Any

import pytest

from flm_edu.widgets.gallery import write_gallery
from tests.browser.conftest import Watch, until


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_widget_of_the_report_lives(browser: Any, tmp_path: Path, theme: str) -> None:
    path = write_gallery(tmp_path / "report.html")
    page = browser.new_page(viewport={"width": 480, "height": 900}, color_scheme=theme)
    watch = Watch(page, path.as_uri())
    page.goto(path.as_uri())
    until(page, "[...document.querySelectorAll('main > div')].every(place => place.flm?.painted)", seconds=20)
    names = page.locator("section.flm").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert len(names) == len(page.locator("main > div").all()) >= 6
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    unnamed = page.locator("input, select, button, canvas").evaluate_all(
        "all => all.filter(one => !(one.getAttribute('aria-label') || one.textContent.trim())).length"
    )
    assert unnamed == 0, "every control has an accessible name"
    assert set(page.locator("section.flm").evaluate_all("all => all.map(one => one.dataset.theme)")) == {theme}
    page.close()
    assert watch.problems == []

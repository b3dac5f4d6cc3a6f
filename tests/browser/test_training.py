"""TrainingMonitor in a real browser: records are read by mouse and keyboard, and new ones appear."""

from collections.abc import Callable
from typing import Any

from flm_edu.widgets import TrainingMonitor
from tests.browser.conftest import get, picture, put

WIDGET = "document.querySelector('#widget-0').flm"
RECORDS = [
    {"step": 10.0 * k, "loss": 4.0 / k, "gradient_norm": 1.0, "tokens_per_second": 500.0, "seconds": 3.0 * k}
    for k in range(1, 9)
]


def test_records_are_read_and_new_ones_appear(open_widget: Callable[..., Any]) -> None:
    page = open_widget(TrainingMonitor(RECORDS, steps=160), width=480, theme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    readout = page.locator(".flm-readout")
    assert readout.inner_text() == "Step 80 of 160; loss 0.5000; 500 tokens per second; 24 s left."
    pictures = {picture(page)}
    heights = [y for _, _, y in page.evaluate(f"{WIDGET}.drawn()")]
    assert heights == sorted(heights), "a falling loss falls in the picture"
    page.locator("canvas").press("ArrowLeft")
    assert get(page, "at") == 6
    pictures.add(picture(page))
    _, x, y = page.evaluate(f"{WIDGET}.drawn()")[2]
    page.locator("canvas").click(position={"x": x, "y": y})
    pictures.add(picture(page))
    assert "Step 30 of 160" in readout.inner_text()
    labels = page.get_by_label("draw", exact=True).locator("option").all_inner_texts()
    assert labels == ["loss, nats per token", "norm of the gradient", "tokens per second"]
    page.get_by_label("draw", exact=True).select_option("gradient_norm")
    pictures.add(picture(page))
    put(page, at=-1, series="loss", records=[*RECORDS, {"step": 160.0, "loss": 0.2, "seconds": 60.0}])
    pictures.add(picture(page))
    assert readout.inner_text() == "Step 160 of 160; loss 0.2000; 60 s in all."
    assert len(pictures) == 5


def test_before_the_first_record_it_waits(open_widget: Callable[..., Any]) -> None:
    page = open_widget(TrainingMonitor([]))
    assert page.locator(".flm-readout").inner_text() == "No record yet."
    before = picture(page)
    put(page, records=RECORDS, floor=0.3, texts=[{"step": 20, "lines": ["one", "two"]}])
    assert picture(page) != before
    assert "0.2000 above the floor" in page.locator(".flm-readout").inner_text()
    assert page.locator(".flm-texts li").all_inner_texts() == ["one", "two"]

"""MemorizationExplorer in a real browser: its two posteriors are those of the language and of the training texts."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from flm_edu.language import Language
from flm_edu.widgets import MemorizationExplorer, tick_tock
from tests.browser.conftest import get, picture, put
from tests.browser.test_automaton import PLAIN, WIDGET


def computed(page: Any) -> dict[str, Any]:
    """Both optima of the noisy text, and the curves."""
    found: dict[str, Any] = page.evaluate(f"({PLAIN})({WIDGET}.compute())")
    return found


def languages(widget: MemorizationExplorer, n: int) -> tuple[Language, Language]:
    """The whole language and the first n of its texts, in the widget's order."""
    tokens = torch.tensor(widget.language["tokens"])
    p = torch.tensor(widget.language["logP"], dtype=torch.float64).exp()
    words = tuple(widget.language["words"])
    alike = torch.full((n,), 1 / n, dtype=torch.float64)
    return Language("whole", words, tokens, p / p.sum()), Language("few", words, tokens[:n], alike)


def noise_of(widget: MemorizationExplorer, whole: Language) -> Tensor:
    values = torch.frombuffer(bytearray(widget.arrays), dtype=torch.float32)
    size = whole.length * whole.vocab_size
    return values[: len(values) // size * size].double().view(-1, whole.length, whole.vocab_size)[:8]


def test_both_posteriors_are_those_of_the_library(open_widget: Callable[..., Any]) -> None:
    widget = MemorizationExplorer()
    page = open_widget(widget)
    for n in (1, 6, 24):
        whole, few = languages(widget, n)
        noise = noise_of(widget, whole)
        for tau in (0.0, 0.3, 0.8, 1.0):
            for place in ("held-out", "training"):
                put(page, training_texts=n, tau=tau, text=place)
                now = computed(page)
                assert now["n"] == n
                assert (now["text"] in few.tokens.tolist()) == (place == "training")
                t = now["t"]
                gain = min(t / (1 - t) ** 2, 1e12) if t < 1 else 1e12
                data = torch.nn.functional.one_hot(torch.tensor([now["text"]]), whole.vocab_size).double()
                evidence = ((1 - t) * noise[:1] + t * data) * gain
                for name, language in (("rules", whole), ("heart", few)):
                    theirs = torch.tensor(now["at"][name], dtype=torch.float64)
                    assert float((theirs - language.posterior(evidence)[0]).abs().max()) < 1e-6, (n, tau, place, name)


def test_the_curves_part_on_held_out_texts_and_meet_on_training_texts(open_widget: Callable[..., Any]) -> None:
    now = computed(open_widget(MemorizationExplorer()))
    assert now["training"][-1] < 0.01
    assert now["heldOut"][-1] > 0.2
    more = computed(open_widget(MemorizationExplorer(training_texts=24)))
    assert sum(more["heldOut"]) < sum(now["heldOut"]), "who knows more texts is nearer to the rules"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_controls_change_the_picture(open_widget: Callable[..., Any], theme: str) -> None:
    page = open_widget(MemorizationExplorer(), width=480, theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    bars, curves, trained = ({picture(page, f"canvas >> nth={i}")} for i in range(3))

    def seen() -> None:
        for i, kept in enumerate((bars, curves, trained)):
            kept.add(picture(page, f"canvas >> nth={i}"))

    page.get_by_label("training texts", exact=True).press("End")
    assert get(page, "training_texts") == 24
    seen()
    page.get_by_label("τ", exact=True).press("End")
    seen()
    page.get_by_label("noisy text", exact=True).select_option("training")
    seen()
    page.get_by_label("position", exact=True).press("Home")
    seen()
    assert len(bars) >= 4
    assert len(curves) == 3, "the training set and the time"
    assert len(trained) == 1, "what was trained stays"
    assert "100.0%" in page.locator("canvas").first.get_attribute("aria-label")
    assert "24 of 48 texts" in page.locator(".flm-readout").inner_text()


def test_few_texts_are_enough(open_widget: Callable[..., Any]) -> None:
    page = open_widget(MemorizationExplorer(tick_tock(), rows=[]), width=320)
    put(page, training_texts=24, position=12, tau=1)
    assert computed(page)["n"] == len(tick_tock()) - 1, "one text is held out"
    assert page.locator("canvas").count() == 2

"""FactorizationExplorer in a real browser: its tables are the oracle's; answers come after guesses."""

from collections.abc import Callable
from typing import Any

import torch

from flm_edu.grammar import load_listed
from flm_edu.oracle import PerfectFlow, exact_joint, factorized_joint
from flm_edu.widgets import FactorizationExplorer, tick_tock
from tests.browser.conftest import get, picture

WIDGET = "document.querySelector('#widget-0').flm"


def test_the_tables_are_the_oracles(open_widget: Callable[..., Any]) -> None:
    for language in (load_listed("cities"), tick_tock()):
        page = open_widget(FactorizationExplorer(language))

        def table(expression: str, page: Any = page) -> torch.Tensor:
            return torch.tensor(page.evaluate(f"Array.from({WIDGET}.{expression})"), dtype=torch.float64)

        joint = exact_joint(language).flatten()
        torch.testing.assert_close(table("joint"), joint)
        for steps in (1, 2, 7):
            torch.testing.assert_close(table(f"masked({steps})"), factorized_joint(language, steps).flatten())
            tokens = PerfectFlow(language).sample(2000, steps, generator=torch.Generator().manual_seed(0))
            ours = torch.bincount(tokens[:, 0] * language.vocab_size + tokens[:, 1], minlength=len(joint)) / 2000
            assert float((table(f"euler({steps})") - ours).abs().max()) < 2e-3
        jump = table("jump")
        assert float(jump[joint == 0].sum()) == 0, "one jump keeps the words together"
        assert float((jump - joint).abs().max()) < 0.04


def test_guess_first_then_see(open_widget: Callable[..., Any]) -> None:
    page = open_widget(FactorizationExplorer(), width=480, theme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    readout = page.locator(".flm-readout")
    assert "50.0%" not in readout.inner_text()
    pictures = {picture(page)}
    guess = page.get_by_label("my guess", exact=True)
    guess.focus()
    page.keyboard.press("ArrowRight")
    assert abs(get(page, "guess") - 0.26) < 1e-9
    page.get_by_role("button", name="show").press("Enter")
    pictures.add(picture(page))
    assert "You guessed 26% for 1 step. Masked diffusion in 1 step: 50.0% are no text" in readout.inner_text()
    assert len(pictures) == 2


def test_an_answer_stays_until_it_is_hidden(open_widget: Callable[..., Any]) -> None:
    """Other numbers of steps are other answers; only the button asks anew."""
    page = open_widget(FactorizationExplorer())
    readout, guess = page.locator(".flm-readout"), page.get_by_label("my guess", exact=True)
    page.get_by_role("button", name="show").click()
    pictures = {picture(page)}
    page.get_by_label("steps", exact=True).press("ArrowRight")
    pictures.add(picture(page))
    assert get(page, "steps") == 2
    assert "You guessed 25% for 1 step. Masked diffusion in 2 steps: 25.0% are no text" in readout.inner_text()
    assert guess.is_disabled(), "a guess is made before the answer"
    assert "hide it to guess again" in guess.get_attribute("title")
    page.get_by_role("button", name="hide and guess again").press("Enter")
    pictures.add(picture(page))
    assert "in 2 steps of ancestral sampling, are not in the language? Guess" in readout.inner_text()
    assert guess.is_enabled()
    assert not guess.get_attribute("title")
    page.get_by_label("steps", exact=True).press("ArrowRight")
    assert "25.0%" not in readout.inner_text()
    page.get_by_label("predict first", exact=True).click()
    pictures.add(picture(page))
    assert readout.inner_text().startswith("Masked diffusion in 3 steps: 16.7% are no text")
    assert len(pictures) == 4

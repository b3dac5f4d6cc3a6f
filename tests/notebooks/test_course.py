"""`check`, `predict` and `progress`; and each exercise against its solution and typical wrong answers.

A solution stands in one place, the collapsed block of its notebook, and is read from there. Wrong
answers are in wrong_answers.py, each with a phrase of the message that must name it.
"""

import ast
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from torch import Tensor

import flm_edu
from flm_edu.course import answers, check, lessons, predict, progress, use
from flm_edu.course.answers import EXERCISES, REFERENCES
from tests.notebooks.right_answers import RIGHT
from tests.notebooks.wrong_answers import WRONG

NOTEBOOKS = Path(flm_edu.__file__).parent.parent / "notebooks"
SOLUTION = re.compile(r"<summary>Solution</summary>\s*```python\n(.*?)```", re.DOTALL)


def asked() -> dict[str, tuple[str, str]]:
    """Exercise -> (code that imports what its notebook has at hand, solution): read from the notebooks."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        setup = next(cell.source for cell in cells if cell.cell_type == "code")
        setup = "\n".join(line for line in setup.splitlines() if not line.startswith("%"))
        name = ""
        for cell in cells:
            if cell.cell_type == "code" and (asks := re.search(r'^check\("([\w.-]+)"', cell.source, re.MULTILINE)):
                name = asks[1]
            elif cell.cell_type == "markdown" and (solution := SOLUTION.search(cell.source)):
                assert name not in found, f"{path.name}: a solution without its exercise, after {name}"
                found[name] = (setup, solution[1])
    return found


ASKED = asked()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_check(name: str, code: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What `check` prints for an answer: a function, or a value assigned to `answer`."""
    space: dict[str, object] = {}
    exec(ASKED[name][0], space)
    exec(code, space)
    last = ast.parse(code).body[-1]
    assert isinstance(last, ast.FunctionDef | ast.Assign)
    given = last.name if isinstance(last, ast.FunctionDef) else ast.unparse(last.targets[0])
    capsys.readouterr()
    check(name, space[given])
    return capsys.readouterr().out


def test_every_exercise_is_asked_once_and_solved() -> None:
    assert set(ASKED) == set(EXERCISES)
    assert {name for name, _, _ in WRONG} == set(EXERCISES)
    for name in EXERCISES:
        assert sum(wrong == name for wrong, _, _ in WRONG) >= 3, f"{name}: too few wrong answers"


@pytest.mark.parametrize("name", list(EXERCISES))
def test_the_solution_passes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run_check(name, ASKED[name][1], capsys)
    assert f"{name}: solved. 1 of" in printed, printed
    assert "✗" not in printed


@pytest.mark.parametrize(("name", "code", "phrase"), WRONG)
def test_a_wrong_answer_is_named(name: str, code: str, phrase: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run_check(name, code, capsys)
    assert phrase in printed, printed
    assert "solved" not in printed


@pytest.mark.parametrize(("name", "code"), RIGHT)
def test_another_right_answer_passes(name: str, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run_check(name, code, capsys)
    assert f"{name}: solved" in printed, printed


@pytest.mark.parametrize("name", list(EXERCISES))
def test_no_two_mistakes_look_alike_and_each_is_made(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check tells two mistakes apart only if they give different numbers; and no diagnosis is there for nobody."""
    known: set[str] = set()

    def compare(result: Tensor, wanted: Tensor, mistakes: dict[str, Tensor], tolerance: float = 1e-4) -> None:
        values = {"the right answer": wanted, **mistakes}
        for (one, a), (other, b) in combinations(values.items(), 2):
            assert a.shape != b.shape or float((a.double() - b.double()).abs().max()) > tolerance, (one, other)
        known.update(mistakes)
        answers.compare(result, wanted, mistakes, tolerance)

    monkeypatch.setattr(getattr(lessons, f"lesson_{name[:2]}"), "compare", compare)
    assert "solved" in run_check(name, ASKED[name][1], capsys)
    told = "".join(run_check(name, code, capsys) for exercise, code, _ in WRONG if exercise == name)
    assert [sentence for sentence in known if sentence not in told] == []


@pytest.mark.parametrize("name", list(REFERENCES))
def test_a_later_cell_runs_the_readers_function_or_the_courses_own(
    name: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    check(name, REFERENCES[name])
    assert "solved" in capsys.readouterr().out
    assert use(name, lambda *_: ...) is REFERENCES[name]
    assert "Until your <lambda> passes" in capsys.readouterr().out
    space: dict[str, object] = {}
    exec(ASKED[name][0], space)
    exec(ASKED[name][1], space)
    own = next(space[f.name] for f in ast.parse(ASKED[name][1]).body if isinstance(f, ast.FunctionDef))
    assert callable(own)
    assert use(name, own) is own
    assert "Your own" in capsys.readouterr().out


def test_only_an_exercise_can_be_used() -> None:
    with pytest.raises(ValueError, match=r"there is no exercise '01\.mixed' to use"):
        use("01.mixed", lambda: 0)


@pytest.mark.parametrize(("name", "arguments"), [("01.mix", "noise, data, t"), ("05.step", "x, posterior, s, t")])
def test_a_forgotten_return_and_a_changed_argument_are_named(
    name: str, arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = arguments.split(",", maxsplit=1)[0]
    printed = run_check(name, f"def f({arguments}):\n    y = 2 * {first}", capsys)
    assert "a `return` is missing" in printed
    assert "not answered yet" not in printed
    printed = run_check(name, f"def f({arguments}):\n    {first} *= 2\n    return {first}", capsys)
    assert f"changes its argument `{first}`" in printed
    printed = run_check(name, f"def f({arguments}):\n    return ...", capsys)
    assert "not answered yet" in printed


@pytest.mark.parametrize("name", list(EXERCISES))
def test_no_answer_is_no_mistake_and_leaves_no_trace(
    name: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    for given in (None, ...):
        check(name, given)
        printed = capsys.readouterr().out
        assert "not answered yet" in printed
        assert "✗" not in printed
    assert list(folder.iterdir()) == []


def test_what_the_readers_code_raises_is_shown_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    check("01.decode", lambda states: states.nothing)
    printed = capsys.readouterr().out
    assert "your code raised AttributeError" in printed
    assert "nothing" in printed
    check("01.decode", lambda: 0)
    assert "takes 0 positional arguments" in capsys.readouterr().out
    check("01.decode", lambda states: "tea")
    assert "str; numbers or a tensor" in capsys.readouterr().out
    check("01.decode", 3)
    assert "asks for a function" in capsys.readouterr().out


def test_a_name_that_no_exercise_has_is_the_authors_error() -> None:
    with pytest.raises(ValueError, match=r"there is no exercise '01\.decoed'"):
        check("01.decoed", None)


def test_progress_is_kept_beside_the_notebook(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    progress()
    assert f"0 of {len(EXERCISES)}" in capsys.readouterr().out
    for _ in range(2):  # solving it again changes nothing
        check("01.decode", lambda states: states.argmax(-1))
    progress()
    printed = capsys.readouterr().out
    assert "✓ decode" in printed
    assert f"1 of {len(EXERCISES)} exercises done" in printed


@pytest.mark.parametrize("content", ["{", "[]", '{"exercises": "01.decode", "guesses": {}, "right": {}}'])
def test_a_damaged_record_is_named_and_left_alone(
    content: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "progress.json").write_text(content)
    check("01.decode", lambda states: states.argmax(-1))
    printed = capsys.readouterr().out
    assert "remove it to begin your record anew" in printed
    assert "01.decode: solved" in printed
    assert (folder / "progress.json").read_text() == content


def test_a_folder_that_cannot_be_written_stops_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("flm_edu.files.os.replace", refuse)
    check("01.decode", lambda states: states.argmax(-1))
    printed = capsys.readouterr().out
    assert "cannot be kept in progress.json (Read-only file system)" in printed
    assert "01.decode: solved" in printed


OPTIONS = {"few": (0.0, 0.5), "many": (0.5, 1.0)}


def test_a_guess_is_locked_in_and_scored(capsys: pytest.CaptureFixture[str]) -> None:
    predict("x.share", "How many?", OPTIONS, guess="a").reveal(0.7)
    printed = capsys.readouterr().out
    assert "Locked in: A" in printed
    assert "The answer is B: many" in printed
    assert "You guessed A. What did you not expect?" in printed
    changed = predict("x.share", "How many?", OPTIONS, guess="B")
    assert changed.guess == "A"
    assert "Your first guess, A, stays locked in" in capsys.readouterr().out
    changed.reveal(0.2)
    assert "You guessed A: right" in capsys.readouterr().out
    progress()
    assert "1 of 1 predictions right" in capsys.readouterr().out


def test_a_number_is_right_within_its_factor(capsys: pytest.CaptureFixture[str]) -> None:
    for i, (guess, right) in enumerate([(10, True), (14.9, True), (16, False), (6, False)]):
        predict(f"x.{i}", "How many?", guess=guess).reveal(10)
        assert (": right." in capsys.readouterr().out) == right


def test_no_guess_and_odd_guesses_are_told_kindly(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    odd: list[Any] = ["some", -1, [3], {}, float("inf"), float("nan"), 10**400, torch.ones(2), object()]
    for options, guess in ((OPTIONS, None), (OPTIONS, "C"), (OPTIONS, [3]), (OPTIONS, 1.0), *((None, g) for g in odd)):
        predict("x.share", "How many?", options, guess=guess).reveal(0.7)
        printed = capsys.readouterr().out
        assert "No guess yet" in printed
        assert ("is not" in printed) == (guess is not None)
        assert "The answer is" in printed
        assert "You guessed" not in printed
    assert list(folder.iterdir()) == []


def test_a_question_that_cannot_be_answered_is_the_authors_error() -> None:
    with pytest.raises(ValueError, match="no option holds 2"):
        predict("x.share", "How many?", OPTIONS).reveal(2)
    with pytest.raises(ValueError, match="2 to 7 options"):
        predict("x.share", "How many?", {"all": (0, 1)})

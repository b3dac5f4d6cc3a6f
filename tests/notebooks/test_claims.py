"""What the summaries and captions of notebooks 06 to 10 say, held to what their committed cells printed.

The cells show the numbers; that the words beside them are true of these numbers is checked here, so that the
notebooks need not be full of assertions. Claims about several trainings are held to the committed tables.
"""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

import flm_edu
from flm_edu.course import shipped_ablation
from flm_edu.evaluation import shipped_sweeps

NOTEBOOKS = Path(flm_edu.__file__).resolve().parent.parent / "notebooks"


def sweep(data: str) -> tuple[dict[tuple[str, int], float], dict[tuple[str, int], float], float]:
    """(model, steps) -> valid texts, and total variation; and the total variation of exact samples."""
    points = [p for p in shipped_sweeps(data) if p.steps]
    valid = {(p.model, p.steps): p.validity for p in points if p.validity is not None}
    far = {(p.model, p.steps): p.total_variation for p in points if p.total_variation is not None}
    return valid, far, max(p.total_variation_exact or 0.0 for p in points)


@cache
def cells(number: str) -> dict[str, str]:
    """Cell id -> what it printed."""
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    return {
        cell.id: "".join(output.text for output in cell.outputs if output.output_type == "stream")
        for cell in nbformat.read(path, as_version=4).cells  # type: ignore[no-untyped-call]
        if cell.cell_type == "code"
    }


def numbers(number: str, cell: str, line: str) -> list[float]:
    """The numbers after `line` in what a cell printed, percent as shares, to the end of that line."""
    (found,) = re.findall(rf"^\s*{re.escape(line)}(.*)$", cells(number)[cell], re.MULTILINE)
    each = re.findall(r"(-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?)(%?)", found)
    return [float(value.replace(",", "")) / (100 if percent else 1) for value, percent in each]


# --- 06 ---


def test_one_jump_is_the_flow_and_one_euler_step_is_one_point() -> None:
    assert numbers("06", "map", "700 Euler steps and one jump of the library differ by at most")[0] < 0.01
    assert numbers("06", "map-figure", "after one Euler step from t = 0 to 1 the 60 points differ by")[0] < 1e-6
    assert numbers("06", "average", "average of the denoisers and two-time denoiser differ by at most")[0] < 0.01


def test_the_two_time_denoiser_is_certain_where_the_denoiser_is_not() -> None:
    assert "40% for D at t = 0, 100.0% for delta" in cells("06")["reveal-certain"]
    assert "positions with the same word in all texts: 4 of 10" in cells("06")["reveal-certain"]


def test_distillation_lowers_the_defect_at_every_length() -> None:
    before = numbers("06", "trained", "before distillation")
    after = numbers("06", "trained", "after")
    assert all(later < earlier / 5 for earlier, later in zip(before, after, strict=True))
    assert after[-1] < before[-1] / 100


# --- 07 ---


def test_the_authors_choices_learn_and_the_shipped_map_has_learned_more() -> None:
    teacher = numbers("07", "start", "teacher, one Euler step")
    shipped = numbers("07", "distil", "sentences-fmlm, as shipped")
    now = numbers("07", "distil", "distilled just now")
    twice = numbers("07", "distil", "teacher, two Euler steps")
    assert now[0] > teacher[0] + 0.05
    assert now[1] > teacher[1] + 0.05
    assert shipped[0] - shipped[1] > 0.25  # another sentence for more than one noise in four
    assert shipped[0] > twice[0]


def test_at_a_high_rate_and_with_little_diagonal_the_target_must_move_slowly() -> None:
    fast = numbers("07", "fast", "high rate, latest weights")
    slow = numbers("07", "slow", "high rate, averaged weights")
    assert fast[1] < slow[1] - 0.1
    runs = shipped_ablation("targets")
    assert len(runs) == 24

    def faithful(diagonal: str, target: str, rate: str) -> list[float]:
        return [
            float(row["faithful"])
            for row in runs
            if (row["diagonal"], row["target"]) == (diagonal, target) and rate in row["optimizer"]
        ]

    assert max(faithful("0.125", "student", "")) < min(faithful("0.125", "ema", "")) - 0.2
    for rate in ("Muon", "AdamW 2e-3", "AdamW 3e-4"):
        means = [sum(shares) / len(shares) for shares in (faithful("0.5", t, rate) for t in ("student", "ema"))]
        assert abs(means[0] - means[1]) < 0.04  # within a few points
    low = faithful("0.5", "student", "3e-4") + faithful("0.5", "ema", "3e-4")
    high = faithful("0.5", "student", "2e-3") + faithful("0.5", "ema", "2e-3")
    assert min(low) > 0.585
    assert max(low) < 0.615
    assert min(high) > 0.515
    assert max(high) < 0.595


def test_rehearsal_buys_validity_with_faithfulness() -> None:
    runs = {(row["run"], row["second_half"]): row for row in shipped_ablation("rehearsal")}
    assert len(runs) == 6
    for run in ("0", "1", "2"):
        plain, rehearsed = (runs[run, half] for half in ("all lengths", "every second from 0 to 1"))
        assert float(rehearsed["validity"]) > float(plain["validity"])
        assert float(rehearsed["faithful"]) < float(plain["faithful"])


# --- 08 ---


def test_filling_evenly_helps_where_one_word_comes_first_and_confidence_depends_on_the_language() -> None:
    many = ("cities, perfect, 2", "sentences, perfect, 8", "sentences, trained, 8", "tales, perfect, 14")
    for name in (*many, "tales, perfect, 16", "tales, trained, 16"):
        ancestral, even, confidence = numbers("08", "order", f"{name} steps")
        assert even > ancestral + 0.05
        assert (confidence < ancestral) == name.startswith("tales")
    ancestral, three_first, _ = numbers("08", "order", "tales, perfect, 8 steps")
    assert three_first == pytest.approx(ancestral, abs=0.05)
    two_first, one_first = (numbers("08", "order", f"tales, perfect, {n} steps")[1] for n in (13, 14))
    assert one_first > 1.7 * two_first
    assert max(numbers("08", "order", "cities, perfect, 1 steps")) < 0.6


def test_a_fixed_input_is_bound_and_random_words_are_not() -> None:
    assert numbers("08", "impossibility", "least distance")[0] == pytest.approx(2**0.5 - 1, abs=0.001)
    assert numbers("08", "counterexample", "valid:")[:2] == [1.0, pytest.approx(0.0, abs=0.05)]
    assert numbers("08", "counterexample", "perfect uniform diffusion in one step: valid")[0] < 0.6


def test_the_flow_is_nearer_sooner() -> None:
    flow = numbers("08", "curves", "perfect flow   ")[6:]
    for name in ("perfect uniform diffusion", "perfect masked diffusion", "perfect masked, even"):
        discrete = numbers("08", "curves", name)[6:]
        assert len(discrete) == 6
        assert all(a < b for a, b in zip(discrete[:3], flow[:3], strict=True))


# --- 09 ---


def test_the_judge_likes_the_cold_writer_and_the_endless_phrase() -> None:
    cold, warm = (numbers("09", "reveal-temperature", f"T = {t}:") for t in ("0.05", "1.0"))
    assert cold[0] < warm[0]
    assert cold[1] > 0.7 > warm[1]
    surprise = {n: numbers("09", "reveal-fooled", n) for n in ("presidents", "repeated", "flow map, 8 steps")}
    once = numbers("09", "reveal-fooled", "flow, 1 step")
    assert surprise["repeated"][0] < surprise["presidents"][0]
    assert once[0] < surprise["flow map, 8 steps"][0]
    for fooled in (surprise["repeated"], once):
        assert all(a < b / 2 for a, b in zip(fooled[1:], surprise["presidents"][1:], strict=True))


def test_the_papers_map_leads_in_one_step_and_is_passed_in_eight() -> None:
    for data in ("tales", "sentences"):
        _, far, _ = sweep(data)
        ours = (f"{data}-fmlm", "tales-path", "perfect:flow-map")
        assert far[f"{data}-fmlm", 1] < min(value for (model, n), value in far.items() if n == 1 and model not in ours)
    valid, _, _ = sweep("tales")
    one, two = (valid["tales-fmlm", n] for n in (1, 2))
    assert valid["perfect:uniform", 4] < one < valid["perfect:uniform", 8] < two
    assert "The answer is B" in cells("09")["headline"]
    assert valid["tales-path", 1] > one


def test_what_a_student_wins() -> None:
    valid, far, floor = sweep("tales")
    for name in ("tales-flm", "tales-fmlm"):
        assert far[name, 64] < floor + 0.003
    assert valid["tales-sdtt", 8] > valid["perfect:masked", 8] + 0.2
    assert valid["tales-sdtt", 64] > valid["tales-masked", 64]
    assert far["tales-sdtt", 64] > far["tales-masked", 64]


# --- 10 ---


def test_the_shipped_flow_of_real_text_does_not_reach_a_reader_without_context() -> None:
    without, error = numbers("10", "baseline", "without context")
    assert (
        without + 4 * error
        < numbers("10", "baseline", "sotu-flm ")[0]
        < numbers("10", "baseline", "guessing evenly")[0]
    )
    known = {
        name: numbers("10", "reveal-pairs", name)[-3]
        for name in ("president, held out", "flow, 32 steps", "flow map, 1 step", "tokens at random")
    }
    for name in ("flow, 32 steps", "flow map, 1 step"):
        assert 2 * known["tokens at random"] < known[name] < known["president, held out"]


def test_one_batch_is_learned_by_heart() -> None:
    assert numbers("10", "run", "steps up to 20: loss")[0] > 2
    assert numbers("10", "run", "steps up to 60: loss")[0] < 0.01

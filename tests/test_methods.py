"""Equal footing: what is compared has the same size and says what it was trained on; published figures have a source."""

from dataclasses import replace
from pathlib import Path

import pytest

from flm_edu.evaluation import published, training_tokens
from flm_edu.files import data_dir
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.language_model import LanguageModel, load_model
from flm_edu.methods import DISTILLATIONS, TRAINABLE, path_student, size_like
from flm_edu.network import count_weights
from flm_edu.training.presets import load_preset


@pytest.mark.parametrize("vocab_size", [29, 58, 2048])
def test_families_differ_in_size_by_less_than_two_percent(vocab_size: int) -> None:
    """All that are trained from scratch; a flow map has a second time embedding and is matched by `size_like`."""
    config = load_preset("tiny").network(vocab_size, 26)
    sizes = {n: count_weights(kind(config).network) for n, (kind, _) in TRAINABLE.items() if kind is not FlowMapLM}
    assert max(sizes.values()) / min(sizes.values()) < 1.02, sizes


@pytest.mark.parametrize("name", ["sentences-fmlm", "tales-fmlm", "sotu-fmlm"])
@pytest.mark.parametrize("kind", [kind for kind, _ in TRAINABLE.values()])
def test_a_family_can_be_as_large_as_a_shipped_flow_map(name: str, kind: type[LanguageModel]) -> None:
    pattern = load_model(name)
    config = size_like(pattern, kind)
    assert (config.width, config.blocks) == (pattern.config.width, pattern.config.blocks)
    assert count_weights(kind(config).network) == pytest.approx(count_weights(pattern.network), rel=0.02)


@pytest.mark.parametrize("vocab_size", [58, 256])
def test_a_student_that_guesses_is_as_large_as_one_that_does_not(vocab_size: int) -> None:
    """Or the guesses come on top, where the time embedding would have to make up for them; and a network is like it again."""
    teacher = FlowLM(replace(load_model("tales-flm").config, vocab_size=vocab_size))
    student, plain = path_student(teacher), FlowMapLM.from_flow_lm(teacher)
    assert student.config.guesses
    assert student.config.unit_attention
    ratio = count_weights(student.network) / count_weights(plain.network)
    assert 0.98 < ratio < (1.02 if vocab_size == 58 else 1.3)
    assert student.config.time_width > plain.config.time_width / 2
    like = size_like(student, FlowLM)
    assert not like.guesses
    assert count_weights(FlowLM(like).network) == pytest.approx(count_weights(student.network), rel=0.02)


def test_a_path_is_not_for_large_vocabularies_or_a_single_block() -> None:
    config = load_preset("tiny").network(2048, 26)
    with pytest.raises(ValueError, match=r"times as large.*--method semigroup"):
        path_student(FlowLM(config))
    with pytest.raises(ValueError, match="2 blocks or more"):
        path_student(FlowLM(replace(config, vocab_size=29, blocks=1)))


def test_training_tokens_count_teachers_and_earlier_courses_once() -> None:
    flow = {"steps": 10, "training": {"batch": 4}}
    course = {"steps": 5, "training": {"batch": 2}, "teacher": flow, "init": None}
    rehearsal = {"steps": 3, "training": {"batch": 2}, "teacher": flow, "init": course}
    in_rounds = {"steps": 7, "training": {"batch": 4}, "teacher": flow, "objective": {"round": 3}}
    assert [training_tokens(p, 100) for p in (flow, course, rehearsal, in_rounds)] == [4000, 5000, 5600, 12400]
    assert training_tokens({}, 100) is None
    assert training_tokens(load_model("tales-flm").provenance, 26) == 5000 * 128 * 26


def test_every_distillation_has_a_teacher_that_can_be_trained() -> None:
    kinds = {kind for kind, _ in TRAINABLE.values()}
    assert {method.teacher for method in DISTILLATIONS.values()} <= kinds


@pytest.mark.parametrize("path", sorted((data_dir() / "reference").glob("*.csv")), ids=lambda path: path.stem)
def test_published_figures_name_their_source(path: Path) -> None:
    rows = published(path.stem)
    assert rows
    for row in rows:
        assert "arXiv" in row["source"]
        assert row["judge"] == "gpt2-large"
        assert row["perplexity"] > 1
        assert row["steps"] >= 1
    assert path.name in (path.parent / "README.md").read_text(encoding="utf-8")


def test_figures_that_nobody_published_are_refused() -> None:
    with pytest.raises(ValueError, match="lm1b, openwebtext"):
        published("wikitext")

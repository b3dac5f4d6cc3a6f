"""Equal footing: what is compared has the same size and says what it was trained on; published figures have a source."""

from pathlib import Path

import pytest

from flm_edu.architecture import count_weights
from flm_edu.evaluation import published, training_tokens
from flm_edu.files import data_dir
from flm_edu.flow import FlowMapLM
from flm_edu.language_model import LanguageModel, load_model
from flm_edu.methods import DISTILLATIONS, TRAINABLE, size_like
from flm_edu.network import NetworkConfig
from flm_edu.training.presets import load_preset


@pytest.mark.parametrize("vocab_size", [29, 58, 2048])
def test_families_differ_in_size_by_less_than_two_percent(vocab_size: int) -> None:
    """All that are trained from scratch; flow maps have a second time embedding and are matched by `size_like`."""
    config = load_preset("tiny").network(vocab_size, 26)
    kinds = {name: one.model for name, one in TRAINABLE.items() if not issubclass(one.model, FlowMapLM)}
    sizes = {name: count_weights(kind(config).network) for name, kind in kinds.items()}
    assert max(sizes.values()) / min(sizes.values()) < 1.02, sizes


@pytest.mark.parametrize("name", ["sentences-fmlm", "tales-fmlm", "sotu-fmlm"])
@pytest.mark.parametrize("kind", [one.model for one in TRAINABLE.values()])
def test_a_family_can_be_as_large_as_a_shipped_flow_map(name: str, kind: type[LanguageModel]) -> None:
    pattern = load_model(name)
    config = size_like(pattern, kind)
    assert isinstance(config, NetworkConfig)
    assert isinstance(pattern.config, NetworkConfig)
    assert (config.width, config.blocks) == (pattern.config.width, pattern.config.blocks)
    assert count_weights(kind(config).network) == pytest.approx(count_weights(pattern.network), rel=0.02)


def test_training_tokens_count_teachers_and_earlier_courses_once() -> None:
    flow = {"steps": 10, "training": {"batch": 4}}
    course = {"steps": 5, "training": {"batch": 2}, "teacher": flow, "init": None}
    rehearsal = {"steps": 3, "training": {"batch": 2}, "teacher": flow, "init": course}
    in_rounds = {"steps": 7, "training": {"batch": 4}, "teacher": flow, "objective": {"round": 3}}
    assert [training_tokens(p, 100) for p in (flow, course, rehearsal, in_rounds)] == [4000, 5000, 5600, 12400]
    assert training_tokens({}, 100) is None
    assert training_tokens(load_model("tales-flm").provenance, 26) == 5000 * 128 * 26


def test_every_distillation_has_a_teacher_that_can_be_trained() -> None:
    kinds = {one.model for one in TRAINABLE.values()}
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

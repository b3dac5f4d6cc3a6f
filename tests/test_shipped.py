"""The weights in data/checkpoints do what the README says of them."""

import json

import pytest
import torch

from flm_edu.cli.data import check_fits, data_of
from flm_edu.corpus import load_corpus
from flm_edu.evaluation import sweep
from flm_edu.files import data_dir
from flm_edu.flow import FlowMapLM
from flm_edu.grammar import load_listed
from flm_edu.language_model import load_model
from flm_edu.model_files import shipped_models
from flm_edu.oracle import PerfectFlow

SAMPLES = 1000


def validity(name: str, steps: int) -> float:
    model = load_model(name)
    language = load_listed(str(model.provenance["corpus"]))
    samples = {1: 4000, 64: 300}.get(steps, SAMPLES)  # a flow in 64 steps is dear, and errs in one text of a hundred
    return language.validity(model.sample(samples, steps, generator=torch.Generator().manual_seed(11)))


def test_every_family_member_is_there_small_and_with_provenance() -> None:
    flows = [
        f"{data}-{kind}" for data in ("drinks", "errands", "sentences", "sotu", "tales") for kind in ("flm", "fmlm")
    ]
    compared, distilled = ("ar", "masked", "uniform"), ("dcd", "sdtt")
    kinds = {"errands": compared, "sentences": compared + distilled, "tales": compared + distilled}
    baselines = [f"{data}-{kind}" for data in kinds for kind in kinds[data]]
    left_out = {f"sotu-{kind}" for kind in compared + distilled}  # recipes/baselines.sh puts them there
    assert sorted(set(shipped_models()) - left_out) == sorted([*flows, *baselines, "tales-path"])
    for name in shipped_models():
        folder = data_dir() / "checkpoints" / name
        assert sum(path.stat().st_size for path in folder.iterdir()) < 3e6, name
        facts = json.loads((folder / "provenance.json").read_text())
        assert {"command", "commit", "steps", "corpus", "corpus_fingerprint", "metrics"} <= facts.keys()
        words = facts["command"].split()
        assert not any(word.startswith(("/", "~")) or ".." in word for word in words), "a path of some machine"


@pytest.mark.parametrize("name", shipped_models())
def test_a_model_finds_the_data_it_was_trained_on_as_they_are(name: str) -> None:
    """`evaluate` and `distill` name no data; what a model says of its own must lead to them, unchanged."""
    model = load_model(name)
    data = data_of(model, None, None)
    assert data.name == name.rpartition("-")[0] == model.provenance["corpus"]
    check_fits(name, model, data)


def test_drinks_end_where_the_perfect_flow_carries_them() -> None:
    """Sixteen steps of the trained flow, and one jump of its map, against the exact flow from the same noise."""
    exact = PerfectFlow(load_listed("drinks")).sample(SAMPLES, 64, generator=torch.Generator().manual_seed(11))
    for name, steps, least in (("drinks-flm", 16, 0.97), ("drinks-fmlm", 1, 0.97)):
        tokens = load_model(name).sample(SAMPLES, steps, generator=torch.Generator().manual_seed(11))
        assert float((tokens == exact).double().mean()) >= least, name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps", "least"),
    [
        ("sentences-flm", 64, 0.99),
        ("sentences-fmlm", 1, 0.95),
        ("sentences-fmlm", 8, 0.99),
        ("tales-flm", 64, 0.95),
        ("tales-fmlm", 1, 0.70),
        ("tales-fmlm", 4, 0.95),
        ("tales-path", 1, 0.85),
        ("tales-path", 4, 0.96),
    ],
)
def test_valid_texts(name: str, steps: int, least: float) -> None:
    assert validity(name, steps) >= least


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps"), [("sentences-flm", 64), ("sentences-fmlm", 1), ("sentences-fmlm", 8)])
def test_samples_are_spread_as_the_language_is(name: str, steps: int) -> None:
    language = load_listed("sentences")
    tokens = load_model(name).sample(SAMPLES, steps, generator=torch.Generator().manual_seed(11))
    assert language.total_variation(tokens) <= language.expected_total_variation(SAMPLES) + 0.05


@pytest.mark.slow
def test_real_text_in_one_step_has_words_and_keeps_its_variety() -> None:
    flow_map = FlowMapLM.from_pretrained("sotu-fmlm")
    corpus = load_corpus("sotu", 32, tokenizer=flow_map.tokenizer, packing="sentence")
    data, one_step = sweep({"fmlm": flow_map}, corpus, [1], samples=200)
    assert one_step.known_words is not None
    assert one_step.known_words > 0.5
    assert abs(one_step.entropy - data.entropy) < 0.6

"""Where the notebooks train: the CPU, unless the environment asks for a GPU."""

import pytest
import torch

from flm_edu.course.device import VARIABLE, training_device
from flm_edu.flow import FlowLM
from flm_edu.language import Language
from flm_edu.network import NetworkConfig
from flm_edu.objectives import flow_matching
from flm_edu.training import TrainConfig, Trainer


def test_the_cpu_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert training_device() == torch.device("cpu")


@pytest.mark.parametrize("there", [True, False])
def test_a_gpu_is_used_where_it_is_asked_for_and_there(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setenv(VARIABLE, "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    if there:
        assert training_device() == torch.device("cuda")
    else:
        with pytest.raises(ValueError, match="finds no GPU"):
            training_device()


def test_other_devices_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "tpu")
    with pytest.raises(ValueError, match="'tpu'; it must be cpu or cuda"):
        training_device()


def test_training_stays_off_a_gpu_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    language = Language.from_sentences(["tea", "milk"], [0.5, 0.5])
    model = FlowLM(NetworkConfig(vocab_size=2, length=1, width=8, blocks=1, heads=1))
    trainer = Trainer(model, language, flow_matching, TrainConfig(steps=1), device="cpu")
    assert trainer.device == torch.device("cpu")

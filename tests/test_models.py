"""Model directories: what is saved is what is loaded, and damage is named."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from flm_edu.baselines import AutoregressiveLM, MaskedLM, UniformLM
from flm_edu.flow import FlowLM, FlowMapLM, FlowModel
from flm_edu.interpolant import denoiser_from_velocity
from flm_edu.language import Language
from flm_edu.language_model import LanguageModel, load_model
from flm_edu.model_files import ModelError
from flm_edu.network import NetworkConfig
from tests.conftest import full_disk, old_config, tiny_flow


def test_what_is_saved_is_what_is_loaded(flow: FlowLM, flow_map: FlowMapLM, tmp_path: Path) -> None:
    for model, folder in ((flow, tmp_path / "a b"), (flow_map, tmp_path / "map")):
        model.save_pretrained(folder, {"corpus": "toy"})
        again = load_model(folder)
        assert type(again) is type(model)
        assert again.config == model.config
        assert again.provenance["corpus"] == "toy"
        assert again.provenance["files"].keys() == {"model.safetensors", "tokenizer.json"}
        draws = [m.sample(4, 3, generator=torch.Generator().manual_seed(0)) for m in (model, again)]
        assert torch.equal(*draws)
        assert again.decode(draws[0]) == model.decode(draws[0])
        assert sorted(p.name for p in folder.iterdir()) == [
            "config.json", "model.safetensors", "provenance.json", "tokenizer.json",
        ]  # fmt: skip


def test_denoiser_and_velocity_belong_together(flow: FlowLM) -> None:
    x, t = torch.randn(3, 3, 3), torch.rand(3) * 0.9
    denoiser = flow.denoiser(x, t)
    assert torch.allclose(denoiser.sum(-1), torch.ones(3, 3), atol=1e-6)
    assert torch.allclose(denoiser_from_velocity(flow.velocity(x, t), x, t), denoiser, atol=1e-5)


def test_flow_map_of_no_length_is_the_identity_and_its_diagonal_the_denoiser(flow_map: FlowMapLM) -> None:
    x, t = torch.randn(3, 3, 3), torch.rand(3)
    assert torch.equal(flow_map.flow_map(x, t, t), x)
    assert torch.equal(flow_map.denoiser(x, t), flow_map.two_time_denoiser(x, t, t))
    assert torch.equal(flow_map.flow_map(x, t * 0, t * 0 + 1), flow_map.two_time_denoiser(x, t * 0, t * 0 + 1))


def test_the_other_kind_of_model_is_refused(flow: FlowLM, tmp_path: Path) -> None:
    flow.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="not a 'flow-map-lm'"):
        FlowMapLM.from_pretrained(tmp_path)


def damage(folder: Path, name: str) -> str:
    """Damage a model directory in one way; the file that the message must name."""
    weights = folder / "model.safetensors"
    if name == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif name == "missing":
        weights.unlink()
    elif name == "other shape":
        tensors = load_file(weights)
        tensors["embedding.weight"] = tensors["embedding.weight"][:, :4].contiguous()
        save_file(tensors, weights)
    elif name == "extra layer":
        save_file({**load_file(weights), "blocks.9.mlp_in.bias": torch.zeros(3)}, weights)
    elif name == "config no json":
        (folder / "config.json").write_text("{")
        return "config.json"
    elif name == "config unknown size":
        config = json.loads((folder / "config.json").read_text())
        config["network"]["colour"] = 3
        (folder / "config.json").write_text(json.dumps(config))
        return "config.json"
    elif name == "unknown model":
        (folder / "config.json").write_text('{"model": "gpt"}')
        return "config.json"
    elif name == "tokenizer":
        (folder / "tokenizer.json").write_text("{}")
        return "tokenizer.json"
    return "model.safetensors"


@pytest.mark.parametrize(
    "name",
    [
        "truncated",
        "missing",
        "other shape",
        "extra layer",
        "config no json",
        "config unknown size",
        "unknown model",
        "tokenizer",
    ],
)
@pytest.mark.parametrize("hashed", [True, False], ids=["hashed", "of version 0.1"])
def test_damage_is_named(flow: FlowLM, tmp_path: Path, name: str, hashed: bool) -> None:
    flow.save_pretrained(tmp_path)
    if not hashed:
        (tmp_path / "provenance.json").unlink()
    named = damage(tmp_path, name)
    with pytest.raises(ModelError, match=named):
        load_model(tmp_path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_half_precision_take_half_the_file_and_come_back_as_float32(
    language: Language, tmp_path: Path, dtype: torch.dtype
) -> None:
    flow = tiny_flow(language, width=64)
    flow.save_pretrained(tmp_path / "whole")
    flow.save_pretrained(tmp_path / "half", dtype=dtype)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=0.05)
    assert all(p.dtype == torch.float32 for p in flow.parameters()), "what is saved stays as it is"
    whole, half = (load_model(tmp_path / name) for name in ("whole", "half"))
    assert all(p.dtype == torch.float32 for p in half.parameters())
    for ours, theirs in zip(half.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=torch.finfo(dtype).eps, atol=1e-6)
    draws = [m.sample(200, 4, generator=torch.Generator().manual_seed(0)) for m in (whole, half)]
    assert float((draws[0] == draws[1]).double().mean()) > 0.97  # but where two words were as likely
    half.save_pretrained(tmp_path / "again", dtype=dtype)
    again = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("half", "again")]
    assert again[0] == again[1]


@pytest.mark.parametrize("kind", [FlowLM, FlowMapLM, MaskedLM, UniformLM, AutoregressiveLM])
def test_directories_of_version_0_1_are_read(kind: type[LanguageModel], language: Language, tmp_path: Path) -> None:
    """There the network's sizes said what it was for, which the kind of model says now."""
    torch.manual_seed(0)
    model = kind(tiny_flow(language).config, language.tokenizer)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(tmp_path)
    role = kind.ROLE
    is_flow = issubclass(kind, FlowModel)
    old_config(
        tmp_path, kind.kind, reader="linear" if is_flow else None,
        two_times=role.two_times, causal=role.causal, extra_tokens=role.extra_tokens,
    )  # fmt: skip
    again = load_model(tmp_path)
    assert type(again) is kind
    assert again.config == model.config
    assert again.settings() == model.settings()
    draws = [m.sample(4, 2, generator=torch.Generator().manual_seed(0)) for m in (model, again)]
    assert torch.equal(*draws)
    again.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["network"]["architecture"] == "dit"
    assert not {"two_times", "causal", "extra_tokens", "guesses", "unit_attention"} & config["network"].keys()
    assert "reader" not in config


def test_a_role_is_no_size(flow: FlowLM, tmp_path: Path) -> None:
    """What a directory of today says of its network is taken at its word."""
    flow.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["network"]["causal"] = True
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"config\.json"):
        load_model(tmp_path)


def test_tokenizer_of_another_vocabulary(flow: FlowLM, language: Language, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="3 tokens but the network 2"):
        FlowLM(NetworkConfig(2, 3, 16, 1, 2), language.tokenizer)
    with_rows_to_spare = FlowLM(NetworkConfig(9, 3, 16, 1, 2), language.tokenizer)  # as published networks have
    assert with_rows_to_spare.decode(torch.tensor([[0, 8, 1]])) == ["a b"]
    other = Language.from_sentences(["a b c d"])
    flow.save_pretrained(tmp_path)
    (tmp_path / "provenance.json").unlink()  # which would notice the change itself
    (tmp_path / "tokenizer.json").write_text(other.tokenizer.to_str())
    with pytest.raises(ModelError, match="4 tokens but the network 3"):
        load_model(tmp_path)


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="shipped model"):
        load_model("no-such-model")
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        load_model(tmp_path)


def test_a_full_disk_leaves_the_old_model_whole(flow: FlowLM, tmp_path: Path) -> None:
    flow.save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with torch.no_grad():
        next(flow.parameters()).add_(1)
    with full_disk(), pytest.raises(OSError, match=r"model\.safetensors"):
        flow.save_pretrained(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

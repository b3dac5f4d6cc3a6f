"""The authors' published layout is read exactly, and nothing in such a file is run."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.model_files import ModelError
from flm_edu.reference import load_reference_checkpoint, read_checkpoint
from tests.conftest import FIXTURES, parts


@pytest.mark.parametrize(("name", "kind"), [("flm", FlowLM), ("fmlm", FlowMapLM)])
def test_logits_agree_with_the_published_network(name: str, kind: type) -> None:
    model = load_reference_checkpoint(FIXTURES / f"reference_{name}.ckpt")
    recorded = load_file(FIXTURES / f"reference_{name}.io.safetensors")
    assert isinstance(model, kind)
    times = [recorded[key] for key in ("tau_s", "tau_t") if key in recorded]
    with torch.no_grad():
        logits = model.logits(recorded["x"], *times)
    assert float((logits - recorded["logits"]).abs().max()) < 1e-4


def test_averaged_weights_are_taken() -> None:
    content = read_checkpoint(FIXTURES / "reference_flm.ckpt")
    model = load_reference_checkpoint(FIXTURES / "reference_flm.ckpt")
    taken = parts(model).embedding.weight
    assert torch.equal(taken, content["ema"]["shadow_params"][0])
    assert not torch.equal(taken, content["state_dict"]["backbone.vocab_embed.embedding"])


def test_it_samples_and_saves_as_any_model(tmp_path: Path) -> None:
    model = load_reference_checkpoint(FIXTURES / "reference_fmlm.ckpt")
    model.save_pretrained(tmp_path)
    again = FlowMapLM.from_pretrained(tmp_path)
    draws = [m.sample(2, 2, generator=torch.Generator().manual_seed(0)) for m in (model, again)]
    assert torch.equal(*draws)


def rewritten(source: Path, target: Path, replace: dict[str, bytes]) -> Path:
    """A copy of a checkpoint with some of its entries replaced."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, replace.get(name.split("/", 1)[1], old.read(name)))
    return target


class Attack:
    """Its pickle calls a function when it is read."""

    def __init__(self, function: object, *args: object):
        self.call = (function, args)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def attacks() -> list[tuple[str, bytes]]:
    import builtins
    import os
    import subprocess

    calls = {
        "system": Attack(os.system, "touch pwned"),
        "Popen": Attack(subprocess.Popen, ["touch", "pwned"]),
        "eval": Attack(builtins.eval, "__import__('os').system('touch pwned')"),
        "getattr": Attack(builtins.getattr, "", "join"),
        "loads": Attack(pickle.loads, b""),
    }
    return [(name, pickle.dumps({"state_dict": {}, "x": attack}, protocol=2)) for name, attack in calls.items()]


@pytest.mark.parametrize(("name", "payload"), attacks(), ids=lambda v: v if isinstance(v, str) else "")
def test_code_in_a_file_is_refused_by_name(
    name: str, payload: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bad = rewritten(FIXTURES / "reference_flm.ckpt", tmp_path / "bad.ckpt", {"data.pkl": payload})
    with pytest.raises(ModelError, match=rf"was refused.*{name}"):
        load_reference_checkpoint(bad)
    assert not (tmp_path / "pwned").exists()


def test_library_objects_stay_inert() -> None:
    """The fixture mentions omegaconf and transformers; reading it must import neither."""
    import subprocess
    import sys

    code = (
        "import sys, flm_edu; flm_edu.load_reference_checkpoint(sys.argv[1]);"
        "assert not {'omegaconf', 'transformers'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", code, str(FIXTURES / "reference_fmlm.ckpt")], check=True)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    whole = (FIXTURES / "reference_flm.ckpt").read_bytes()
    cut = tmp_path / "cut.ckpt"
    cut.write_bytes(whole[: len(whole) // 2])
    flipped = tmp_path / "flipped.ckpt"
    flipped.write_bytes(whole[:900_000] + b"\0" * 64 + whole[900_064:])
    for path in (cut, flipped, tmp_path / "missing.ckpt"):
        with pytest.raises(ModelError, match=path.name):
            load_reference_checkpoint(path)


def test_files_of_another_layout_are_named(tmp_path: Path) -> None:
    for content, message in [
        ({"weights": 1}, "no 'state_dict'"),
        ([1, 2], "no 'state_dict'"),
        ({"state_dict": {"head.weight": torch.zeros(2)}}, "vocab_embed"),
    ]:
        torch.save(content, tmp_path / "other.ckpt")
        with pytest.raises(ModelError, match=message):
            load_reference_checkpoint(tmp_path / "other.ckpt")


def test_plain_torch_files_are_read_whole(tmp_path: Path) -> None:
    tensor = torch.randn(3, 4)
    content = {"a": tensor, "b": [tensor.T, torch.arange(3)], "c": (1, "x", None), "half": tensor.bfloat16()}
    torch.save(content, tmp_path / "plain.pt")
    read = read_checkpoint(tmp_path / "plain.pt")
    assert torch.equal(read["a"], tensor)
    assert torch.equal(read["b"][0], tensor.T)
    assert torch.equal(read["half"], tensor.bfloat16())
    assert read["c"] == (1, "x", None)


def test_bytes_survive(tmp_path: Path) -> None:
    torch.save({"raw": b"\x00\xff"}, tmp_path / "bytes.pt")
    assert read_checkpoint(tmp_path / "bytes.pt") == {"raw": b"\x00\xff"}

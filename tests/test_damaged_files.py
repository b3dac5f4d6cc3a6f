"""Damaged and hostile files: each ends in a sentence that names it, before anything is allocated or run."""

from __future__ import annotations

import collections
import datetime
import json
import logging
import os
import pickle
import runpy
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import flm_edu
from flm_edu.files import data_dir
from flm_edu.grammar import load_language
from flm_edu.model_files import ModelError
from flm_edu.reference import read_checkpoint
from flm_edu.training.state import TrainingStopped, read_state, state_path
from tests.conftest import FIXTURES

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of a small shipped model, to be damaged."""
    return Path(shutil.copytree(data_dir() / "checkpoints" / "drinks-flm", tmp_path / "model"))


def edit(path: Path, change: Edit) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


# --- model directories --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"blocks": 10**9},
        {"width": 10**9},
        {"vocab_size": 10**12},
        {"length": 10**12},
        {"heads": 1.5},
        {"softcap": "x"},
        {"dropout": None},
        {"width": True},
        {"unknown": 1},
    ],
    ids=str,
)
def test_sizes_that_the_weights_cannot_fill_are_refused(model: Path, change: dict[str, Any]) -> None:
    edit(model / "config.json", lambda config: config["network"].update(change))
    with pytest.raises(ModelError, match=r"config\.json"):
        flm_edu.load_model(model)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_is_not_the_one_that_was_saved_is_refused(model: Path, name: str) -> None:
    content = bytearray((model / name).read_bytes())
    content[-3] ^= 1
    (model / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        flm_edu.load_model(model)


def test_two_words_with_one_id_are_refused(model: Path) -> None:
    (model / "provenance.json").unlink()  # which would notice the change itself
    edit(model / "tokenizer.json", lambda content: content["model"]["vocab"].update(milk=0))
    with pytest.raises(ModelError, match=r"have one id|damaged"):
        flm_edu.load_model(model)


def test_weights_that_are_no_numbers_are_refused(model: Path) -> None:
    (model / "provenance.json").unlink()
    weights = load_file(model / "model.safetensors")
    next(iter(weights.values())).view(-1)[0] = torch.nan
    save_file(weights, model / "model.safetensors")
    with pytest.raises(ModelError, match="NaN or infinite"):
        flm_edu.load_model(model)


@pytest.mark.parametrize("content", ["1", "[" * 100_000, '{"files": 3, "corpus_options": 1}', '{"files": {"../x": 1}}'])
def test_any_provenance_ends_in_a_model_or_a_sentence(model: Path, content: str) -> None:
    (model / "provenance.json").write_text(content)
    try:
        flm_edu.load_model(model)
    except ModelError as error:
        assert "provenance.json" in str(error)  # noqa: PT017


def test_a_models_own_words_do_not_decide_which_files_are_read(model: Path, tmp_path: Path) -> None:
    """A name in the provenance stays inside the directory."""
    (tmp_path / "outside").write_text("x")
    edit(model / "provenance.json", lambda content: content.update(files={"../outside": "0" * 64}))
    assert flm_edu.load_model(model).kind == "flow-lm"


def test_a_foreign_hub_id_is_refused_by_its_config_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repo, name: str(tmp_path / name))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *args, **kw: pytest.fail("asked for all files"))
    with pytest.raises(ModelError, match="no model of this package"):
        flm_edu.load_model("someone/llama")


# --- published checkpoints ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    content = read_checkpoint(FIXTURES / "reference_flm.ckpt")
    return {"state_dict": dict(content["state_dict"]), "ema": dict(content["ema"])}


def load_changed(published: dict[str, Any], tmp_path: Path, **changes: Any) -> flm_edu.FlowLM | flm_edu.FlowMapLM:
    path = tmp_path / "x.ckpt"
    settings = {"config": {"model": {"n_heads": 2, "length": 8}}}
    torch.save({**published, "hyper_parameters": settings, **changes}, path)
    return flm_edu.load_reference_checkpoint(path)


@pytest.mark.parametrize(
    "extra",
    [
        np.float64(3.2),
        torch.Size([1, 2]),
        torch.device("cpu"),
        torch.float32,
        Namespace(a=1),
        datetime.datetime(2026, 1, 1),
        collections.Counter([1, 2]),
        np.random.RandomState(0).get_state(),
        [float("inf"), None, 1j],
    ],
    ids=lambda value: type(value).__name__,
)
def test_harmless_objects_are_kept_inert(published: dict[str, Any], tmp_path: Path, extra: Any) -> None:
    model = load_changed(published, tmp_path, callbacks={"x": extra})
    assert (model.config.heads, model.config.length) == (2, 8)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name.replace("backbone.", "backbone._orig_mod."),
        lambda name: f"_orig_mod.{name}",
        lambda name: f"module.{name}",
        lambda name: name.replace("backbone.", "backbone.module."),
        lambda name: name.replace("blocks.0.", "blocks.0._checkpoint_wrapped_module."),
    ],
)
def test_names_that_wrappers_leave_are_read(published: dict[str, Any], tmp_path: Path, rename: Any) -> None:
    state = {rename(name): value for name, value in published["state_dict"].items()}
    load_changed(published, tmp_path, state_dict=state).sample(1, 1)


@pytest.mark.parametrize("ema", [None, {}, {"shadow_params": []}])
def test_without_averages_the_weights_are_taken(published: dict[str, Any], tmp_path: Path, ema: Any) -> None:
    load_changed(published, tmp_path, ema=ema).sample(1, 1)


def test_the_old_format_of_torch_is_told_apart_from_damage(published: dict[str, Any], tmp_path: Path) -> None:
    torch.save(published, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match=r"torch before 1\.6"):
        flm_edu.load_reference_checkpoint(tmp_path / "old.ckpt")


class Runs:
    """An object whose unpickling makes a file, each in a way of its own."""

    def __init__(self, how: str, path: Path):
        self.how, self.path = how, path

    def __reduce__(self) -> tuple[Any, ...]:
        program = f"open({str(self.path)!r}, 'w')"
        shell = [sys.executable, "-c", program]
        return HOW[self.how](self.path, program, shell)


HOW: dict[str, Callable[[Path, str, list[str]], tuple[Any, ...]]] = {
    "eval": lambda path, program, shell: (eval, (program,)),
    "exec": lambda path, program, shell: (exec, (program,)),
    "system": lambda path, program, shell: (os.system, (subprocess.list2cmdline(shell),)),
    "a process": lambda path, program, shell: (subprocess.check_call, (shell,)),
    "open": lambda path, program, shell: (open, (str(path), "w")),
    "mkdir": lambda path, program, shell: (os.mkdir, (str(path),)),
    "another pickle": lambda path, program, shell: (pickle.loads, (pickle.dumps(Runs("eval", path)),)),
    "a lazy call": lambda path, program, shell: (list, (Maps(program),)),
    "a library's saving": lambda path, program, shell: (np.savetxt, (str(path), [1.0])),
    "torch's own saving": lambda path, program, shell: (torch.save, (1, str(path))),
    "a method of a harmless class": lambda path, program, shell: (Path.touch, (path,)),
    "a copy": lambda path, program, shell: (shutil.copyfile, (__file__, str(path))),
    "a log": lambda path, program, shell: (logging.FileHandler, (str(path),)),
    "a module": lambda path, program, shell: (runpy.run_path, (str(path.with_name("program.py")),)),
    "an attribute": lambda path, program, shell: (getattr(path, "touch"), ()),  # noqa: B009
    "a state": lambda path, program, shell: (SetsState, (), str(path)),
}


class Maps:
    """`map(eval, ...)`, which runs when it is gone through."""

    def __init__(self, program: str):
        self.program = program

    def __reduce__(self) -> tuple[Any, ...]:
        return map, (eval, [self.program])


class SetsState:
    """A class whose `__setstate__` makes a file."""

    def __setstate__(self, path: str) -> None:
        open(path, "w").close()


@pytest.mark.parametrize("how", HOW)
def test_nothing_in_a_pickle_runs(how: str, tmp_path: Path, published: dict[str, Any]) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "program.py").write_text(f"open({str(mark)!r}, 'w')")
    pickle.loads(pickle.dumps(Runs(how, mark)))
    assert mark.exists(), "it would run, were it let"
    mark.rmdir() if mark.is_dir() else mark.unlink()

    torch.save({**published, "callbacks": Runs(how, mark)}, tmp_path / "x.ckpt")
    try:
        flm_edu.load_reference_checkpoint(tmp_path / "x.ckpt")
    except ModelError as error:
        assert "x.ckpt" in str(error)  # noqa: PT017
    assert not mark.exists()

    state_path(tmp_path).parent.mkdir()
    torch.save({"step": Runs(how, mark)}, state_path(tmp_path))
    with pytest.raises(TrainingStopped, match="is damaged") as refused:
        read_state(tmp_path, {}, {})
    assert "weights_only=False" not in str(refused.value)
    assert not mark.exists()


# --- grammars -----------------------------------------------------------------------------------


def test_a_grammar_of_very_many_texts_is_read_and_not_listed(tmp_path: Path) -> None:
    choices = "\n".join(f"[{c}]\n" + "\n".join(f"{c}{i}" for i in range(20)) for c in "abcdefgh")
    (tmp_path / "huge.grammar").write_text(choices + "\n[text]\n{a} {b} {c} {d} {e} {f} {g} {h}\n")
    assert load_language(tmp_path / "huge.grammar").texts == 25_600_000_000


# --- names that pictures could misread ----------------------------------------------------------


@pytest.mark.parametrize("name", [r"$\frac$", "a$b", "<b>bold</b>", "<script>alert(1)</script>"])
def test_pictures_show_names_as_they_are_written(name: str, tmp_path: Path) -> None:
    from flm_edu.evaluation import Point
    from flm_edu.plots import curves, screen

    points = [Point(name, "flow-lm", steps, 10, 1.0, validity=0.5) for steps in (1, 2)]
    curves.quality_against_steps(points).savefig(tmp_path / "x.png")
    page = screen.write_page(screen.quality_against_steps(points), tmp_path / "x.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<b>bold" not in page

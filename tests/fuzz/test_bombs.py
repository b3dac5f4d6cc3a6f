"""Small files that ask for much: each is refused within seconds, and before there is any memory for it."""

from __future__ import annotations

import io
import json
import pickle
import struct
import time
import zipfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pyarrow
import pytest
import torch
from pyarrow import parquet

import flm_edu
from flm_edu.corpus import read_texts
from flm_edu.evaluation.tables import load_sweep
from flm_edu.grammar import load_language
from flm_edu.reference import read_checkpoint
from flm_edu.training.records import read_metrics
from flm_edu.training.state import TrainingStopped, read_state, state_path
from tests.conftest import tiny_flow
from tests.fuzz.hunger import MEGABYTES, hunger
from tests.fuzz.test_readers import TOY

UNPACKED = 400 * 2**20


def archive(*members: tuple[str, bytes], claims: int | None = None) -> bytes:
    """Return an archive of torch.save's form, small however much its members hold; it may claim another size of them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
        for name, content in members:
            zipped.writestr(f"archive/{name}", content)
    written = file.getvalue()
    return written if claims is None else written.replace(struct.pack("<L", UNPACKED), struct.pack("<L", claims))


def choices(count: int, options: int, text: str = "x") -> str:
    sections = [f"[c{i}]\n" + "\n".join(f"w{i}o{j}" for j in range(options)) for i in range(count)]
    return "\n".join([*sections, "[text]", text if text != "x" else " ".join(f"{{c{i}}}" for i in range(count))])


def huge_view() -> bytes:
    """A tensor of 12 GB whose storage is one number, as 463 bytes can say."""
    content = {"state_dict": {"backbone.x": torch.zeros(1)}}
    file = io.BytesIO()
    torch.save(content, file)
    with zipfile.ZipFile(file) as sound:
        members = [(name.removeprefix("archive/"), sound.read(name)) for name in sound.namelist()]
    size = b"K\x01\x85q"  # the shape (1,), which becomes (3e9,), with a stride of 0
    changed = [
        (
            name,
            one.replace(size, b"\x8a\x05" + (3 * 10**9).to_bytes(5, "little") + b"\x85q", 1)
            if name == "data.pkl"
            else one,
        )
        for name, one in members
    ]
    assert changed != members
    return archive(*changed)


def dictionary() -> bytes:
    """A table of 100 GB, which is one text again and again."""
    file = io.BytesIO()
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 100_000, pyarrow.int32()), ["tea " * 250_000])
    parquet.write_table(pyarrow.table({"text": column}), file)
    return file.getvalue()


def read_folder_state(path: Path) -> None:
    place = state_path(path.parent)
    place.parent.mkdir()
    path.rename(place)
    read_state(path.parent, {}, {})


Bomb = tuple[str, Callable[[], bytes | str], Callable[[Path], object]]
ZEROS = ("data.pkl", pickle.dumps({})), ("data/0", bytes(UNPACKED))
BOMBS: dict[str, Bomb] = {
    "an archive": ("x.ckpt", lambda: archive(*ZEROS), read_checkpoint),
    "an archive that lies": ("x.ckpt", lambda: archive(*ZEROS, claims=100), read_checkpoint),
    "a view": ("x.ckpt", huge_view, read_checkpoint),
    "a byte array": (
        "x.ckpt",
        lambda: archive(("data.pkl", b"\x80\x05\x96" + (2**40).to_bytes(8, "little"))),
        read_checkpoint,
    ),
    "a memo": ("x.ckpt", lambda: archive(("data.pkl", b"\x80\x02}r\xff\xff\xff\x7f.")), read_checkpoint),
    "a state": ("x.pt", lambda: archive(*ZEROS), read_folder_state),
    "a state that lies": ("x.pt", lambda: archive(*ZEROS, claims=100), read_folder_state),
    "20^8 texts that are remembered": (
        "x.grammar",
        lambda: choices(8, 20, 2 * "{c0} {c1} {c2} {c3} {c4} {c5} {c6} {c7} "),
        load_language,
    ),
    "one choice after the other": ("x.grammar", lambda: choices(3000, 1), load_language),
    "long texts": ("x.grammar", lambda: choices(2, 400, "{c0} {c1} " * 5000), load_language),
    "one long text": ("x.grammar", lambda: f"[a]\n{'tea ' * 100_000}\n[text]\n{'{a}' * 100_000}", load_language),
    "a nested table": ("x.json", lambda: '{"points": ' + "[" * 10**6, load_sweep),
    "a nested record": ("x.jsonl", lambda: "[" * 10**6 + "\n{}", read_metrics),
    "a long number": ("x.jsonl", lambda: '{"step": 1' + "0" * 10**6 + "}\n{}", read_metrics),
    "a nested text": ("x.jsonl", lambda: '{"text": ' + "[" * 10**6, lambda path: list(read_texts(str(path)))),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name: str, tmp_path: Path) -> None:
    file, make, read = BOMBS[name]
    content = make()
    (tmp_path / file).write_bytes(content.encode() if isinstance(content, str) else content)
    del content
    started = time.perf_counter()
    with hunger() as grown, pytest.raises((ValueError, TrainingStopped)) as refused:
        read(tmp_path / file)
    seconds, needed = time.perf_counter() - started, grown()
    print(f"{name}: {seconds:.1f} s, {needed:.0f} MB more at most: {refused.value}")
    assert file in str(refused.value) or "state.pt" in str(refused.value)
    assert "alloc" not in str(refused.value).lower()
    assert needed < MEGABYTES
    assert seconds < 5


@pytest.mark.parametrize("condition", ["", " ?c0.a=b"])
def test_a_grammar_of_very_many_texts_costs_little(condition: str, tmp_path: Path) -> None:
    content = choices(8, 20).replace("w7o3", "w7o3" + condition).replace("w0o0", "w0o0 a=b")
    (tmp_path / "x.grammar").write_text(content)
    started = time.perf_counter()
    with hunger() as grown:
        assert load_language(tmp_path / "x.grammar").texts in (20**8, 20**8 - 19 * 20**6)
    assert grown() < MEGABYTES
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("name", ["width", "length", "vocab_size", "blocks", "heads", "time_width"])
def test_a_network_larger_than_its_weights_is_refused(name: str, tmp_path: Path) -> None:
    tiny_flow(TOY, width=8, blocks=1).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["network"][name] = 10**9
    (tmp_path / "config.json").write_text(json.dumps(config))
    with hunger() as grown, pytest.raises(ValueError, match=r"config\.json") as refused:
        flm_edu.load_model(tmp_path)
    assert grown() < 10
    assert "alloc" not in str(refused.value).lower()


def test_a_table_larger_than_the_memory_is_read_a_few_rows_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(dictionary())
    assert (tmp_path / "x.parquet").stat().st_size < 10**6
    with hunger() as grown:
        assert sum(1 for _ in islice(read_texts(str(tmp_path / "x.parquet")), 200)) == 200
    assert grown() < MEGABYTES

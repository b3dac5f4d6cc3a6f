"""Any file in the place of a sound one is read, or refused in a sentence that names it: no other error, hang or hunger.

Every reader of the library has 500 files here. The long mode has as many as it is told to, drawn anew each time:

    FLM_EDU_FUZZ=10000 python -m pytest tests/fuzz -s
"""

from __future__ import annotations

import functools
import io
import json
import os
import random
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import flm_edu
from flm_edu.cli.data import data_of
from flm_edu.corpus import cached_corpus, load_corpus
from flm_edu.course.progress import progress
from flm_edu.evaluation.sweep import training_tokens
from flm_edu.evaluation.tables import Point, load_sweep, load_sweeps, save_sweep
from flm_edu.grammar import GrammarError, load_language
from flm_edu.language import Language
from flm_edu.model_files import ModelError
from flm_edu.plots.table import format_footing, format_table
from flm_edu.reference import _PARTS, load_reference_checkpoint
from flm_edu.schedule import load_schedule
from flm_edu.training.records import read_metrics
from flm_edu.training.state import TrainingStopped, read_state, state_path
from flm_edu.vocabulary import CorpusError, word_tokenizer
from flm_edu.widgets import StepCountExplorer, TrainingMonitor
from flm_edu.widgets.page import write_page
from tests.conftest import tiny_flow
from tests.fuzz.hunger import MEGABYTES, hunger
from tests.fuzz.mutations import mutated_bytes, mutated_json, mutated_lines, mutated_zip

TOLD = os.environ.get("FLM_EDU_FUZZ")
CASES = int(TOLD or 500)
WORDS = word_tokenizer(["<end>", "<unknown>", "tea", "milk"])
TOY = Language.from_sentences(["a b c", "a c b", "b b a"], [0.5, 0.25, 0.25], name="toy")
Make = Callable[[random.Random], bytes]
Read = Callable[[Path], object]


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that names a data set of the hub is not to fetch it here."""

    def offline(*arguments: Any, **options: Any) -> None:
        raise ConnectionError("no hub in this test")

    monkeypatch.setattr(datasets, "load_dataset", offline)


def told_well(error: Exception, path: Path) -> None:
    """Check that a refusal names the file, or what it is of, and is not for want of memory."""
    said = str(error)
    assert any(name in said for name in (path.name, path.parent.name, path.parent.parent.name, "other settings")), said
    assert "alloc" not in said.lower(), said


def fuzz(path: Path, make: Make, read: Read, refusals: type[Exception] | tuple[type[Exception], ...] = ()) -> None:
    """Write files to a path and read them; print how many were read and refused."""
    ends: Counter[str] = Counter()

    @settings(
        max_examples=CASES,
        deadline=5000,
        derandomize=TOLD is None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64 - 1))
    def one(seed: int) -> None:
        path.write_bytes(make(random.Random(seed)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read(path)
                ends["read"] += 1
            except refusals as error:
                told_well(error, path)
                ends["refused"] += 1

    with hunger() as grown:
        one()
        needed = grown()
    assert ends["read"] + ends["refused"] >= CASES
    print(f"{path.name}: {ends['read']:,} read, {ends['refused']:,} refused, {needed:.0f} MB more at most")
    assert needed < MEGABYTES


# --- model directories --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of which no hash is kept, so that a change is looked at and not only noticed."""
    place = tmp_path_factory.mktemp("model")
    training = {"batch": 8, "steps": 2, "lr": 0.1}
    origin = {"kind": "language", "source": "drinks"}
    facts = {
        "steps": 2,
        "training": training,
        "corpus_options": origin,
        "corpus_fingerprint": "x",
        "objective": {"round": 1},
    }
    tiny_flow(TOY, width=8, blocks=1).save_pretrained(place, {**facts, "teacher": {"steps": 1, "training": training}})
    content = json.loads((place / "provenance.json").read_text())
    del content["files"]
    (place / "provenance.json").write_text(json.dumps(content))
    return place


def use_model(path: Path) -> None:
    """Load it and do what is done with a model, or with what it says of itself."""
    loaded = flm_edu.load_model(path.parent)
    if path.name == "provenance.json":
        training_tokens(loaded.provenance, loaded.length)
        with suppress(ValueError):  # which says to name the data
            data_of(loaded, None, None)
        return
    if loaded.length <= 64:
        loaded.decode(loaded.sample(2, 2, generator=torch.Generator().manual_seed(0)))
    loaded.spell(0)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "provenance.json"])
def test_any_description_of_a_model(model: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "provenance.json":  # which does not change the clock: it takes most of the time
        monkeypatch.setattr("flm_edu.flow.load_schedule", functools.cache(load_schedule))
    sound = (model / name).read_bytes()
    content = json.loads(sound)

    def make(dice: random.Random) -> bytes:
        return mutated_json(content, dice) if dice.random() < 0.8 else mutated_bytes(sound, dice)

    try:
        fuzz(model / name, make, use_model, ModelError)
    finally:
        (model / name).write_bytes(sound)


def test_any_weights(model: Path) -> None:
    """The header of a safetensors file: its length, then JSON, then numbers."""
    path = model / "model.safetensors"
    sound = path.read_bytes()
    size = int.from_bytes(sound[:8], "little")
    header = json.loads(sound[8 : 8 + size])
    types = ["F64", "F32", "F16", "BF16", "I64", "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F4", "C64", "U64", "U16"]

    def make(dice: random.Random) -> bytes:
        if dice.random() < 0.3:
            return mutated_bytes(sound, dice, head=size + 8)
        changed = json.loads(json.dumps(header))
        if dice.random() < 0.4:  # of another type, and a shape that the bytes can have
            name = dice.choice(list(changed))
            low, high = changed[name]["data_offsets"]
            changed[name] |= {"dtype": dice.choice(types), "shape": [(high - low) // dice.choice([1, 2, 4, 8])]}
            written = json.dumps(changed).encode()
        else:
            written = mutated_json(changed, dice)
        return len(written).to_bytes(8, "little") + written + sound[8 + size :]

    try:
        fuzz(path, make, use_model, ModelError)
    finally:
        path.write_bytes(sound)


# --- corpora and grammars -----------------------------------------------------------------------

TEXTS = ["tea is hot.", "milk is cold, tea is not.", "  spaces  and\ttabs ", "naïve café — 数学 🙂 <end>", ""] * 3
ODD_LINES = [
    '{"text": 3}',
    '{"text": null}',
    '{"body": "x"}',
    "[]",
    "7",
    '"text"',
    "{",
    '{"text": "\\ud83d"}',
    "[" * 3000,
    "\x00",
]


def use_corpus(path: Path) -> None:
    load_corpus(str(path), 4, tokenizer=WORDS)
    load_corpus(str(path), 8, tokenizer=WORDS, packing="sentence", held_out=0.5)


@pytest.mark.parametrize("suffix", [".txt", ".jsonl"])
def test_any_text(tmp_path: Path, suffix: str) -> None:
    lines = [json.dumps({"text": text, "n": i}) if suffix == ".jsonl" else text for i, text in enumerate(TEXTS)]

    def make(dice: random.Random) -> bytes:
        if dice.random() < 0.6:
            return mutated_lines(lines, [*ODD_LINES, *TEXTS, "\ud800", "\ufeff", "\u2028"], dice)
        return mutated_bytes("\n".join(lines).encode(), dice)

    fuzz(tmp_path / f"corpus{suffix}", make, use_corpus, CorpusError)


def test_any_parquet(tmp_path: Path) -> None:
    columns: list[Any] = [
        *[TEXTS] * 9,
        TEXTS[:2],
        [None, "tea"],
        [1, 2],
        [b"\xff", b"tea"],
        [["tea"], None],
        [{"a": 1}],
        [0.5, None],
        [],
    ]

    def make(dice: random.Random) -> bytes:
        names = ["text", "body"] if dice.random() < 0.8 else ["body", "Text"]
        column, file = dice.choice(columns), io.BytesIO()
        table = pyarrow.table({names[0]: column, names[1]: list(range(len(column)))})
        parquet.write_table(table, file, compression=dice.choice(["snappy", "none", "zstd"]), row_group_size=5)
        sound = file.getvalue()
        return sound if dice.random() < 0.3 else mutated_bytes(sound, dice)

    fuzz(tmp_path / "corpus.parquet", make, use_corpus, CorpusError)


PIECES = ["[a]", "[b]", "[text]", "x", "x y", "x key=v", "x ?a.key=v", "x ?b.key=w", "x *2", "x *0", "x *0.0001", f"x *{'9' * 400}",
          "{a} {b}", "{a.key}", "{a", "{}", "# c", "", "x key={b}", "<end>", "x <end> y", "\u2028", "[c]", "{c} {c}", "*2"]  # fmt: skip


def test_any_grammar(tmp_path: Path) -> None:
    lines = [
        "[a]",
        "tea key=v *3",
        "milk key=w",
        "[b]",
        "hot ?a.key=v",
        "cold",
        "[text]",
        "{a} is {b}",
        "{b} {a.key} *2",
    ]

    def make(dice: random.Random) -> bytes:
        draw = dice.random()
        if draw < 0.6:
            return mutated_lines(lines, PIECES, dice)
        return mutated_lines([], PIECES, dice) if draw < 0.8 else mutated_bytes("\n".join(lines).encode(), dice)

    def use(path: Path) -> None:
        language = load_language(path)
        tokens = language.sample(2, generator=torch.Generator().manual_seed(0))
        assert language.validity(tokens) == 1
        assert language.entropy >= -1e-9
        language.decode(tokens)

    fuzz(tmp_path / "any.grammar", make, use, GrammarError)


@pytest.mark.parametrize("name", ["origin.json", "tokenizer.json", "train.npy", "held_out.npy", "pointer"])
def test_any_kept_rows(tmp_path: Path, name: str) -> None:
    (tmp_path / "c.txt").write_text("tea is hot. milk is cold.\n" * 40)
    ask = (tmp_path / "cache", str(tmp_path / "c.txt"), 4)
    cached_corpus(*ask, vocab_size=8, tokenizer_kind="word")
    folder = next(path for path in (tmp_path / "cache").iterdir() if path.is_dir())
    path = next((tmp_path / "cache").glob("*.json")) if name == "pointer" else folder / name
    sound = path.read_bytes()

    def make(dice: random.Random) -> bytes:
        as_json = path.suffix == ".json" and name != "pointer" and dice.random() < 0.7
        return mutated_json(json.loads(sound), dice) if as_json else mutated_bytes(sound, dice, head=128)

    def use(path: Path) -> None:
        corpus = cached_corpus(*ask, vocab_size=8, tokenizer_kind="word")
        corpus.decode(corpus.sample(2))
        assert corpus.fingerprint
        assert corpus.held_out.shape[1] == corpus.length == 4
        assert dict(corpus.origin) == corpus.origin

    fuzz(path, make, use, CorpusError)


# --- tables and records -------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_any_table(tmp_path: Path, suffix: str) -> None:
    points = [
        Point("toy", "data", 0, 100, 0.1, validity=1.0),
        Point("FLM", "flow-lm", 1, 100, 0.5, 0.1, weights=10, texts=("a b",), judge_perplexity=9.5),
    ]
    written = save_sweep(points, tmp_path / "table", {"seed": 0})
    sound = written[suffix == ".json"].read_bytes()

    def make(dice: random.Random) -> bytes:
        as_json = suffix == ".json" and dice.random() < 0.8
        return mutated_json(json.loads(sound), dice) if as_json else mutated_bytes(sound, dice)

    def use(path: Path) -> None:
        found = load_sweep(path)
        if not found:
            return
        format_table(found)
        format_footing(found)
        load_sweeps([path, path])
        if path.stat().st_size % 20 == 0:  # which takes a tenth of a second
            write_page(tmp_path / "page.html", "x", [StepCountExplorer(found)])

    fuzz(written[suffix == ".json"], make, use, ValueError)


def test_any_metrics(tmp_path: Path) -> None:
    lines = [
        json.dumps({"step": float(i), "loss": 1 / i, "gradient_norm": 2.0, "seconds": 0.1 * i}) for i in range(1, 6)
    ]

    def make(dice: random.Random) -> bytes:
        draw = dice.random()
        if draw < 0.4:
            at = dice.randrange(5)
            return "\n".join(
                [*lines[:at], mutated_json(json.loads(lines[at]), dice).decode("utf-8", "replace"), *lines[at:]]
            ).encode()
        return mutated_lines(lines, ODD_LINES, dice) if draw < 0.7 else mutated_bytes("\n".join(lines).encode(), dice)

    def use(path: Path) -> None:
        records = read_metrics(path)
        assert all(record["step"] <= 1e400 for record in records)
        write_page(tmp_path / "page.html", "x", [TrainingMonitor(records)])

    fuzz(tmp_path / "metrics.jsonl", make, use, ValueError)


def test_any_record_of_the_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sound = {"exercises": ["01.mix"], "guesses": {"x.share": "A", "y": "3.0"}, "right": {"x.share": True}}

    def make(dice: random.Random) -> bytes:
        return mutated_json(sound, dice) if dice.random() < 0.8 else mutated_bytes(json.dumps(sound).encode(), dice)

    monkeypatch.setattr(sys, "stdout", io.StringIO())
    try:
        fuzz(tmp_path / "progress.json", make, lambda path: progress())
    finally:
        monkeypatch.undo()


# --- checkpoints --------------------------------------------------------------------------------


@pytest.fixture
def parts() -> dict[str, Any]:
    """A small network under the names of the published ones, and its averages."""
    state: dict[str, Any] = {}
    for name, value in tiny_flow(TOY, width=8, blocks=2, heads=2).network.state_dict().items():
        start, part = ".".join(name.split(".")[:2]) + "." if name.startswith("blocks.") else "", name
        for theirs, ours in _PARTS.items():
            if (rest := name.removeprefix(start)).startswith(ours):
                part = start + theirs + rest[len(ours) :]
        state[f"backbone.{part}"] = value.clone()
    return {"state_dict": state, "ema": {"decay": 0.9, "shadow_params": list(state.values())}}


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def test_any_published_checkpoint(tmp_path: Path, parts: dict[str, Any]) -> None:
    sound = saved({**parts, "hyper_parameters": {"config": {"model": {"n_heads": 2, "length": 3}}}})
    (tmp_path / "sound.ckpt").write_bytes(sound)
    assert load_reference_checkpoint(tmp_path / "sound.ckpt").length == 3
    fuzz(tmp_path / "x.ckpt", lambda dice: mutated_zip(sound, dice), load_reference_checkpoint, ModelError)


def test_any_content_of_a_checkpoint(tmp_path: Path, parts: dict[str, Any]) -> None:
    """Sound archives whose tensors and settings are other than the network's."""
    odd: list[Any] = [
        None,
        3,
        "x",
        [],
        {},
        torch.zeros(0),
        torch.zeros(3),
        torch.zeros((), dtype=torch.int64),
        torch.ones(2, 2, 2),
    ]

    def make(dice: random.Random) -> bytes:
        state, ema = dict(parts["state_dict"]), dict(parts["ema"])
        for _ in range(dice.choice([0, 0, 1, 3])):
            name = dice.choice(list(state))
            act = dice.randrange(5)
            if act == 0:
                state[name] = dice.choice(odd)
            elif act == 1:
                state[name.replace(dice.choice(["0", "weight", "blocks", "backbone"]), dice.choice(["x", "9", ""]))] = (
                    state.pop(name)
                )
            elif act == 2:
                ema["shadow_params"] = dice.choice([*odd, parts["ema"]["shadow_params"][1:]])
            elif isinstance(state[name], torch.Tensor):
                state[name] = (
                    state[name].to(dice.choice([torch.float64, torch.int8, torch.bool]))
                    if act == 3
                    else state[name][:1]
                )
        heads = dice.choice([2, 2, 2, 2, 2, 2, 2, 0, -1, 3, 10**12, "x", None, 1.5, [2], True])
        content: Any = {"state_dict": state, "ema": dice.choice([ema] * 9 + odd)}
        config = {"config": {"model": {"n_heads": heads, "length": dice.choice([8, 8, 8, heads])}}}
        content["hyper_parameters"] = dice.choice([config] * 9 + odd)
        return saved(content if dice.random() < 0.95 else dice.choice(odd))

    def use(path: Path) -> None:
        loaded = load_reference_checkpoint(path)
        if loaded.length <= 64:
            loaded.sample(1, 1)

    fuzz(tmp_path / "x.ckpt", make, use, ModelError)


def test_any_training_state(tmp_path: Path) -> None:
    path = state_path(tmp_path / "model")
    path.parent.mkdir(parents=True)
    sound = saved({"run": {"lr": 0.1}, "step": 3, "model": {"x": torch.zeros(4, 4)}, "sums": {"loss": 0.5}})

    def use(path: Path) -> None:
        read_state(tmp_path / "model", {"lr": 0.1}, {})

    fuzz(path, lambda dice: mutated_zip(sound, dice), use, TrainingStopped)

"""Other people's laptops: what saves, deletes, reads and prints does so on systems that are not the author's."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import torch
from pyarrow import parquet
from tokenizers import Tokenizer
from typer.testing import CliRunner

import flm_edu
from flm_edu import provenance
from flm_edu.cli import app
from flm_edu.corpus import TextCorpus, cached_corpus, load_corpus, read_texts, rows, split_sentences
from flm_edu.evaluation import Point, save_sweep
from flm_edu.grammar import load_language
from flm_edu.training.records import read_metrics
from flm_edu.vocabulary import CorpusError, train_tokenizer

QUICK = ("--steps", "2", "--batch", "8", "--width", "32", "--blocks", "2", "--heads", "2")


def call(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result.output


# --- saving -------------------------------------------------------------------------------------


def test_saving_works_where_only_writers_may_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses fsync on a descriptor that is open for reading."""
    fcntl = pytest.importorskip("fcntl") if sys.platform != "win32" else None
    if fcntl is None:
        return
    sync = os.fsync

    def like_windows(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", like_windows)
    flm_edu.load_model("drinks-flm").save_pretrained(tmp_path / "m")
    assert flm_edu.load_model(tmp_path / "m").sample(2, 1).shape == (2, 1)


def test_two_tables_named_after_a_number_are_two(tmp_path: Path) -> None:
    point = Point("m", "flow-lm", 1, 1, 0.0)
    for name in ("lr-0.1", "lr-0.2", "lr-0.3.csv", "lr-0.4.json"):
        written = save_sweep([point], tmp_path / name, {})
        assert all(path.is_file() for path in written)
    assert {path.stem for path in tmp_path.iterdir()} == {"lr-0.1", "lr-0.2", "lr-0.3", "lr-0.4"}


def test_overwrite_removes_only_what_this_program_made(tmp_path: Path) -> None:
    for folder in ("round-table-interviews", "training_state", "round-1"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "notes.txt").write_text("mine")
    call("train", "--language", "drinks", *QUICK, "--overwrite", "--out", str(tmp_path))
    for folder in ("round-table-interviews", "training_state", "round-1"):
        assert (tmp_path / folder / "notes.txt").read_text() == "mine"


def test_what_is_to_be_overwritten_stays_whole_until_the_new_run_saves(tmp_path: Path) -> None:
    """A run that ends before that, here in NaN, leaves the model, its metrics and its state."""
    out = tmp_path / "model"
    train = ("train", "--language", "drinks", *QUICK, "--log-every", "1", "--out", str(out))
    call(*train)
    there = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    output = call(*train, "--overwrite", "--steps", "50", "--lr", "1e30", "--muon-lr", "1e30", "--warmup", "0", code=2)
    assert "NaN or infinite" in output
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == there
    call(*train, "--resume")
    call(*train, "--overwrite", "--steps", "3")
    assert [record["step"] for record in read_metrics(out / "metrics.jsonl")] == [1, 2, 3]
    assert [path.name for path in (out / "training_state").glob("*.pt")] == ["state.pt"]


def test_a_second_run_in_one_folder_is_refused_while_the_first_goes_on(tmp_path: Path) -> None:
    """By a lock that ends with the process, however it ends."""
    out = tmp_path / "model"
    command = [sys.executable, "-m", "flm_edu.cli", "train", "--language", "drinks", *QUICK[2:], "--out", str(out)]
    first = subprocess.Popen([*command, "--steps", "100000", "--save-every", "100000"], stderr=subprocess.PIPE)
    try:
        while not (out / "training_state" / ".lock").is_file():
            assert first.poll() is None
        second = subprocess.run(
            [*command, "--steps", "2", "--overwrite"], capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert second.returncode == 2
        assert "another run is writing to" in second.stderr
    finally:
        first.kill()
        first.wait()
    call("train", "--language", "drinks", *QUICK, "--overwrite", "--out", str(out))


# --- names and encodings ------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["C:/Users/Иван/flm\n".encode(), b"\xff\xfe", b""])
def test_the_commit_is_a_nicety_that_never_stops_a_save(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    class Done:
        stdout = answer

    monkeypatch.setattr(provenance.subprocess, "run", lambda *args, **options: Done())
    assert json.dumps(provenance.describe_run())


def test_a_model_is_saved_and_loaded_in_a_folder_that_is_not_ascii(tmp_path: Path) -> None:
    """In a locale that knows ASCII alone, too."""
    place = tmp_path / "Иван 日本"
    code = (
        "import flm_edu, sys; p = sys.argv[1]; flm_edu.load_model('drinks-flm').save_pretrained(p);"
        "print(flm_edu.load_model(p).kind)"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    out = subprocess.check_output([sys.executable, "-c", code, str(place)], env=environment, encoding="utf-8")
    assert out.strip() == "flow-lm"


def test_a_tilde_that_no_shell_expanded_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    call("train", "--language", "drinks", *QUICK, "--out=~/runs/flm")
    assert (tmp_path / "home" / "runs" / "flm" / "config.json").is_file()
    assert not (tmp_path / "~").exists()
    assert len(call("sample", "~/runs/flm", "--n", "2").splitlines()) == 2


def test_commands_to_go_on_with_can_be_pasted(tmp_path: Path) -> None:
    place = tmp_path / "my models"
    output = call("train", "--language", "drinks", *QUICK, "--out", str(place))
    assert f"--teacher '{place}'" in output


def test_a_table_is_saved_before_a_terminal_can_refuse_to_print_it(tmp_path: Path) -> None:
    (tmp_path / "кофе.grammar").write_text("[text]\nчай ☕\nкофе ☕\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command = [sys.executable, "-m", "flm_edu.cli"]
    language = ["--language", str(tmp_path / "кофе.grammar")]
    subprocess.run([*command, "train", *language, *QUICK, "--out", str(tmp_path / "m")], check=True, env=environment)
    for arguments in (["sample", str(tmp_path / "m")], ["language", language[1]]):
        assert subprocess.run([*command, *arguments], check=True, env=environment, capture_output=True).stdout
    table = [*command, "evaluate", str(tmp_path / "m"), "--steps", "1", "--n", "5", "--out", str(tmp_path / "table")]
    subprocess.run(table, check=True, env=environment, capture_output=True)
    assert json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))["points"]


def test_a_mark_that_windows_editors_leave_is_not_a_word(tmp_path: Path) -> None:
    grammar, text = tmp_path / "a.grammar", tmp_path / "a.txt"
    grammar.write_text("[drink]\ntea\nmilk\n\n[text]\n{drink}\n", encoding="utf-8-sig")
    assert load_language(grammar).words == ("tea", "milk")
    text.write_text("one two three four\n" * 100, encoding="utf-8-sig")
    corpus = load_corpus(str(text), 4, vocab_size=8, tokenizer_kind="word")
    assert not any("\ufeff" in word for word in corpus.tokenizer.get_vocab())


def test_a_file_whose_name_is_not_unicode_is_read_and_shown(tmp_path: Path) -> None:
    if sys.platform == "win32" or sys.getfilesystemencoding() != "utf-8":
        return  # such names do not exist there
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")
    Path(name).write_text("one two three four\n" * 100)
    for corpus in (load_corpus(name, 4, vocab_size=300), cached_corpus(tmp_path / "cache", name, 4, vocab_size=300)):
        corpus.name.encode("utf-8")


def test_what_is_made_in_a_folder_whose_name_is_not_unicode_can_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is in commands, tables, pictures and pages."""
    if sys.platform == "win32" or sys.getfilesystemencoding() != "utf-8":
        return  # such names do not exist there
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    monkeypatch.setattr(sys, "argv", ["flm-edu", "demo", "--out", folder])
    provenance.describe_run()["command"].encode("utf-8")
    flm_edu.load_model("drinks-flm").save_pretrained(folder)
    call("evaluate", folder, "--language", "drinks", "--steps", "1", "--n", "5", "--out", f"{folder}/t")
    shutil.copy(f"{folder}/t.json", f"{folder}/u.json")
    tables = [f"{folder}/t.json", f"{folder}/u.json"]
    call("plot", *tables, "--out", f"{folder}/x.html")
    call("plot", *tables, "--out", f"{folder}/x.svg")
    call("report", *tables, "--out", f"{folder}/r.html")
    assert {"x.html", "x.svg", "r.html"} <= set(os.listdir(folder))


# --- text ---------------------------------------------------------------------------------------


def test_a_tokenizer_that_truncates_and_pads_keeps_whole_texts(tmp_path: Path) -> None:
    lines = [" ".join(f"word{i}" for i in range(j, j + 40)) for j in range(100)]
    (tmp_path / "c.txt").write_text("\n".join(lines))
    plain = train_tokenizer(lines, 400)
    cutting = Tokenizer.from_str(plain.to_str())
    cutting.enable_truncation(16)
    cutting.enable_padding(length=16, pad_id=0, pad_token="<end>")
    whole, cut = (load_corpus(str(tmp_path / "c.txt"), 8, tokenizer=one) for one in (plain, cutting))
    assert torch.equal(whole.tokens, cut.tokens)


def test_text_that_spells_a_special_token_stays_text(tmp_path: Path) -> None:
    line = "the <end> tag closes a block"
    (tmp_path / "c.txt").write_text(f"{line}\n" * 200)
    corpus = load_corpus(str(tmp_path / "c.txt"), 24, vocab_size=300, packing="sentence")
    assert set(corpus.decode(corpus.tokens.long())) == {line}


def test_sentences_of_other_scripts_end_where_they_end() -> None:
    assert split_sentences("他走了。她来了！真的？") == ["他走了。", "她来了！", "真的？"]
    assert split_sentences("वह गया। वह आई। क्या?") == ["वह गया।", "वह आई।", "क्या?"]
    assert split_sentences("هل ذهب؟ نعم. ذهب!") == ["هل ذهب؟", "نعم.", "ذهب!"]


def test_sentences_that_do_not_fit_ask_for_a_larger_length(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("one two three four five six seven eight nine ten.\n" * 50)
    with pytest.raises(CorpusError, match="larger `length`"):
        load_corpus(str(tmp_path / "c.txt"), 4, vocab_size=258, packing="sentence")


def test_rows_without_a_text_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [json.dumps({"text": None if i % 10 == 3 else f"text number {i}"}) for i in range(100)]
    (tmp_path / "c.jsonl").write_text("\n".join(rows))
    with pytest.warns(UserWarning, match="10 rows without a text"):
        corpus = load_corpus(str(tmp_path / "c.jsonl"), 4, vocab_size=300)
    assert len(corpus.tokens)
    (tmp_path / "d.jsonl").write_text("\n".join(json.dumps({"text": 3}) for _ in range(5)))
    with pytest.raises(CorpusError, match="row 1: the columns are"):
        load_corpus(str(tmp_path / "d.jsonl"), 4, vocab_size=300)


@pytest.mark.parametrize(
    "name", ["wikimedia/wikipedia:20231101.en", "mlfoundations/dclm-baseline-1.0", "roneneldan/TinyStories"]
)
def test_a_dataset_may_have_a_dot_in_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked: list[Any] = []

    def load(dataset: str, config: str | None = None, **options: Any) -> list[dict[str, str]]:
        asked.append((dataset, config))
        return [{"text": f"text number {i}"} for i in range(100)]

    monkeypatch.setattr(datasets, "load_dataset", load)
    load_corpus(name, 4, vocab_size=300)
    dataset, _, config = name.partition(":")
    assert asked == [(dataset, config or None)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"held_out": 0}, "`held_out` is 0"),
        ({"held_out": 1.5}, "`held_out` is 1.5"),
        ({"packing": "sentences"}, "`packing` is 'sentences'; choose one of wrapped, sentence"),
        ({"tokenizer_kind": "words"}, "`tokenizer_kind` is 'words'; choose one of bpe, word"),
    ],
)
def test_options_of_a_corpus_are_named(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("one two three\n")
    with pytest.raises(ValueError, match=message):
        load_corpus(str(tmp_path / "c.txt"), 4, **options)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_tables_are_read_where_no_cache_can_be_written(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"c{suffix}"
    if suffix == ".jsonl":
        path.write_text("\n".join(json.dumps({"text": f"text number {i}"}) for i in range(100)))
    else:
        parquet.write_table(pyarrow.table({"text": [f"text number {i}" for i in range(100)]}), path)
    code = "import sys; from flm_edu.corpus import read_texts; print(len(list(read_texts(sys.argv[1]))))"
    environment = {**os.environ, "HOME": os.devnull, "HF_HOME": os.devnull}
    answer = subprocess.check_output([sys.executable, "-c", code, str(path)], env=environment, encoding="utf-8")
    assert answer.strip() == "100"


def test_a_table_without_rows_is_empty_and_not_damaged(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), tmp_path / "empty.parquet")
    with pytest.raises(CorpusError, match="is empty"):
        load_corpus(str(tmp_path / "empty.parquet"), 4)


def test_half_a_character_in_a_table_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"text": "half \\ud83d of one"}\n' * 50)
    assert set(read_texts(str(tmp_path / "c.jsonl"))) == {"half ? of one"}
    load_corpus(str(tmp_path / "c.jsonl"), 8, vocab_size=300)


def test_a_dataset_whose_cache_cannot_be_written_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load(*arguments: Any, **options: Any) -> None:
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory", "/dev/null/.cache")

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(CorpusError, match=r"/dev/null/.*HF_HOME"):
        load_corpus("roneneldan/TinyStories", 4)


# --- shared caches, other number types, other launchers -----------------------------------------


def test_two_commands_may_make_one_cache_at_once(tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 20_000)
    code = (
        "import sys; from flm_edu.corpus import cached_corpus;"
        "c = cached_corpus(sys.argv[1], sys.argv[2], 8, vocab_size=300); print(c.fingerprint)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "cache"), str(tmp_path / "big.txt")]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert len({out for out, _ in outputs}) == 1
    assert not [path for path in (tmp_path / "cache").iterdir() if path.name.startswith("tmp")]


def test_commands_that_end_at_once_may_share_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight have made the same rows, and all write them at the same moment; ten times."""
    (tmp_path / "c.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 50)
    corpus, together = load_corpus(str(tmp_path / "c.txt"), 8, vocab_size=258), threading.Barrier(8)

    def load(*arguments: Any, **options: Any) -> TextCorpus:
        together.wait()
        return corpus

    monkeypatch.setattr(rows, "load_corpus", load)
    with ThreadPoolExecutor(8) as pool:
        for i in range(10):
            ask = (tmp_path / f"cache {i}", str(tmp_path / "c.txt"), 8)
            made = [pool.submit(cached_corpus, *ask, vocab_size=258) for _ in range(8)]
            assert {one.result().fingerprint for one in made} == {corpus.fingerprint}


@pytest.mark.parametrize("name", ["train.npy", "held_out.npy", "tokenizer.json", "origin.json"])
def test_a_damaged_cache_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 50)
    ask = (tmp_path / "cache", str(tmp_path / "c.txt"), 8)
    cached_corpus(*ask, vocab_size=258)
    (place,) = (path for path in (tmp_path / "cache").iterdir() if path.is_dir())
    (place / name).write_bytes((place / name).read_bytes()[:-20])
    with pytest.raises(CorpusError, match=f"{place.name} is damaged"):
        cached_corpus(*ask, vocab_size=258)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_models_sample_in_other_number_types(dtype: torch.dtype) -> None:
    model = flm_edu.load_model("drinks-flm").to(dtype)
    assert model.sample(3, 2, generator=torch.Generator().manual_seed(0)).shape == (3, 1)


def test_a_model_loads_whatever_the_default_type_is() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert flm_edu.load_model("drinks-flm").sample(1, 1).shape == (1, 1)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_launchers_accumulation_changes_nothing(tmp_path: Path) -> None:
    """`accelerate launch --gradient_accumulation_steps 4` sets a variable that would divide the loss once more."""
    norms = []
    for steps in ("1", "4"):
        environment = {**os.environ, "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": steps, "OMP_NUM_THREADS": "1"}
        out = tmp_path / steps
        command = [sys.executable, "-m", "flm_edu.cli", "train", "--language", "drinks", *QUICK, "--out", str(out)]
        subprocess.run([*command, "--precision", "float32"], check=True, env=environment, capture_output=True)
        norms.append(json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["gradient_norm"])
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


def test_a_tokenizer_smaller_than_the_network_is_saved_and_loaded(tmp_path: Path) -> None:
    """Published GPT-2 models have a row more than the tokenizer."""
    model = flm_edu.load_model("drinks-flm")
    config = flm_edu.NetworkConfig(vocab_size=4, length=1, width=8, blocks=1, heads=1)
    larger = flm_edu.FlowLM(config, model.tokenizer)
    larger.save_pretrained(tmp_path / "m")
    again = flm_edu.load_model(tmp_path / "m")
    assert len(again.decode(again.sample(3, 1))) == 3

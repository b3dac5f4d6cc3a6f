"""What is kept on disk is what would be made again, and is made once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from flm_edu.cli import app
from flm_edu.corpus import load_corpus
from flm_edu.corpus.rows import cached_corpus
from flm_edu.vocabulary import CorpusError

TEXT = "the ferry leaves at nine\nthe museum opens at noon\n" * 40


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    (tmp_path / "a b.txt").write_text(TEXT)
    return tmp_path / "a b.txt"


@pytest.mark.parametrize("packing", ["wrapped", "sentence"])
def test_rows_are_made_once_and_then_read(text_file: Path, packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"vocab_size": 300, "packing": packing}
    plain = load_corpus(str(text_file), 40, **options)  # type: ignore[arg-type]
    first = cached_corpus(text_file.parent / "cache", str(text_file), 40, **options)
    monkeypatch.setattr("flm_edu.corpus.rows.load_corpus", lambda *args, **options: pytest.fail("tokenized again"))
    again = cached_corpus(text_file.parent / "cache", str(text_file), 40, **options)
    for corpus in (first, again):
        assert corpus.fingerprint == plain.fingerprint
        assert corpus.origin == plain.origin
        assert torch.equal(corpus.held_out, plain.held_out)
        assert corpus.decode(corpus.tokens[:2]) == plain.decode(plain.tokens[:2])
        draws = [c.sample(5, generator=torch.Generator().manual_seed(0)) for c in (corpus, plain)]
        assert torch.equal(*draws)


def test_other_text_and_other_options_are_other_rows(text_file: Path) -> None:
    folder = text_file.parent / "cache"
    one = cached_corpus(folder, str(text_file), 40, vocab_size=300)
    shorter = cached_corpus(folder, str(text_file), 20, vocab_size=300)
    with_its_tokenizer = cached_corpus(folder, str(text_file), 40, tokenizer=one.tokenizer)
    assert len([place for place in folder.iterdir() if place.is_dir()]) == 2
    text_file.write_text(TEXT.replace("ferry", "train"))
    other = cached_corpus(folder, str(text_file), 40, vocab_size=300)
    assert len({corpus.fingerprint for corpus in (one, shorter, other)}) == 3
    assert with_its_tokenizer.fingerprint == one.fingerprint


def test_other_processes_wait_for_the_first(text_file: Path) -> None:
    code = (
        "import sys; from flm_edu.corpus.rows import cached_corpus as c;"
        "print(c(sys.argv[1], sys.argv[2], 40, vocab_size=300).fingerprint)"
    )
    command = [sys.executable, "-c", code, str(text_file.parent / "cache"), str(text_file)]
    second, first = (
        subprocess.Popen(command, env={**os.environ, "RANK": rank}, stdout=subprocess.PIPE, text=True)
        for rank in ("1", "0")
    )
    prints = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert prints[0] == prints[1] != ""
    assert len([place for place in (text_file.parent / "cache").iterdir() if place.is_dir()]) == 1


def test_what_is_distilled_finds_the_rows_of_its_teacher(text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the command line: the teacher's tokenizer was trained on the way, the student's is the teacher's."""
    monkeypatch.chdir(text_file.parent)
    small = ("--width", "16", "--heads", "2", "--blocks", "1", "--steps", "2", "--batch", "4", "--cache", "kept")
    text = ("--corpus", text_file.name, "--vocab-size", "300", "--length", "40")
    made = CliRunner().invoke(app, ["train", "--out", "flm", *small, *text])
    assert made.exit_code == 0, made.output
    monkeypatch.setattr("flm_edu.corpus.rows.load_corpus", lambda *args, **options: pytest.fail("tokenized again"))
    assert CliRunner().invoke(app, ["distill", "--teacher", "flm", "--out", "map", *small[6:]]).exit_code == 0
    evaluated = CliRunner().invoke(app, ["evaluate", "map", "--steps", "1", "--n", "2", "--cache", "kept"])
    assert evaluated.exit_code == 0, evaluated.output


def test_a_text_that_cannot_be_used_leaves_nothing(text_file: Path) -> None:
    text_file.write_text("")
    with pytest.raises(ValueError, match="is empty"):
        cached_corpus(text_file.parent / "cache", str(text_file), 40)
    assert not (text_file.parent / "cache").exists()


def test_rows_that_hold_no_tokens_are_refused_when_they_are_drawn(text_file: Path) -> None:
    """A flipped bit in a large file is not looked for beforehand, and trains nothing."""
    cache = text_file.parent / "cache"
    cached_corpus(cache, str(text_file), 40, vocab_size=300)
    (rows,) = cache.glob("*/train.npy")
    content = bytearray(rows.read_bytes())
    content[-1] ^= 0x80  # the last token is negative now
    rows.write_bytes(content)
    corpus = cached_corpus(cache, str(text_file), 40, vocab_size=300)
    with pytest.raises(CorpusError, match="damaged; remove the folder"):
        corpus.sample(1000, generator=torch.Generator().manual_seed(0))

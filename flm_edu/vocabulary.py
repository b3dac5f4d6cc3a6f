"""Tokenizers: words of a finite language, or learned from real text, or published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

END_TOKEN = "<end>"  # ends a text; also fills short rows up


UNKNOWN_TOKEN = "<unknown>"


class CorpusError(ValueError):
    """A corpus that cannot be used: names the file or argument and the remedy."""


def word_tokenizer(words: Sequence[str]) -> Tokenizer:
    """Return a tokenizer with one token for each of the given words, which are separated by spaces."""
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
            raise CorpusError(f"`vocab_size` is {vocab_size}; a word tokenizer needs at least 3")
        tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN_TOKEN))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        word_trainer = trainers.WordLevelTrainer(
            vocab_size=vocab_size, special_tokens=[END_TOKEN, UNKNOWN_TOKEN], show_progress=False
        )
        tokenizer.train_from_iterator(texts, word_trainer)
        return tokenizer
    if vocab_size < 258:
        raise CorpusError(f"`vocab_size` is {vocab_size}; byte-level BPE needs at least 258 (256 bytes and two more)")
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
    """Return the tokenizer of a model on the Hugging Face hub, downloaded once.

    Raises:
        CorpusError: it cannot be had; says why.
    """
    try:
        return Tokenizer.from_pretrained(name)
    except Exception as error:  # tokenizers raises bare Exception, the hub's client a dozen kinds
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CorpusError(
            f"tokenizer {name!r} cannot be had from the Hugging Face hub ({reason}); "
            "check the name and the connection, or leave it out to train one"
        ) from error


def end_token_id(tokenizer: Tokenizer) -> int:
    """Return the token that ends a text: ours, or the one a published tokenizer uses for it.

    Raises:
        CorpusError: the tokenizer has none of the known names.
    """
    for name in (END_TOKEN, "<|endoftext|>", "</s>", "[SEP]", "<|end_of_text|>"):
        if (token := tokenizer.token_to_id(name)) is not None:
            return token
    raise CorpusError(f"the tokenizer has no end token such as {END_TOKEN}; use one that has, or train one")


def read_prompt(prompt: str, tokenizer: Tokenizer, length: int) -> list[int]:
    """Return the tokens of a text with gaps, each `_` one free token: -1 there, and after the last word.

    Raises:
        CorpusError: a word that the vocabulary does not have, or more than `length` tokens.
    """
    tokens: list[int] = []
    by_words = isinstance(tokenizer.model, models.WordLevel)
    for gap, group in groupby(prompt.split(), key=lambda word: not word.strip("_")):
        words = list(group)
        if gap:
            tokens += [-1] * len(words)
        elif not by_words:
            tokens += tokenizer.encode(" ".join(words), add_special_tokens=False).ids
        else:
            for word in words:
                token = tokenizer.token_to_id(word)
                if token is None:
                    raise CorpusError(f"{word!r} is not in the vocabulary; write _ for a free word")
                tokens.append(token)
    if len(tokens) > length:
        raise CorpusError(f"{prompt!r} has {len(tokens)} tokens; the model's texts have {length}")
    return tokens + [-1] * (length - len(tokens))

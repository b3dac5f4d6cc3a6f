"""Exercises of notebook 10, to real text and real GPUs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, compare, exercise


@exercise("10.pairs")
def pairs(answer: Answer) -> Iterator[str]:
    """samples, corpus (lists of texts) -> share of the samples' neighbouring words that the corpus holds together."""
    corpus = ["we the people", "the state of the union", "we are strong", "we are", "many of us"]
    samples = ["we the people", "people the state of", "the state the", "strong hope"]
    # known or not, pair by pair: 1, 1 | 0, 1, 1 | 1, 0 | 0; of the corpus's 11 pairs 10 differ, and 4 are in the samples
    compare(
        answer(samples, corpus, shape=()),
        torch.tensor(5 / 8),
        {
            "divide by the number of the samples' pairs, not by that of the corpus's different pairs": (
                torch.tensor(5 / 10)
            ),
            "divide by the number of the samples' pairs, not by that of the corpus's pairs": torch.tensor(5 / 11),
            "the roles are exchanged: this is the share of the corpus's pairs that the samples hold": (
                torch.tensor(4 / 11)
            ),
            "the roles are exchanged: this is the share of the corpus's different pairs that the samples hold": (
                torch.tensor(4 / 10)
            ),
            "this divides by the number of words; a text has one pair fewer than words": torch.tensor(5 / 12),
            "this is a number of pairs; divide by how many there are": torch.tensor(5.0),
            "this counts single words; two neighbours at a time are asked for": torch.tensor(11 / 12),
            "this counts different pairs: one that comes twice counts twice": torch.tensor(4 / 7),
            "the order matters: the people is known, people the is not": torch.tensor(7 / 8),
            "this is the share of whole texts that hold no unknown pair": torch.tensor(1 / 4),
            "this is the average over the texts; count all pairs together, so that long texts count more": (
                torch.tensor((1 + 2 / 3 + 1 / 2 + 0) / 4)
            ),
            "pairs do not reach from one text into the next: take each text on its own": torch.tensor(6 / 11),
            "this is the share of unknown pairs": torch.tensor(3 / 8),
        },
    )
    yield "known pairs over all pairs, text by text"
    compare(answer(["union strong"], corpus, shape=()), torch.tensor(0.0), {})
    yield "two known words need not make a known pair"
    if float(answer(["he people"], corpus, shape=())) != 0:
        raise Mistake(
            "'he people' is found inside 'the people', and is no pair of it: compare whole words, not letters"
        )
    yield "words are compared whole"


def _rows(answer: Answer, texts: list[list[int]], shape: tuple[int, int], why: str) -> Tensor:
    """What the answer makes of texts, end token 0; where its shape is wrong the message says why it is wrong."""
    try:
        return answer(texts, 0, shape[1], shape=shape)
    except Mistake as mistake:
        raise (Mistake(f"{mistake}: {why}") if str(mistake).startswith("the result") else mistake) from None


@exercise("10.pack")
def pack(answer: Answer) -> Iterator[str]:
    """texts (lists of token lists), the end token, L -> rows (N, L)."""
    texts, end = [[5, 6, 7], [8], [9, 10, 11, 12, 13]], 0
    right = torch.tensor([[5, 6, 7, 0], [8, 0, 9, 10], [11, 12, 13, 0]])
    stream = [token for text in texts for token in [*text, end]]
    flat = [token for text in texts for token in text]
    result = _rows(answer, texts, (3, 4), "with its end tokens the stream has 12 tokens, which fill three rows of 4")
    compare(
        result,
        right,
        {
            "the end tokens are missing: without them nobody knows where a text stops": torch.tensor(
                [*flat, 0, 0, 0]
            ).reshape(3, 4),
            "the end token ends a text; here it begins one": torch.tensor(
                [token for text in texts for token in [end, *text]]
            ).reshape(3, 4),
            "the stream is read downwards: each row is a piece of it, left to right": (
                torch.tensor(stream).reshape(4, 3).T
            ),
            "every text has a row of its own here: put them one after the other, and then cut": torch.tensor(
                [[5, 6, 7, 0], [8, 0, 0, 0], [9, 10, 11, 12]]
            ),
        },
    )
    yield "one stream, an end token after each text, cut into rows"
    rest = _rows(answer, [[1, 2], [3], [4, 5, 6]], (2, 4), "a last token is left that fills no row, and is dropped")
    compare(rest, torch.tensor([[1, 2, 0, 3], [0, 4, 5, 6]]), {})
    yield "what does not fill a row is dropped, and nothing else"


def _largest_batch(vocab_size: int, length: int, gigabytes: float, bytes_each: int, tables: int) -> int:
    return int(gigabytes * 10**9 // (vocab_size * length * bytes_each * tables))


@exercise("10.memory", _largest_batch)
def memory(answer: Answer) -> Iterator[str]:
    """vocabulary, length, gigabytes, bytes per number, tables -> the largest batch that fits, a number."""
    size, length, gigabytes, width, tables = 30_000, 128, 15, 4, 3  # 325.5 texts: neither rounding is right by luck
    one = size * length * width  # bytes of one text in one table
    compare(
        answer(size, length, gigabytes, width, tables, shape=()),
        torch.tensor(float(gigabytes * 10**9 // (one * tables))),
        {
            "this is for one table of states; several of them are in memory at once": torch.tensor(
                float(gigabytes * 10**9 // one)
            ),
            "part of a text does not fit: round down to a whole number": torch.tensor(
                gigabytes * 1e9 / (one * tables), dtype=torch.float64
            ),
            "round down: rounded up, the last text does not fit": torch.tensor(
                float(gigabytes * 10**9 // (one * tables) + 1)
            ),
            "a number takes several bytes: multiply by bytes_each": torch.tensor(
                float(gigabytes * 10**9 // (size * length * tables))
            ),
            "a gigabyte here has 10^9 bytes, not 2^30": torch.tensor(float(gigabytes * 2**30 // (one * tables))),
            "a row has V entries at each of L positions: multiply, and do not add, the two": torch.tensor(
                float(gigabytes * 10**9 // ((size + length) * width * tables))
            ),
        },
        tolerance=1e-3,
    )
    yield "whole texts whose tables fit"
    compare(answer(50_000, 1_000, 0.1, 4, 1, shape=()), torch.tensor(0.0), {})
    yield "where not even one text fits, the answer is 0"

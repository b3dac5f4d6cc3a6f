"""An automaton is the language that its grammar lists, however many texts there are."""

import itertools
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flm_edu.automaton import Automaton
from flm_edu.compiler import compile_rules
from flm_edu.evaluation.sweep import sweep
from flm_edu.files import data_dir
from flm_edu.grammar import GrammarError, load_language, load_listed, parse_grammar, read_rules
from flm_edu.language import Language, draw_training_texts
from flm_edu.language_model import load_model
from flm_edu.oracle import PERFECT
from flm_edu.rules import fill

LISTED = ("drinks", "cities", "sentences", "tales")


def compiled(name: str) -> Automaton:
    path = data_dir() / "languages" / f"{name}.grammar"
    return compile_rules(read_rules(path.read_text(encoding="utf-8"), str(path)), name)


def with_words_of(automaton: Automaton, language: Language) -> Tensor:
    """For each token of the language, the automaton's."""
    assert sorted(automaton.words) == sorted(language.words)
    return torch.tensor([automaton.words.index(word) for word in language.words])


@pytest.mark.parametrize("name", LISTED)
def test_it_is_the_listed_language(name: str, generator: torch.Generator) -> None:
    language, automaton = load_listed(name), compiled(name)
    assert automaton.texts == len(language)
    assert automaton.entropy == pytest.approx(language.entropy, abs=1e-10)
    same = with_words_of(automaton, language)
    assert torch.allclose(
        automaton.negative_log_likelihood(same[language.tokens]), -language.probabilities.log(), atol=1e-10
    )
    evidence = 5 * torch.randn(8, language.length, language.vocab_size, dtype=torch.float64, generator=generator)
    evidence[4:][torch.rand(evidence[4:].shape, generator=generator) < 0.2] = -torch.inf
    theirs = torch.empty_like(evidence)
    theirs[..., same] = evidence
    assert torch.allclose(automaton.posterior(theirs)[..., same], language.posterior(evidence), atol=1e-10)


@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize("family", PERFECT)
def test_perfect_models_of_both_are_one(name: str, family: str) -> None:
    """The same draws give the same texts, whichever way the sums are taken."""
    language, automaton = load_listed(name), compiled(name)
    same = with_words_of(automaton, language)
    # In the automaton's order of words, so that the draws are of the same ones.
    listed = Language(language.name, automaton.words, same[language.tokens], language.probabilities)
    drawn = [
        PERFECT[family](one).sample(4, 2, generator=torch.Generator().manual_seed(0)) for one in (listed, automaton)
    ]
    assert torch.equal(*drawn)


@st.composite
def grammars(draw: st.DrawFn) -> str:
    """A small grammar: choices with properties, weights and conditions on earlier ones, texts of several shapes."""
    names = ["a", "b", "c"][: draw(st.integers(1, 3))]
    lines = []
    values: dict[str, set[str]] = {}
    for number, name in enumerate(names):
        lines.append(f"[{name}]")
        values[name] = set()
        for option in range(draw(st.integers(1, 3))):
            words = draw(st.sampled_from(["x", "y", "z", "x y", f"{name}{option}"]))
            key = draw(st.sampled_from(["u", "v"]))
            weight = draw(st.sampled_from(["", "*2", "*0.5"]))
            condition = ""
            if number and option and draw(st.booleans()):  # the first option is always allowed
                earlier = draw(st.sampled_from(names[:number]))
                condition = f"?{earlier}.k={draw(st.sampled_from(sorted(values[earlier])))}"
            values[name].add(key)
            lines.append(f"{words} k={key} {condition} {weight}")
    lines.append("[text]")
    parts = [f"{{{name}}}" for name in names] + [f"{{{name}.k}}" for name in names] + ["x", "end", "{a}{a.k}"]
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.lists(st.sampled_from(parts), min_size=1, max_size=5))
        lines.append(" ".join(shape) + draw(st.sampled_from(["", " *3"])))
    return "\n".join([*lines, "one other word"])


def enumerated(content: str) -> dict[str, float]:
    """Every text with its probability, by going through all draws."""
    rules = read_rules(content)
    total = sum(shape.weight for shape in rules.shapes)
    texts: dict[str, float] = {}
    for (drawn, weight), shape in itertools.product(rules.draws(tuple(rules.choices), {}), rules.shapes):
        text = " ".join(fill(shape.words, drawn).split())
        texts[text] = texts.get(text, 0.0) + weight * shape.weight / total
    return texts


@settings(max_examples=500, deadline=None)
@given(grammars(), st.integers(0, 2**32))
def test_it_is_what_direct_enumeration_gives(content: str, seed: int) -> None:
    texts, automaton = enumerated(content), compile_rules(read_rules(content), "random")
    assert automaton.texts == len(texts)
    language = Language.from_sentences(list(texts), list(texts.values()))
    assert automaton.entropy == pytest.approx(language.entropy, abs=1e-10)
    same = with_words_of(automaton, language)
    generator = torch.Generator().manual_seed(seed)
    evidence = 3 * torch.randn(2, language.length, language.vocab_size, dtype=torch.float64, generator=generator)
    theirs = torch.empty_like(evidence)
    theirs[..., same] = evidence
    assert torch.allclose(automaton.posterior(theirs)[..., same], language.posterior(evidence), atol=1e-10)
    tokens = torch.randint(language.vocab_size, (30, language.length), generator=generator)
    tokens[:10] = language.sample(10, generator=generator)
    told, true = automaton.negative_log_likelihood(same[tokens]), language.negative_log_likelihood(tokens)
    assert torch.allclose(told, true, atol=1e-10)
    drawn = automaton.decode(automaton.sample(20, generator=generator))
    assert set(drawn) <= {" ".join(word for word in text.split() if word != "<end>") for text in texts}


def test_two_derivations_of_a_text_are_one_path() -> None:
    """`x z` can be drawn in three ways; a graph with a path for each would count it three times."""
    automaton = compile_rules(read_rules("[a]\nx k=u\nx k=v\ny k=u\n[text]\n{a} z\nx z"), "twice")
    assert automaton.texts == 2
    tokens = torch.tensor([[automaton.words.index(word) for word in text.split()] for text in ("x z", "y z")])
    assert automaton.negative_log_likelihood(tokens).neg().exp().tolist() == pytest.approx([5 / 6, 1 / 6])


def test_rows_of_another_make_are_not_its_texts() -> None:
    """A number outside the vocabulary must not be read as another state's word, nor a longer row as its beginning."""
    automaton = load_language("found")
    text = automaton.sample(1, generator=torch.Generator().manual_seed(0))
    assert bool(automaton.contains(text).all())
    longer, shorter = torch.cat([text, text[:, :1]], 1), text[:, :-1]
    assert not bool(automaton.contains(longer).any() | automaton.contains(shorter).any())
    for beyond in (automaton.vocab_size, -1):
        for position in range(automaton.length):
            wrong = text.clone()
            wrong[0, position] += beyond * (1 if beyond > 0 else automaton.vocab_size)
            assert not bool(automaton.contains(wrong).any())


def test_rare_texts_keep_their_probabilities() -> None:
    """A weight of 10^-9 beside one of 10^9: what is rare is not rounded to what is rarer."""
    content = "[a]\nx *1000000000\ny *0.000000001\nz *0.000000002\n[b]\nu\nv *3\n[text]\n{a} {b}\n{b} {a}"
    rules = read_rules(content)
    automaton, listed = compile_rules(rules, "rare"), parse_grammar(content, "rare")
    assert isinstance(listed, Language)
    same = with_words_of(automaton, listed)
    assert torch.allclose(
        automaton.negative_log_likelihood(same[listed.tokens]), -listed.probabilities.log(), atol=1e-10
    )


def test_exact_samples_have_the_languages_own_entropy() -> None:
    language = load_language("errands")
    drawn = language.sample(4000, generator=torch.Generator().manual_seed(0))
    surprise = language.negative_log_likelihood(drawn)
    error = float(surprise.std()) / math.sqrt(len(drawn))
    assert abs(float(surprise.mean()) - language.entropy) < 4 * error + 1e-9
    assert language.validity(drawn) == 1.0


def test_nothing_possible_gives_nothing(generator: torch.Generator) -> None:
    automaton = load_language("found")
    evidence = torch.zeros(2, automaton.length, automaton.vocab_size, dtype=torch.float64)
    evidence[0, 3] = -torch.inf
    posterior = automaton.posterior(evidence)
    assert not bool(posterior[0].any())
    assert torch.allclose(posterior[1].sum(-1), torch.ones(automaton.length, dtype=torch.float64))


def test_near_the_end_of_the_flow_digits_are_kept() -> None:
    """Evidence of 10^12 in one place and its opposite in another must not swallow what lies between."""
    automaton = load_language("found")
    text = automaton.sample(1, generator=torch.Generator().manual_seed(1))
    evidence = torch.full((1, automaton.length, automaton.vocab_size), -1e12, dtype=torch.float64)
    evidence.scatter_(-1, text[..., None], 1e12)
    assert torch.equal(automaton.posterior(evidence).argmax(-1), text)


@pytest.mark.parametrize(
    ("choices", "texts", "told"),
    [
        (8, "{a0} {a1} {a2} {a3} {a4} {a5} {a6} {a7}", None),
        (8, "{a0} {a1} {a2} {a3} {a4} {a5} {a6} {a7} {a0} {a1} {a2} {a3} {a4} {a5} {a6} {a7}", r"remember \[a\d\]"),
    ],
)
def test_large_grammars_are_read_or_refused_by_name(choices: int, texts: str, told: str | None) -> None:
    options = [f"[a{c}]\n" + "\n".join(f"w{c}x{i}" for i in range(20)) for c in range(choices)]
    content = "\n".join([*options, "[text]", texts])
    if told is None:
        language = parse_grammar(content, "large")
        assert isinstance(language, Automaton)
        assert (language.texts, language.edges) == (20**8, 160)
    else:
        with pytest.raises(GrammarError, match=told):
            parse_grammar(content, "large")


def test_many_ways_to_go_on_are_refused_by_name() -> None:
    """Few states, but an edge between each two of them."""
    options = [f"[{name}]\n" + "\n".join(f"{name}{i}" for i in range(800)) for name in "ab"]
    with pytest.raises(GrammarError, match=r"500,000 ways to go on.*\[a\]"):
        parse_grammar("\n".join([*options, "[text]", "{a} {b} {a}"]), "dense")


def test_choices_that_no_text_uses_do_not_count() -> None:
    unused = [f"[u{c}]\n" + "\n".join(f"w{i}" for i in range(20)) for c in range(6)]
    language = parse_grammar("\n".join([*unused, "[a]\nx\ny\n[text]\n{a} z"]), "few")
    assert isinstance(language, Language)
    assert len(language) == 2


def test_conditions_on_all_that_was_drawn_are_refused_by_name() -> None:
    options = [f"[a{c}]\n" + "\n".join(f"w{i} k=v{i}" for i in range(20)) for c in range(5)]
    last = "[z]\nw " + " ".join(f"?a{c}.k=v0" for c in range(5)) + "\nv"
    with pytest.raises(GrammarError, match="depends on more than"):
        parse_grammar("\n".join([*options, last, "[text]", "{z}"]), "deep")


def test_few_training_texts_are_a_language_of_their_own(generator: torch.Generator) -> None:
    """Samples of the few are all seen; samples of the whole are valid and, where texts are many, all new."""
    whole = load_language("errands")
    few = draw_training_texts(whole, 300, seed=1)
    assert len(few) == 300
    assert few.fingerprint == draw_training_texts(whole, 300, seed=1).fingerprint
    assert few.fingerprint != draw_training_texts(whole, 300, seed=2).fingerprint
    assert bool(whole.contains(few.tokens).all())
    both = {"heart": PERFECT["ar"](few), "rules": PERFECT["ar"](whole)}
    _, heart, rules = sweep(both, few, [1], samples=100)
    assert (heart.validity, heart.novelty, heart.memorized) == (1, 0, 1)
    assert (rules.validity, rules.novelty, rules.memorized) == (1, 1, 0)
    with pytest.raises(ValueError, match="whole number from 1"):
        draw_training_texts(whole, 0)


def test_evaluate_finds_the_training_texts_again(tmp_path: Path) -> None:
    few = ["--training-texts", "30", "--data-seed", "5"]
    train = ["train", "--language", "found", *few, "--steps", "2", "--width", "16", "--blocks", "1", "--heads", "2"]
    call(*train, "--out", str(tmp_path / "few"))
    origin = load_model(tmp_path / "few").provenance["corpus_options"]
    assert (origin["source"], origin["training_texts"], origin["data_seed"]) == ("found", 30, 5)
    told = call("evaluate", str(tmp_path / "few"), "--steps", "1", "--n", "4")
    assert "and new" in told
    assert "found   " in told, "the figures of the data are the whole language's"
    few[-1] = "6"
    train = ["train", "--language", "found", *few, "--steps", "2", "--width", "16", "--blocks", "1", "--heads", "2"]
    call(*train, "--out", str(tmp_path / "other"))
    both = ["evaluate", str(tmp_path / "few"), str(tmp_path / "other"), "--steps", "1", "--n", "4"]
    with pytest.raises(AssertionError, match="not trained on the same texts"):
        call(*both)
    assert "and new" not in call(*both, "--language", "found")


def call(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "flm_edu", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_large_languages_are_as_large_as_they_say() -> None:
    found, errands = load_language("found"), load_language("errands")
    assert 10**6 <= found.texts <= 10**7
    assert errands.texts >= 10**9
    assert 30 <= errands.length <= 40

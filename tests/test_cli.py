"""The command line as a user meets it: output, exit codes, and what is left on disk.

What works runs as real processes; what is refused is called in this process, which is quicker.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from flm_edu.cli import app
from flm_edu.files import data_dir
from flm_edu.flow import FlowMapLM

COMMANDS = ["train", "distill", "sample", "evaluate", "plot", "demo", "report", "language"]
SMALL = ["--width", "16", "--heads", "2", "--blocks", "1", "--steps", "30", "--batch", "16", "--warmup", "5"]


def run(*arguments: str, cwd: Path | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "flm_edu.cli", *arguments], capture_output=True, text=True, cwd=cwd, timeout=300
    )
    assert result.returncode == code, f"{arguments}: exit {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small FLM and its FMLM made by the commands, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("some runs")
    run("train", "--language", "cities", "--out", "flm", *SMALL, cwd=folder)
    run("distill", "--teacher", "flm", "--out", "fmlm", "--steps", "20", "--batch", "16", "--target", "ema", cwd=folder)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str) -> None:
    assert f"flm-edu {command}" in " ".join(call(command, "--help").output.split())


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    """As in `flm-edu language sentences | head -1`."""
    command = [sys.executable, "-m", "flm_edu.cli", "language", "sentences", "--n", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_no_arguments_show_the_commands() -> None:
    assert all(command in call().output for command in COMMANDS)


def test_train_writes_a_model_directory(models: Path) -> None:
    names = {path.name for path in (models / "flm").iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "provenance.json",
        "metrics.jsonl",
        "tensorboard",
    } <= names
    facts = json.loads((models / "fmlm" / "provenance.json").read_text())
    assert facts["command"] == "flm-edu distill --teacher flm --out fmlm --steps 20 --batch 16 --target ema"
    recipe = {"diagonal_fraction": 0.25, "boundary_every": 32, "target": "ema", "jumps": 2}
    assert facts["objective"] == {"method": "semigroup", **recipe}
    assert facts["teacher"]["corpus"] == "cities"


def test_distill_goes_on_from_an_earlier_map(models: Path) -> None:
    run("distill", "--teacher", "flm", "--init", "fmlm", "--out", "more", "--steps", "1", "--batch", "16", cwd=models)
    facts = json.loads((models / "more" / "provenance.json").read_text())
    assert facts["init"]["steps"] == 20
    before, after = (FlowMapLM.from_pretrained(models / name).network.state_dict() for name in ("fmlm", "more"))
    # One step of warm-up at a hundredth of the learning rate: the weights are the earlier ones but for that.
    assert all(torch.allclose(before[name], after[name], atol=1e-3) for name in before)


@pytest.fixture(scope="module")
def baselines(models: Path) -> Path:
    """One small model of each other family, beside the flow models."""
    for name in ("masked", "uniform", "ar"):
        like = ("--like", str(models / "flm"), *SMALL[-6:])
        result = call("train", "--model", name, "--language", "cities", "--out", str(models / name), *like)
        assert result.exit_code == 0, result.output
    return models


def test_flow_maps_learn_by_each_equation_with_a_teacher_or_without(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    short = ("--steps", "3", "--batch", "16")
    for method in ("semigroup", "lagrangian", "eulerian", "simplex-lagrangian", "simplex-eulerian"):
        distilled = call("distill", "--method", method, "--teacher", "flm", "--out", method, *short)
        alone = call(
            "train", "--model", "flow-map", "--method", method, "--language", "cities", "--out", f"{method}-alone",
            "--width", "16", "--heads", "2", "--blocks", "1", *short,
        )  # fmt: skip
        assert (distilled.exit_code, alone.exit_code) == (0, 0), distilled.output + alone.output
        for name in (method, f"{method}-alone"):
            assert json.loads(Path(f"{name}/provenance.json").read_text())["objective"]["method"] == method
            assert FlowMapLM.from_pretrained(name).sample(2, 1).shape == (2, 2)


def test_discrete_models_are_distilled_in_rounds(baselines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(baselines)
    for method, teacher in (("sdtt", "masked"), ("dcd", "uniform")):
        rounds = ("--rounds", "2", "--teacher-steps", "8", "--steps", "4", "--batch", "16")
        result = call("distill", "--method", method, "--teacher", teacher, "--out", method, *rounds)
        assert result.exit_code == 0, result.output
        facts = [json.loads(Path(f"{method}{place}/provenance.json").read_text()) for place in ("/round-1", "")]
        assert [f["objective"]["teacher_steps"] for f in facts] == [8, 4]
        assert [f["teacher"]["corpus"] for f in facts] == ["cities", "cities"]
    assert "sdtt" in call("evaluate", "sdtt", "dcd", "--steps", "1", "--n", "10").stdout
    for teacher, message in (("masked", "use --method sdtt"), ("ar", "no method distils it")):
        assert message in call("distill", "--teacher", teacher, "--out", "x").stderr
    anew = ("--rounds", "1", "--teacher-steps", "8", "--steps", "2", "--batch", "16", "--overwrite")
    assert call("distill", "--method", "sdtt", "--teacher", "masked", "--out", "sdtt", *anew).exit_code == 0
    assert not Path("sdtt/round-1").exists(), "a round of the run before, which --resume would take for this one's"


def test_every_family_is_sampled_and_measured_alike(baselines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(baselines)
    kinds = [json.loads(Path(f"{name}/config.json").read_text())["model"] for name in ("masked", "uniform", "ar")]
    assert kinds == ["masked", "uniform", "autoregressive"]
    contestants = ["flm", "masked", "masked@even", "masked@confidence", "uniform@greedy-tail", "ar"]
    result = call("evaluate", *contestants, "--steps", "1,8", "--n", "20", "--out", "families.csv")
    assert result.exit_code == 0, result.output
    points = json.loads(Path("families.json").read_text())["points"]
    cells = {(p["model"], p["steps"]): p for p in points}
    length = 2  # of the texts of cities: masked diffusion reads at most so often, autoregression exactly so often
    assert [p["steps"] for p in points if p["model"] == "ar"] == [length]
    assert [cells["flm", 8]["evaluations"], cells["ar", length]["evaluations"]] == [8, length]
    assert cells["masked@even", 8]["evaluations"] == cells["masked@confidence", 8]["evaluations"] == length
    assert cells["uniform@greedy-tail", 8]["evaluations"] == 8
    masked, ar = cells["masked", 1], cells["ar", length]
    assert masked["weights"] == pytest.approx(ar["weights"], rel=0.02)
    assert masked["training_tokens"] == ar["training_tokens"] == 30 * 16 * length
    assert 0 < ar["likelihood_bound"] < masked["likelihood_bound"] + 1
    assert ar["likelihood_error"] is None
    assert masked["likelihood_error"] > 0
    assert 0 < cells["flm", 1]["likelihood_error"] < cells["flm", 1]["likelihood_bound"]
    assert "nats/tok of the data" in result.stdout
    trace = call("sample", "ar", "--n", "1", "--trace").stdout.strip().splitlines()
    assert [len(line.split()) - 2 for line in trace] == [1, 2, 2]  # words written so far, the next one's guess included


def test_sample_is_reproducible(models: Path) -> None:
    texts = [run("sample", "fmlm", "--n", "3", "--seed", seed, cwd=models).stdout for seed in ("1", "1")]
    assert texts[0] == texts[1]
    assert len(texts[0].splitlines()) == 3
    trace = run("sample", "flm", "--n", "1", "--steps", "2", "--trace", cwd=models).stdout
    assert [line.split()[1] for line in trace.strip().splitlines()] == ["0.00", "0.50", "1.00"]


def test_evaluate_finds_the_data_by_itself_and_writes_the_table(models: Path) -> None:
    result = run("evaluate", "flm", "fmlm", "--steps", "1,2", "--n", "40", "--out", "table.csv", cwd=models)
    quality, footing = ([line.split()[0] for line in part.splitlines()] for part in result.stdout.split("\n\n"))
    assert quality == ["model", "cities", "flm", "flm", "fmlm", "fmlm"]
    assert footing == ["model", "flm", "fmlm"]
    assert json.loads((models / "table.json").read_text())["provenance"]["corpus"] == "cities"
    assert (models / "table.csv").read_text().startswith("model,kind,steps")
    run("plot", "table.json", "--out", "pictures/table.png", "--theme", "dark", cwd=models)
    run("plot", "table.json", "--out", "pictures/table.html", "--against", "seconds", cwd=models)
    assert "milliseconds per text" in (models / "pictures" / "table.html").read_text(encoding="utf-8")
    assert (models / "pictures" / "table.png").read_bytes().startswith(b"\x89PNG")
    shutil.copy(models / "table.json", models / "again.json")
    run("plot", "table.json", "again.json", "--out", "pictures/both.html", cwd=models)
    both = (models / "pictures" / "both.html").read_text(encoding="utf-8")
    assert "fmlm, table" in both  # two lines, not one that runs back and forth
    assert "fmlm, again" in both


def test_a_language_of_ones_own_goes_all_the_way(tmp_path: Path) -> None:
    """Train, distil and evaluate find the grammar again; a grammar changed since is noticed."""
    (tmp_path / "my own.grammar").write_text("[a]\nred\nblue\n[text]\nthe {a} hat\n")
    run("train", "--language", "my own.grammar", "--out", "flm", *SMALL, cwd=tmp_path)
    run("distill", "--teacher", "flm", "--out", "fmlm", "--steps", "5", "--batch", "16", cwd=tmp_path)
    assert "my own" in run("evaluate", "fmlm", "--steps", "1", "--n", "20", cwd=tmp_path).stdout
    (tmp_path / "my own.grammar").write_text("[a]\nred\ngreen\n[text]\nthe {a} hat\n")
    assert "not the data" in run("evaluate", "fmlm", "--steps", "1", cwd=tmp_path, code=2).stderr


def test_perfect_models_stand_beside_trained_ones(models: Path) -> None:
    perfect = ("perfect:masked", "perfect:masked@even", "perfect:flow-map")
    result = run("evaluate", "flm", *perfect, "--steps", "2", "--n", "50", cwd=models)
    rows = {line.split()[0]: line.split() for line in result.stdout.split("\n\n")[0].splitlines()}
    assert rows["perfect:flow-map"][2] == "100.0%"
    assert rows["perfect:masked@even"][2] == "100.0%"
    assert rows["perfect:masked"][2] != "100.0%"
    both = run(
        "evaluate", "perfect:flow@uniform@bridge", "--language", "cities", "--steps", "1", "--n", "20", cwd=models
    )
    assert "perfect:flow@uniform@bridge" in both.stdout, "a clock and a sampler"
    alone = run("evaluate", "perfect:ar", "--language", "cities", "--steps", "1", "--n", "20", cwd=models)
    assert "100.0%" in alone.stdout


def test_words_may_be_given() -> None:
    texts = call(
        "sample", "sentences-masked", "--steps", "10", "--n", "5", "--prompt", "_ _ king _ his"
    ).stdout.splitlines()
    assert [text.split()[2::2][:2] for text in texts] == [["king", "his"]] * 5
    assert len({text.split()[3] for text in texts}) > 1
    coldest = call("sample", "sentences-ar", "--n", "20", "--temperature", "0", "--prompt", "the").stdout
    assert len(set(coldest.splitlines())) == 1
    for arguments, message in (
        (("sentences-flm", "--prompt", "the zebra"), "'zebra' is not in the vocabulary; write _ for a free word"),
        (("sentences-flm", "--prompt", "_ " * 11), "has 11 tokens; the model's texts have 10"),
        (("sentences-flm", "--temperature", "0.5"), "take sampler 'bridge'"),
    ):
        result = call("sample", *arguments)
        assert result.exit_code == 2
        assert message in result.stderr


def test_language_prints_its_sizes() -> None:
    assert "480 texts of 10 tokens, 29 words" in run("language", "sentences").stdout


DEMO_FILES = ("report.html", "sweep.csv", "sweep.json", "flm/config.json", "fmlm/model.safetensors")


@pytest.mark.slow
def test_quick_demo_of_ones_own_text_runs_to_its_report(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("\n".join(f"The {a} cat sees {b} birds ." for a in "abcdefgh" for b in "xyzuvw"))
    result = run("demo", "--quick", "--out", "out", "--corpus", "mine.txt", cwd=tmp_path)
    assert "Written in one step" in result.stdout
    assert all((tmp_path / "out" / name).is_file() for name in DEMO_FILES)


@pytest.mark.slow
def test_demo_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    (tmp_path / "own.grammar").write_text((data_dir() / "languages" / "cities.grammar").read_text())
    arguments = ("demo", "--quick", "--language", "own.grammar", "--out", "out")
    run(*arguments, cwd=tmp_path)
    assert all((tmp_path / "out" / name).is_file() for name in DEMO_FILES)
    weights = tmp_path / "out" / "fmlm" / "model.safetensors"
    first = weights.read_bytes()
    shutil.rmtree(tmp_path / "out" / "fmlm")  # as if it had been stopped between the two trainings
    run(*arguments, "--resume", cwd=tmp_path)
    assert weights.read_bytes() == first
    assert "flm" in run("evaluate", "out/flm", "--steps", "1", "--n", "20", cwd=tmp_path).stdout  # finds own.grammar


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--out", "x"), "give one of --language"),
        (("train", "--out", "x", "--language", "cities", "--corpus", "sotu"), "give one of --language"),
        (("train", "--out", "x", "--language", "poems"), "'poems'"),
        (("train", "--out", "x", "--language", "cities", "--steps", "0"), "--steps is 0"),
        (
            ("train", "--out", "x", "--language", "cities", "--width", "30", "--heads", "4"),
            "--width is 30; it must be a multiple of 2 x --heads",
        ),
        (("train", "--out", "x", "--language", "cities", "--data-seed", "1"), "--data-seed is of --training-texts"),
        (("train", "--out", "x", "--language", "cities", "--preset", "huge"), "'huge' is not one of 'tiny'"),
        (("train", "--out", "x", "--language", "cities", "--model", "gpt"), "'gpt' is not one of 'flow'"),
        (("train", "--out", "x", "--language", "cities", "--lr", "nan"), "--lr is nan"),
        (("train", "--out", "x", "--language", "cities", "--batch", "7", "--accumulate", "2"), "--batch 7 cannot"),
        (("train", "--out", "x", "--language", "cities", "--seed", "-1"), "--seed"),
        (("sample", "flm", "--seed", str(2**64)), "--seed"),
        (("train", "--out", "x", "--corpus", "short.txt", "--length", "0"), "--length is 0"),
        (("train", "--out", "x", "--corpus", "latin.txt"), "not UTF-8"),
        (("language", "cities", "--n", "-1"), "--n is -1"),
        (("train", "--out", "x", "--language", "cities", "--resume"), "start the run without it"),
        (("train", "--out", "x", "--corpus", "none.txt"), "no such file"),
        (("train", "--out", "x", "--corpus", "empty.txt"), "is empty"),
        (
            ("train", "--out", "x", "--corpus", "short.txt", "--vocab-size", "300", "--length", "512"),
            "smaller --length",
        ),
        (("train", "--out", "flm", "--language", "cities"), "already holds a model"),
        (("train", "--out", "short.txt", "--language", "cities"), "is a file"),
        (("train", "--out", "short.txt/runs/x", "--language", "cities"), "short.txt is a file"),
        (("distill", "--out", "x", "--teacher", "fmlm"), "--teacher is a 'flow-map-lm'"),
        (
            ("train", "--out", "x", "--language", "cities", "--model", "ar", "--schedule", "uniform"),
            "--schedule is for a flow",
        ),
        (("train", "--out", "x", "--language", "cities", "--like", "sentences-flm"), "belong to different data"),
        (("train", "--out", "x", "--language", "cities", "--method", "eulerian"), "--model flow-map"),
        (
            ("train", "--out", "x", "--language", "cities", "--model", "flow-map", "--method", "dcd"),
            "'dcd' is not one of 'semigroup'",
        ),
        (("distill", "--out", "x", "--teacher", "flm", "--rounds", "2"), "--rounds is no option of --method semigroup"),
        (
            ("distill", "--out", "x", "--teacher", "flm", "--method", "sdtt"),
            "--method sdtt distils a 'masked': use --method semigroup",
        ),
        (
            ("distill", "--out", "x", "--teacher", "sentences-masked", "--method", "sdtt", "--steps", "10"),
            "--steps is 10, which 4 --rounds cannot share; take 8",
        ),
        (("sample", "flm@confidence"), "is sampled by ode or bridge"),
        (("evaluate", "flm@confidence"), "is sampled by ode or bridge"),
        (("distill", "--out", "x", "--teacher", "flm", "--language", "sentences"), "vocab_size 29"),
        (("distill", "--out", "x", "--teacher", "flm", "--diagonal-fraction", "2"), "--diagonal-fraction is 2.0"),
        (
            ("distill", "--out", "x", "--teacher", "flm", "--init", "sentences-fmlm"),
            "--init has another network or clock",
        ),
        (
            ("distill", "--out", "x", "--teacher", "flm", "--target", "teacher", "--method", "eulerian"),
            "use --method semigroup",
        ),
        (("distill", "--out", "x", "--teacher", "flm", "--cycle", "8"), "--cycle needs --target"),
        (
            ("distill", "--out", "x", "--teacher", "flm", "--jumps", "4", "--method", "lagrangian"),
            "use --method semigroup",
        ),
        (("distill", "--out", "half", "--teacher", "flm"), "already holds a model"),
        (("evaluate", "by-hand"), "does not say what it was trained on"),
        (("demo", "--out", "."), "that no demo made"),
        (("demo", "--out", "shown"), "already holds a demo"),
        (("train", "--out", "x", "--language", "cities", "--packing", "sentence"), "--packing is of real text"),
        (("train", "--out", "flm", "--language", "cities", "--resume", "--overwrite"), "give one of them"),
        (("sample", "sentences-ar", "--steps", "3"), "writes in 10 steps, always"),
        (("evaluate", "moved"), "the model was trained on 'book.txt', which cannot be read again"),
        (("plot", "flm"), "flm is a folder"),
        (
            ("train", "--out", "x", "--corpus", "short.txt", "--tokenizer", "gpt2", "--vocab-size", "300"),
            "--vocab-size is of a tokenizer that is trained",
        ),
        (("evaluate", "perfect:flow", "--language", "cities", "--corpus", "sotu"), "and no --corpus"),
        (("distill", "--out", "half", "--teacher", "flm", "--rounds", "2", "--overwrite"), "no option of --method"),
        (("plot", "tales.json", "--metric", "known_words"), "choose one of validity, total_variation, entropy"),
        (("train", "--out", "x", "--corpus", "bad.jsonl"), "line 1 is no JSON"),
        (("train", "--out", "x", "--corpus", "short.txt", "--limit", "0"), "--limit is 0"),
        (("train", "--out", "x", "--language", "latin.grammar"), "not UTF-8"),
        (("sample", "nowhere"), "shipped model"),
        (("sample", "flm", "--steps", "0"), "--steps is 0"),
        (("sample", "flm", "--steps", "-1"), "--steps is -1"),
        (("sample", "flm", "--n", "0"), "--n is 0"),
        (("evaluate", "flm", "--n", "0"), "--n is 0"),
        (("sample", "flm", "--device", "tpu"), "--device 'tpu'"),
        (("evaluate", "flm", "--steps", "1,x"), "--steps '1,x'"),
        (("evaluate", "flm", "--steps", "0"), "at least 1"),
        (("evaluate", "flm", "--language", "tales"), "belong to different data"),
        (("evaluate", "flm", "--cache", "rows"), "cities is a finite language: leave it out"),
        (("evaluate", "perfect:flow"), "give --language"),
        (("plot", "flm/config.json"), "is not a sweep"),
        (("plot", "none.json"), "none.json"),
        (("evaluate", "perfect:gpt", "--language", "cities"), "perfect:masked"),
        (("evaluate", "perfect:masked@linear", "--language", "cities"), "is unknown"),
        (("demo", "--language", "cities", "--corpus", "sotu"), "not both"),
    ],
    ids=lambda v: " ".join(v)[:60] if isinstance(v, tuple) else "",
)
def test_bad_input_is_named_and_nothing_is_written(
    models: Path, arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    (models / "empty.txt").write_text("")
    (models / "short.txt").write_text("one line only")
    for name in ("latin.txt", "latin.grammar"):
        (models / name).write_bytes("caf\xe9".encode("latin-1"))
    (models / "bad.jsonl").write_text("not json\n")
    shutil.copytree(
        models / "flm", models / "half" / "round-1", dirs_exist_ok=True
    )  # a distillation in its second round
    shutil.copytree(models / "flm", models / "by-hand", dirs_exist_ok=True)  # as a Trainer writes it without facts
    facts = json.loads((models / "by-hand" / "provenance.json").read_text())
    (models / "by-hand" / "provenance.json").write_text(json.dumps({**facts, "corpus_options": {}}))
    shutil.copytree(models / "flm", models / "moved", dirs_exist_ok=True)  # without the file that it learned from
    text = {"corpus_options": {"kind": "text", "source": "book.txt", "packing": "wrapped"}}
    (models / "moved" / "provenance.json").write_text(json.dumps({**facts, **text}))
    shutil.copytree(models / "flm", models / "shown" / "flm", dirs_exist_ok=True)
    demo = {**facts, "command": "flm-edu demo --out shown"}
    (models / "shown" / "flm" / "provenance.json").write_text(json.dumps(demo))
    shutil.copy(data_dir() / "sweeps" / "tales-trained.json", models / "tales.json")
    before = (models / "flm" / "model.safetensors").read_bytes()
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (models / "x").exists()
    assert (models / "half" / "round-1").exists()
    assert (models / "flm" / "model.safetensors").read_bytes() == before


def test_what_is_distilled_on_other_data_is_measured_on_that(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models)
    grammar = (data_dir() / "languages" / "cities.grammar").read_text()
    Path("other.grammar").write_text(grammar.replace("new york", "new york *2"))
    common = ("--teacher", "flm", "--language", "other.grammar", "--steps", "2", "--batch", "8", "--out", "other")
    assert call("distill", *common).exit_code == 0
    result = call("evaluate", "other", "--steps", "1", "--n", "4")
    assert result.exit_code == 0, result.output
    assert "other " in result.output
    assert json.loads(Path("other/provenance.json").read_text())["corpus_options"]["source"] == "other.grammar"


def test_nan_is_told_with_the_step(models: Path) -> None:
    arguments = (
        "train",
        "--language",
        "cities",
        "--out",
        "nan",
        *SMALL,
        "--optimizer",
        "adamw",
        "--lr",
        "1e38",
    )
    result = run(*arguments, cwd=models, code=2)
    assert "became NaN or infinite at step" in result.stderr


def test_report_writes_one_page(tmp_path: Path) -> None:
    run("report", "--out", "pages/all.html", cwd=tmp_path)
    page = (tmp_path / "pages/all.html").read_text(encoding="utf-8")
    assert page.count('type="module"') == 9
    assert len(page) < 1_500_000
    (tmp_path / "x.json").write_text("[]")
    assert "x.json is not a sweep" in call("report", str(tmp_path / "x.json"), "--out", str(tmp_path / "y.html")).output
    assert not (tmp_path / "y.html").exists()

"""The recipes make all that ships: read by running them with stand-ins that only write down what they are asked."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
import typer

from flm_edu.cli import app
from flm_edu.files import data_dir
from flm_edu.language_model import load_model
from flm_edu.model_files import shipped_models
from flm_edu.training.presets import PRESETS
from recipes.ship import METRICS, ship

ROOT = Path(__file__).resolve().parent.parent
RECIPES = sorted(path for path in (ROOT / "recipes").glob("*.sh") if path.stem != "common")
Command = list[str]

STAND_IN = '#!/usr/bin/env bash\n{ printf "%s\\t" "${0##*/}" "$@"; echo; } >> "$COMMANDS"\n'


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    for name in ("flm-edu", "python"):
        (folder / name).write_text(STAND_IN, encoding="utf-8", newline="\n")
        (folder / name).chmod(0o755)
    return folder


def run_recipe(
    recipe: Path, stand_ins: Path, *arguments: str, cwd: Path = ROOT, **variables: str
) -> tuple[subprocess.CompletedProcess[str], list[Command]]:
    """How it ended, and its commands, without the program for those of flm-edu."""
    bash = shutil.which("bash")
    assert bash, "the recipes need bash"
    log = stand_ins / "commands"
    log.write_text("")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "RESUME"},
        "PATH": f"{stand_ins}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(stand_ins),
        "COMMANDS": log.as_posix(),
        **variables,
    }
    done = subprocess.run(
        [bash, recipe.as_posix(), *arguments], env=environment, cwd=cwd, capture_output=True, text=True
    )
    lines = [line.split("\t")[:-1] for line in log.read_text(encoding="utf-8").splitlines()]
    return done, [
        words[words.index("flm_edu.cli") + 1 :] if "flm_edu.cli" in words else words[words[0] == "flm-edu" :]
        for words in lines
    ]


@pytest.fixture(scope="module")
def commands(stand_ins: Path) -> dict[str, list[Command]]:
    """Of every recipe."""
    found = {}
    for recipe in RECIPES:
        done, found[recipe.stem] = run_recipe(recipe, stand_ins)
        assert done.returncode == 0, done.stderr
    return found


def option(command: Command, name: str) -> str:
    return command[command.index(name) + 1] if name in command else ""


def shipped_by(commands: list[Command]) -> dict[str, str]:
    """Name -> folder of the run."""
    return {words[3]: words[2] for words in commands if words[:2] == ["python", "recipes/ship.py"]}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_says_what_it_makes_how_long_it_takes_and_what_it_must_reach(recipe: Path) -> None:
    first, second, *others = recipe.read_text(encoding="utf-8").splitlines()
    assert first == "#!/usr/bin/env bash"
    assert second.startswith("# Makes ")
    about = others[: others.index("set -euo pipefail")]
    assert [line.split(":")[0] for line in about if ":" in line and line.startswith(("# Time", "# Must"))] == [
        "# Time on two cores",
        "# Must reach",
    ]
    assert f"`{recipe.name}`" in (ROOT / "recipes" / "README.md").read_text(encoding="utf-8")


def test_every_shipped_model_is_made_by_a_recipe(commands: dict[str, list[Command]]) -> None:
    made: dict[str, str] = {}
    for recipe in commands.values():
        outs = {option(command, "--out") for command in recipe if command[0] in ("train", "distill", "demo")}
        for name, run in shipped_by(recipe).items():
            assert name not in made, "by two recipes"
            assert run in outs or Path(run).parent.as_posix() in outs, f"nothing is trained into {run}"
            made[name] = run
    assert set(shipped_models()) <= made.keys()


def test_every_sweep_is_made_by_a_recipe(commands: dict[str, list[Command]]) -> None:
    tables = {option(command, "--out") for recipe in commands.values() for command in recipe}
    sweeps = data_dir() / "sweeps"
    there = {path.relative_to(sweeps).with_suffix("").as_posix() for path in sweeps.rglob("*.csv")}
    there |= {path.relative_to(sweeps).with_suffix("").as_posix() for path in sweeps.rglob("*.json")}
    assert there <= {table.removeprefix("data/sweeps/").removesuffix(".csv") for table in tables}


def test_every_teacher_and_start_is_made_before_or_ships(commands: dict[str, list[Command]]) -> None:
    shipping = {name for recipe in commands.values() for name in shipped_by(recipe)}
    for recipe in commands.values():
        made: set[str] = set()
        for command in recipe:
            for name in ("--teacher", "--init", "--like"):
                assert option(command, name) in {"", *made, *shipping}, command
            made.add(option(command, "--out"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_command_line_takes_every_command(recipe: Path, commands: dict[str, list[Command]]) -> None:
    known: Any = typer.main.get_command(app)
    for words in commands[recipe.stem]:
        if words[0] == "python":
            assert (ROOT / words[1]).is_file()
        else:
            known.commands[words[0]].make_context(words[0], words[1:])


def test_the_baselines_have_the_steps_and_batch_of_the_flows(commands: dict[str, list[Command]]) -> None:
    """Every family's teacher as long as the flow, every student as long as the flow map, of each language."""
    tiny = PRESETS["tiny"]

    def of(recipe: str, verb: str, data: str) -> list[Command]:
        return [c for c in commands[recipe] if c[0] == verb and f"/{data}-" in option(c, "--out")]

    for data in ("sentences", "tales", "sotu"):
        flow, batch = tiny.train.steps, "128"  # what the demo has
        flow_map = tiny.distill.steps
        assert tiny.train.batch == tiny.distill.batch == int(batch)
        if data != "sentences":
            flow = sum(int(option(c, "--steps")) for c in of(data, "train", data))
            flow_map = sum(int(option(c, "--steps")) for c in of(data, "distill", data))
            (batch,) = {option(c, "--batch") or batch for c in commands[data] if c[0] in ("train", "distill")}
        trained, distilled = of("baselines", "train", data), of("baselines", "distill", data)
        assert [option(c, "--model") for c in trained] == ["ar", "masked", "uniform"]
        assert [option(c, "--method") for c in distilled] == ["sdtt", "dcd"]
        assert {option(c, "--steps") for c in trained} == {str(flow)}
        assert {option(c, "--steps") for c in distilled} == {str(flow_map)}
        assert {option(c, "--like") for c in trained} == {f"{data}-fmlm"}
        assert {option(c, "--batch") for c in trained + distilled} == {batch}


def test_the_map_that_guesses_has_the_steps_of_the_plain_one(commands: dict[str, list[Command]]) -> None:
    plain, guessing = (
        sum(int(option(c, "--steps")) for c in commands[recipe] if c[0] == "distill")
        for recipe in ("tales", "tales-path")
    )
    assert plain == guessing


def test_a_recipe_runs_from_anywhere_and_for_some_of_its_data(stand_ins: Path, tmp_path: Path) -> None:
    done, commands = run_recipe(ROOT / "recipes" / "baselines.sh", stand_ins, "sotu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(shipped_by(commands)) == {f"sotu-{family}" for family in ("ar", "masked", "uniform", "sdtt", "dcd")}


@pytest.mark.parametrize("recipe", ["baselines", "sweeps"])
def test_a_misspelt_word_is_refused_before_anything_is_trained(recipe: str, stand_ins: Path) -> None:
    done, commands = run_recipe(ROOT / "recipes" / f"{recipe}.sh", stand_ins, "sentences", "talse")
    assert done.returncode == 2
    assert done.stderr.startswith("there is no talse here; choose among: sentences tales sotu")
    assert commands == []


def test_a_stopped_recipe_goes_on_where_there_is_a_state(stand_ins: Path, tmp_path: Path) -> None:
    """In a copy, for the states lie in the clone's runs/."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    for name, left in (("drinks-flm", "state.pt"), ("drinks-fmlm", ".lock")):  # the second never saved
        folder = tmp_path / "runs" / "recipes" / name / "training_state"
        folder.mkdir(parents=True)
        (folder / left).touch()
    drinks = tmp_path / "recipes" / "drinks.sh"
    for resume, endings in (("1", ["--resume", "--overwrite"]), ("", ["--overwrite", "--overwrite"])):
        done, commands = run_recipe(drinks, stand_ins, RESUME=resume)
        assert done.returncode == 0, done.stderr
        assert [command[-1] for command in commands if command[0] != "python"] == endings


def test_a_shipped_model_is_half_as_large_and_writes_the_same(tmp_path: Path) -> None:
    run = data_dir() / "checkpoints" / "drinks-fmlm"
    there = ship(run, "again", tmp_path)
    names = {"config.json", "model.safetensors", "tokenizer.json", "provenance.json", METRICS}
    assert {path.name for path in there.iterdir()} == names
    before, after = load_model(run), load_model(there)
    assert after.provenance == before.provenance
    for name, weights in after.network.state_dict().items():
        assert weights.dtype == torch.float32
        assert torch.equal(weights, before.network.state_dict()[name].half().float()), name
    count = sum(weights.numel() for weights in after.network.state_dict().values())
    assert (there / "model.safetensors").stat().st_size < 2 * count + 20_000  # the header beside two bytes a number
    draws = [model.sample(500, 1, generator=torch.Generator().manual_seed(0)) for model in (before, after)]
    assert float((draws[0] == draws[1]).double().mean()) > 0.99


def test_what_no_training_made_is_not_shipped(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"metrics\.jsonl is not there"):
        ship(tmp_path, "again", tmp_path)

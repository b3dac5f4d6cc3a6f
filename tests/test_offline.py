"""Nothing goes to a network unless something of a hub is asked for, and no code comes from one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

import flm_edu
from flm_edu.evaluation.judge import Judge, JudgeError
from flm_edu.files import data_dir
from flm_edu.model_files import CONFIG, PROVENANCE, TOKENIZER, WEIGHTS, ModelError

#: Python runs this file by itself when it starts; the attempt is written down, as whoever makes it may hide the error.
GUARD = """
import os, socket

def refuse(*arguments, **options):
    with open(os.environ["ATTEMPTS"], "a") as file:
        print(arguments, options, file=file)
    raise OSError("there is no network in this test")

class Socket(socket.socket):
    def __init__(self, family=-1, *arguments, **options):
        if family != getattr(socket, "AF_UNIX", None):
            refuse("socket", family)
        super().__init__(family, *arguments, **options)

socket.socket = Socket
socket.getaddrinfo = socket.gethostbyname = socket.gethostbyname_ex = socket.create_connection = refuse
"""

WORK = """
import json, sys
from typer.testing import CliRunner
from flm_edu.cli import app

for command in json.loads(sys.argv[1]):
    result = CliRunner().invoke(app, command)
    if result.exit_code:
        print(*command, result.output, result.exception)
print("done")
"""

FEW = ["--steps", "2", "--batch", "8"]
SIZES = [*FEW, "--width", "16", "--heads", "2", "--blocks", "2"]
TEXT = ["--length", "8", "--vocab-size", "300"]


def run(folder: Path, commands: list[list[str]]) -> tuple[str, list[str]]:
    """Run commands in one process without a network; return what it says of those that fail, and what was attempted."""
    (folder / "guard").mkdir(exist_ok=True)
    (folder / "guard" / "sitecustomize.py").write_text(GUARD)
    attempts = folder / "attempts"
    attempts.unlink(missing_ok=True)
    paths = os.pathsep.join([str(folder / "guard"), str(Path(flm_edu.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": paths, "ATTEMPTS": str(attempts), "HF_HOME": str(folder / "hub")}
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
        environment.pop(name, None)
    command = [sys.executable, "-c", WORK, json.dumps(commands)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, attempts.read_text().splitlines() if attempts.is_file() else []


@pytest.mark.slow
def test_no_command_goes_to_a_network(tmp_path: Path) -> None:
    lines = [f"the {a} fox sees {b} dogs." for a in ("old", "new", "red") for b in range(40)]
    (tmp_path / "c.txt").write_text("\n".join(lines))
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps({"text": line}) for line in lines))
    parquet.write_table(pyarrow.table({"text": lines}), tmp_path / "c.parquet")
    commands = [
        ["train", "--language", "cities", *SIZES, "--out", "flm"],
        *(["train", "--corpus", f"c.{kind}", *SIZES, *TEXT, "--out", kind] for kind in ("txt", "jsonl", "parquet")),
        ["train", "--corpus", "sotu", "--limit", "50", "--cache", "cache", *SIZES, *TEXT, "--out", "sotu"],
        ["distill", "--teacher", "flm", "--method", "semigroup", *FEW, "--out", "fmlm"],
        ["train", "--model", "masked", "--language", "cities", *SIZES, "--out", "mdlm"],
        ["distill", "--teacher", "mdlm", "--method", "sdtt", "--rounds", "1", *FEW, "--out", "sdtt"],
        ["sample", "fmlm", "--trace"],
        ["sample", "tales-fmlm"],
        ["evaluate", "flm", "fmlm", "perfect:flow", "--steps", "1,2", "--n", "8", "--out", "table"],
        ["evaluate", "txt", "--steps", "1", "--n", "2"],
        ["plot", "table.json", "--out", "table.png"],
        ["plot", "table.json", "--out", "table.html"],
        ["report", "table.json"],
        ["language", "tales"],
    ]
    said, attempts = run(tmp_path, commands)
    assert said.strip() == "done"
    assert attempts == []
    # The guard does see what asks for a hub.
    said, attempts = run(
        tmp_path, [["sample", "someone/else"], ["train", "--corpus", "some/thing", *SIZES, *TEXT, "--out", "x"]]
    )
    assert "someone/else" in said
    assert "some/thing" in said
    assert attempts


def test_a_hub_id_is_asked_for_its_config_first_and_for_no_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub

    place = shutil.copytree(data_dir() / "checkpoints" / "drinks-flm", tmp_path / "model")
    asked: list[Any] = []

    def one_file(repository: str, name: str) -> str:
        asked.append([name])
        return str(place / name)

    def files(repository: str, *, allow_patterns: list[str]) -> str:
        asked.append(allow_patterns)
        return str(place)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", one_file)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", files)
    assert flm_edu.load_model("someone/drinks").kind == "flow-lm"
    assert asked == [[CONFIG], [CONFIG, WEIGHTS, TOKENIZER, PROVENANCE]]
    (place / "config.json").write_text('{"model": "flow-lm"}')
    with pytest.raises(ModelError, match="no model of this package"):
        flm_edu.load_model("someone/drinks")
    assert asked[2:] == [[CONFIG]]


def test_a_judges_own_code_is_never_run(tmp_path: Path) -> None:
    """A directory of transformers may name classes of its own; they stay where they are, and nobody is asked."""
    pytest.importorskip("transformers")
    mark = tmp_path / "mark"
    names = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model", "AutoTokenizer": ["own.T", None]}
    config = {"model_type": "mine", "architectures": ["Model"], "auto_map": names}
    for name in ("config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text(json.dumps(config))
    (tmp_path / "own.py").write_text(f"open({str(mark)!r}, 'w')\n")
    with pytest.raises(JudgeError, match="no judge"):
        Judge(tmp_path)
    assert not mark.exists()


def test_no_code_of_others_is_ever_trusted() -> None:
    package = Path(flm_edu.__file__).parent
    told = [
        line
        for path in package.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "trust_remote" in line
    ]
    assert told
    assert all("trust_remote_code=False" in line for line in told)

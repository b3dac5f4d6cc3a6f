"""Kills and damages real training processes, and counts what was lost.

    python benchmarks/faults.py --out data/sweeps/faults.csv

Each try runs `flm-edu train` on a language of three words in a process of its own, does something bad to it, and goes
on with it as a user would (`--resume`, as often as it takes). A try is survived if in the end

- the weights are, bit for bit, those of a run that nothing happened to, and so are the other files of the model,
- metrics.jsonl has every record of that run once, with the same figures (but for seconds),
- the folder holds the same files and no others,
- what the process said is a sentence and not a traceback, and what it left behind was, at any moment, either a whole
  model of that run or one that is refused by name.

The processes are forked from this one, which has imported everything, so that a run takes less than a second. Needs
Linux or macOS; a small disk to fill needs root (`mount`).
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: threads do not survive a fork

import argparse
import csv
import ctypes
import hashlib
import json
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import tensorboard.summary.writer.record_writer  # what a run imports late is imported here  # noqa: F401
import torch._dynamo  # noqa: F401

import flm_edu.training.trainer as training
from flm_edu.cli import app
from flm_edu.files import data_dir, write_aside
from flm_edu.methods import TRAINABLE
from flm_edu.model_files import CONFIG, PROVENANCE, TOKENIZER, WEIGHTS, ModelError, check_hashes
from flm_edu.objectives import Loss
from flm_edu.provenance import describe_run
from flm_edu.training.records import METRICS_FILE
from flm_edu.training.state import BEFORE, saved_states, state_path

STEPS, SAVE_EVERY = 24, 3
SIZES = ["--width", "8", "--heads", "1", "--blocks", "1", "--time-width", "8", "--batch", "8", "--log-every", "2"]
TIMED = ("seconds", "tokens_per_second")
PATIENCE = 120  # seconds after which a process hangs

HOME = Path(tempfile.gettempdir()) / f"flm-edu-faults-{os.getpid()}"  # of all runs
GRAMMAR = "drinks.grammar"
rng = random.Random(0)


# --- processes ----------------------------------------------------------------------------------


@dataclass
class Run:
    """One `flm-edu train`, as a process."""

    out: Path
    options: tuple[str, ...] = ()
    before: Callable[[], None] | None = None  # called in the process
    said: str = ""

    def __post_init__(self) -> None:
        steps = ("--steps", str(STEPS), "--save-every", str(SAVE_EVERY))
        command = [
            "flm-edu",
            "train",
            "--language",
            str(HOME / GRAMMAR),
            *SIZES,
            *steps,
            *self.options,
            "--out",
            str(self.out),
        ]
        self.ear, mouth = os.pipe()  # no file, which a full disk would cut short
        self.pid = os.fork()
        if self.pid == 0:
            self._be(command, mouth)
        os.close(mouth)

    def _be(self, command: list[str], mouth: int) -> None:
        code: Any = 1
        try:
            os.dup2(mouth, 1)
            os.dup2(mouth, 2)
            sys.stdout = sys.stderr = open(mouth, "w", buffering=1)  # noqa: SIM115
            sys.argv = command
            if self.before is not None:
                self.before()
            app(command[1:])
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def running(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def until(self, there: Callable[[], object]) -> bool:
        """Wait; whether it came before the end."""
        while not there():
            if not self.running():
                return False
            time.sleep(0.0003)
        return True

    def send(self, kind: int) -> None:
        os.kill(self.pid, kind)

    def end(self) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        deadline = time.monotonic() + PATIENCE
        while self.running():
            if time.monotonic() > deadline:
                self.send(signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise Lost(f"hangs for more than {PATIENCE} s")
            time.sleep(0.002)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        with open(self.ear, encoding="utf-8", errors="replace") as heard:
            self.said = heard.read()
        return code

    def must_end(self, code: int, *sentences: str) -> None:
        ended = self.end()
        wanted(ended == code, f"ends with {ended}, not {code}: {self.said[-300:]}")
        wanted("Traceback" not in self.said, f"shows a traceback: {self.said[-300:]}")
        for sentence in sentences:
            wanted(re.search(sentence, self.said) is not None, f"does not say {sentence!r}: {self.said[-300:]}")


class Lost(Exception):
    """What a fault destroyed."""


def wanted(true: bool, otherwise: str) -> None:
    if not true:
        raise Lost(otherwise)


# --- what an unbroken run leaves, and whether a broken one left the same --------------------------


@dataclass
class Unbroken:
    """What a run that nothing happened to leaves behind."""

    folder: Path
    weights: dict[int, str]  # step -> hash of the weights to be saved there
    seconds: float  # of the run
    saving: float  # of a save

    @staticmethod
    def of(folder: Path, *options: str, processes: int = 1) -> Unbroken:
        """Run it twice: as it is, and with a save at every step, for a broken run may be stopped and save at any."""
        weights: dict[int, str] = {}
        for more in (("--save-every", "1"), ()):
            shutil.rmtree(folder, ignore_errors=True)
            notes, started = HOME / "saves.jsonl", time.monotonic()
            for run in start(folder, *options, *more, processes=processes, before=partial(note_saves, notes)):
                run.must_end(0)
            seconds = time.monotonic() - started
            saves = [json.loads(line) for line in notes.read_text().splitlines()]
            notes.unlink()
            weights |= {save["step"]: save["weights"] for save in saves}
        return Unbroken(folder, weights, seconds, sorted(save["seconds"] for save in saves)[len(saves) // 2])

    def check_as_left(self, out: Path) -> None:
        """A model that is there is one of this run, or it is refused."""
        if not (out / PROVENANCE).is_file() or not (out / CONFIG).is_file():
            return
        facts = json.loads((out / PROVENANCE).read_text())
        try:
            check_hashes(out, facts)
        except ModelError:
            return
        if (out / WEIGHTS).is_file():
            wanted(digest(out / WEIGHTS) == self.weights[facts["steps"]], "a model of another run, or a mixed one")

    def check(self, out: Path) -> None:
        """All of it is as here."""
        for name in (WEIGHTS, CONFIG, TOKENIZER):
            wanted(digest(out / name) == digest(self.folder / name), f"{name} differs")
        ours, theirs = (json.loads((place / PROVENANCE).read_text()) for place in (out, self.folder))
        for name in ("steps", "training", "corpus_fingerprint", "files"):
            wanted(ours[name] == theirs[name], f"{name} of the provenance differs")
        wanted(records(out) == records(self.folder), f"{METRICS_FILE} differs")
        wanted(files(out) == files(self.folder), f"files {sorted(files(out) ^ files(self.folder))}")


def note_saves(notes: Path) -> None:
    save = training.Trainer.save

    def saving(trainer: Any) -> None:
        started = time.monotonic()
        save(trainer)
        if trainer.accelerator.is_main_process:
            line = {"step": trainer.step, "weights": digest(trainer.directory / WEIGHTS)}
            with open(notes, "a") as file:
                file.write(json.dumps(line | {"seconds": time.monotonic() - started}) + "\n")

    training.Trainer.save = saving  # type: ignore[method-assign]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def records(out: Path) -> list[dict[str, float]]:
    lines = (out / METRICS_FILE).read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name not in TIMED} for line in lines]


def files(out: Path) -> set[str]:
    """Their names, without TensorBoard's, which has one for every start."""
    return {
        str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and path.parent.name != "tensorboard"
    }


def contents(out: Path) -> dict[Path, str]:
    return {path: digest(path) for path in out.rglob("*") if path.is_file() and path.name != ".lock"}


# --- starting and going on as a user does ---------------------------------------------------------


def start(out: Path, *options: str, processes: int = 1, before: Callable[[], None] | None = None) -> list[Run]:
    """A run of one process, or of several that find each other as torchrun's do."""
    if processes == 1:
        return [Run(out, options, before)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def join(rank: int) -> None:
        ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
        os.environ.update({name: str(value) for name, value in ranks.items()})
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        if before is not None:
            before()

    return [Run(out, options, partial(join, rank)) for rank in range(processes)]


def go_on(out: Path, *options: str, processes: int = 1, before: Callable[[], None] | None = None) -> list[Run]:
    """From what was saved, or anew where nothing was."""
    how = ["--resume"] if saved_states(out) else ["--overwrite"] if (out / CONFIG).is_file() else []
    return start(out, *how, *options, processes=processes, before=before)


def finish(unbroken: Unbroken, out: Path, *options: str, processes: int = 1, says: tuple[str, ...] = ()) -> None:
    """Go on to the end, and compare."""
    for run in go_on(out, *options, processes=processes):
        run.must_end(0, *says)
    unbroken.check(out)
    shutil.rmtree(out)


def going(out: Path, saves: int, *options: str, before: Callable[[], None] | None = None) -> Run:
    """A run that has saved so often (at most twice) and goes on."""
    (run,) = start(out, *options, before=before)
    marks = [state_path(out), state_path(out).with_name(BEFORE)][:saves]
    wanted(run.until(lambda: all(mark.is_file() for mark in marks)), f"ended before it had saved: {run.said}")
    return run


# --- the faults ---------------------------------------------------------------------------------

Tries = Iterator[tuple[int, str]]  # how many were tried, and what was lost


def each(tries: int, attempt: Callable[[int], object]) -> Tries:
    """The same fault again and again, each in a run of its own."""
    for number in range(tries):
        yield 1, lost(partial(attempt, number))


def lost(attempt: Callable[[], object]) -> str:
    """What an attempt lost, if it did; its folder is left to look at."""
    try:
        attempt()
    except Lost as error:
        for out in HOME.glob("run*"):
            out.rename(HOME / f"lost-{time.monotonic_ns()}")
        return str(error)
    return ""


def kills(whole: Unbroken, number: int, saving: bool) -> Tries:
    """kill -9, up to 16 in a run; as `saving` count only those that left a half-written state."""
    done = 0
    while done < number:
        hits: list[int] = []
        problem = lost(partial(killed_run, whole, min(16, number - done), saving, hits))
        done += max(len(hits), bool(problem))
        yield max(len(hits), bool(problem)), problem


def killed_run(whole: Unbroken, most: int, saving: bool, hits: list[int]) -> None:
    """Kill a run, resume it, kill it again; `hits` gets what each kill was sent to."""
    out = HOME / "run"
    aside = state_path(out).with_name(f".{state_path(out).name}.partial")
    while len(hits) < most:
        before = written(aside)
        (run,) = go_on(out)
        if saving:
            for _ in range(rng.choice((1, 1, 2, 3))):  # the first save that comes, or a later one
                run.until(lambda before=before: written(aside) not in (0, before))
                time.sleep(rng.uniform(0, 0.5 * whole.saving))
        else:
            if rng.random() < 0.8:  # else it may die before it has begun
                opened = written(out / METRICS_FILE)
                run.until(lambda opened=opened: written(out / METRICS_FILE) != opened)
            time.sleep(rng.uniform(0, 0.5 * whole.seconds))
        run.send(signal.SIGKILL)
        if run.end() == 0:
            break
        if not saving or written(aside) not in (0, before):
            hits.append(run.pid)
        whole.check_as_left(out)
    finish(whole, out)


def written(path: Path) -> int:
    """When a file was last written to; 0 where there is none."""
    with suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return 0


def kill_at_each_rename(whole: Unbroken, points: list[int]) -> Tries:
    """kill -9 just before a rename: what lies between two of them is as if it came before the second."""
    out = HOME / "run"

    def before(point: int) -> None:
        rename, left = os.replace, point

        def replace(*names: Any) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            rename(*names)

        os.replace = replace

    def attempt(number: int) -> None:
        (run,) = start(out, before=partial(before, points[number]))
        run.must_end(-signal.SIGKILL)
        whole.check_as_left(out)
        finish(whole, out)

    return each(len(points), attempt)


def signals(whole: Unbroken, tries: int, *kinds: int) -> Tries:
    """Asked to stop, once, or twice within two saves' time."""
    out = HOME / "run"

    def attempt(number: int) -> None:
        code = 0
        while code == 0:  # it came after the end
            shutil.rmtree(out, ignore_errors=True)
            run = going(out, 1)
            time.sleep(rng.uniform(0, 0.5 * whole.seconds))
            for kind in kinds:
                run.send(kind)
                time.sleep(rng.uniform(0, 2 * whole.saving) if len(kinds) > 1 else 0)
            code = run.end()
        wanted(code == 130 and "interrupted" in run.said and "Traceback" not in run.said, f"{code}: {run.said[-300:]}")
        if len(kinds) == 1:
            wanted("--resume goes on from it" in run.said, run.said[-300:])
        whole.check_as_left(out)
        finish(whole, out)

    return each(tries, attempt)


def full_disk(whole: Unbroken, tries: int) -> Tries:
    """A disk of the system's memory that is too small for all saves; made larger before the run goes on."""
    disk = HOME / "disk"
    disk.mkdir(exist_ok=True)
    most = sum(path.stat().st_size // 4096 + 1 for path in whole.folder.rglob("*") if path.is_file())

    def attempt(number: int) -> None:
        pages = rng.randrange(4, most)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={4 * pages}k", "none", str(disk)], check=True)
        try:
            (run,) = start(disk / "run")
            run.must_end(2, "could not be saved|No space left on device")
            whole.check_as_left(disk / "run")
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            finish(whole, disk / "run")
        finally:
            subprocess.run(["umount", str(disk)], check=True)

    return each(tries, attempt)


def full_for_one_file(whole: Unbroken, tries: int) -> Tries:
    """The second save finds no room for one of its files."""
    out = HOME / "run"
    names = [f"training_state/{state_path(out).name}", WEIGHTS, PROVENANCE, TOKENIZER, CONFIG]

    def before(name: str) -> None:
        save = training.Trainer.save

        def saving(trainer: Any) -> None:
            if trainer.step == 2 * SAVE_EVERY:
                place = out / name
                place.with_name(f".{place.name}.partial").symlink_to("/dev/full")
            save(trainer)

        training.Trainer.save = saving  # type: ignore[method-assign]

    def attempt(number: int) -> None:
        (run,) = start(out, before=partial(before, names[number % len(names)]))
        run.must_end(2, f"step {2 * SAVE_EVERY} could not be saved")
        whole.check_as_left(out)
        finish(whole, out)

    return each(tries, attempt)


def file_limit(whole: Unbroken, tries: int) -> Tries:
    """No file may grow beyond a size."""
    out, most = HOME / "run", state_path(whole.folder).stat().st_size

    def attempt(number: int) -> None:
        size = int(most ** rng.random())
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
        (run,) = start(out, before=limit)
        run.must_end(2, "could not be saved|File too large")
        whole.check_as_left(out)
        finish(whole, out)

    return each(tries, attempt)


def read_only(whole: Unbroken, tries: int) -> Tries:
    """A folder that nobody may write to, from the start or from a save on."""
    out = HOME / "run"

    def obey() -> None:
        if os.getuid() == 0:  # whom permissions do not stop, unless it gives its capabilities away
            version_and_process, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
            if ctypes.CDLL(None, use_errno=True).capset(version_and_process, none):
                raise OSError(ctypes.get_errno(), "capset")

    def attempt(number: int) -> None:
        out.mkdir()
        if number % 2:
            out.chmod(0o555)
            (run,) = start(out, before=obey)
            run.must_end(2, "Permission denied")
            wanted(not files(out), f"writes {files(out)}")
            out.chmod(0o755)
        else:
            run = going(out, 1, before=obey)
            for folder in (out, state_path(out).parent):
                folder.chmod(0o555)
            run.must_end(2, "Permission denied")
            for folder in (out, state_path(out).parent):
                folder.chmod(0o755)
            whole.check_as_left(out)
        finish(whole, out)

    return each(tries, attempt)


def damaged(whole: Unbroken, tries: int, both: bool) -> Tries:
    """The latest state is cut short, emptied, overwritten, or has one other byte; or both states do."""
    out = HOME / "run"

    def damage(path: Path, how: int) -> None:
        content = bytearray(path.read_bytes())
        place = rng.randrange(len(content) // 8, len(content) // 2)  # among the weights
        content[place] ^= 1 << rng.randrange(8)
        harmed = [bytes(content), content[:place], b"", rng.randbytes(len(content))]
        path.write_bytes(harmed[how % len(harmed)])

    def attempt(number: int) -> None:
        run = going(out, 2)
        run.send(signal.SIGKILL)
        run.end()
        states = saved_states(out)
        kept = [path.read_bytes() for path in states]
        damage(states[0], number)
        if both:
            damage(states[1], number + 1)
            before = contents(out)
            (run,) = start(out, "--resume")
            run.must_end(2, "is damaged", "start the run anew")
            wanted(contents(out) == before, "writes, although it is refused")
            for path, content in zip(states, kept, strict=True):
                path.write_bytes(content)
        harmless = number % 4 == 0  # it may be: a byte between two weights
        finish(whole, out, says=() if both or harmless else ("is damaged", "goes on from the state before it"))

    return each(tries, attempt)


def dead_process(whole: Unbroken, tries: int) -> Tries:
    """Of two processes that train together one is killed."""
    out = HOME / "run"

    def attempt(number: int) -> None:
        killed = 0
        while killed == 0:  # it came after the end
            shutil.rmtree(out, ignore_errors=True)
            runs = start(out, processes=2)
            wanted(runs[0].until(state_path(out).is_file), "never saved")
            time.sleep(rng.uniform(0, 0.2 * whole.seconds))
            victim, other = runs[number % 2], runs[1 - number % 2]
            victim.send(signal.SIGKILL)
            victim.end()
            killed = other.end()
        wanted(killed == 2 and "another process of this run is gone" in other.said, f"{killed}: {other.said[-300:]}")
        wanted("Traceback" not in other.said, f"shows a traceback: {other.said[-300:]}")
        whole.check_as_left(out)
        finish(whole, out, processes=2)

    return each(tries, attempt)


def dead_under_torchrun(whole: Unbroken, tries: int) -> Tries:
    """The same, where torchrun watches over them."""
    out = HOME / "run"

    def attempt(number: int) -> None:
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
        command = ["-m", "flm_edu.cli", "train", "--language", str(HOME / GRAMMAR), *SIZES, "--out", str(out)]
        log = HOME / "torchrun.log"
        with open(log, "w") as file:
            length = ["--steps", str(STEPS), "--save-every", str(SAVE_EVERY)]
            agent = subprocess.Popen([*launch, *command, *length], stdout=file, stderr=file)
        while not state_path(out).is_file():
            wanted(agent.poll() is None, log.read_text()[-300:])
            time.sleep(0.001)
        workers = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
        os.kill(int(workers[number % 2]), signal.SIGKILL)
        try:
            wanted(agent.wait(PATIENCE) != 0, "ends as if nothing had happened")
        except subprocess.TimeoutExpired:
            agent.kill()
            raise Lost("hangs") from None
        wanted("another process of this run is gone" in log.read_text(), log.read_text()[-300:])
        whole.check_as_left(out)
        finish(whole, out, processes=2)

    return each(tries, attempt)


def spoil(step: int, factor: float) -> None:
    """In the process: the gradient of that step times NaN or infinity; its loss stays a number."""
    flow, steps = TRAINABLE["flow"], 0

    def objective(model: Any, tokens: Any, context: Any) -> Loss:
        nonlocal steps
        steps += 1
        result = flow.objective(model, tokens, context)  # type: ignore[misc]
        if steps == step:
            result.loss.register_hook(lambda gradient: gradient * factor)
        return result

    TRAINABLE["flow"] = replace(flow, objective=objective)


def bad_gradient(whole: Unbroken, tries: int, factor: float) -> Tries:
    out = HOME / "run"

    def attempt(number: int) -> None:
        step = rng.randrange(SAVE_EVERY + 1, STEPS + 1)
        (run,) = start(out, before=partial(spoil, step, factor))
        run.must_end(2, f"NaN or infinite at step {step};", "keeps the last good checkpoint")
        saved = json.loads((out / PROVENANCE).read_text())["steps"]
        wanted(saved == (step - 1) // SAVE_EVERY * SAVE_EVERY, f"step {step} was bad and {saved} is saved")
        whole.check_as_left(out)
        finish(whole, out)

    return each(tries, attempt)


def overwritten(whole: Unbroken, tries: int, killed: bool) -> Tries:
    """--overwrite, and the new run ends before it saves, by NaN or by kill -9: the old one is untouched."""
    out = HOME / "run"

    def attempt(number: int) -> None:
        shutil.copytree(whole.folder, out)
        before = contents(out)
        if killed:
            (run,) = start(out, "--overwrite", "--seed", "1", "--steps", "1000000", "--save-every", "1000000")
            time.sleep(rng.uniform(0, whole.seconds))
            run.send(signal.SIGKILL)
            run.must_end(-signal.SIGKILL)
        else:
            bad = partial(spoil, rng.randrange(1, SAVE_EVERY + 1), float("nan"))
            (run,) = start(out, "--overwrite", "--seed", "1", before=bad)
            run.must_end(2, "NaN or infinite")
        after = contents(out)
        changed = [str(path) for path in {*before, *after} if before.get(path) != after.get(path)]
        wanted(not changed, f"changes {changed}")
        finish(whole, out)

    return each(tries, attempt)


def two_writers(wholes: list[Unbroken], tries: int) -> Tries:
    """Two runs with two seeds start in one folder at once, every other time over a model that is there."""
    out = HOME / "run"

    def meet() -> None:
        run = training.Trainer.run

        def together(trainer: Any) -> Any:
            (HOME / f"ready-{os.getpid()}").touch()
            while len(list(HOME.glob("ready-*"))) < 2:
                time.sleep(0.001)
            return run(trainer)

        training.Trainer.run = together  # type: ignore[method-assign]

    def attempt(number: int) -> None:
        how = []
        if number % 2:
            shutil.copytree(wholes[number // 2 % 2].folder, out)
            how = ["--overwrite"]
        runs = [start(out, *how, "--seed", str(seed), before=meet)[0] for seed in (0, 1)]
        codes = [run.end() for run in runs]
        for mark in HOME.glob("ready-*"):
            mark.unlink()
        wanted(sorted(codes) == [0, 2], f"end with {codes}: {[run.said[-200:] for run in runs]}")
        refused = runs[codes.index(2)].said
        wanted("another run is writing to" in refused and "Traceback" not in refused, refused[-300:])
        wholes[codes.index(0)].check(out)
        shutil.rmtree(out)

    return each(tries, attempt)


def changed_corpus(whole: Unbroken, tries: int) -> Tries:
    """The corpus is edited between a run and its resumption, and then put back."""
    out, grammar = HOME / "run", HOME / GRAMMAR
    text = grammar.read_text()

    def attempt(number: int) -> None:
        run = going(out, 1)
        run.send(signal.SIGKILL)
        run.end()
        before = contents(out)
        try:
            changes = [("*5", "*4"), ("tea ", "ale "), ("juice", "water *2\njuice")]
            grammar.write_text(text.replace(*changes[number % len(changes)]))
            (run,) = start(out, "--resume")
            run.must_end(2, "--resume", "corpus")
            wanted(contents(out) == before, "writes, although it is refused")
        finally:
            grammar.write_text(text)
        finish(whole, out)

    return each(tries, attempt)


def faults(number: int, tries: int) -> Iterator[tuple[str, Tries]]:
    """Every kind of fault, by name."""
    whole, other = (Unbroken.of(HOME / f"whole-{seed}", "--seed", str(seed)) for seed in (0, 1))
    pair = Unbroken.of(HOME / "whole-pair", processes=2)
    saving = number // 2
    renames = 6 * STEPS // SAVE_EVERY  # six to a save: the model's four files and two states; at the start the metrics
    points = [*range(1, 14), *range(renames - 5, renames + 1)]  # of the first two saves and of the last
    yield "kill -9 at any time", kills(whole, number - saving, saving=False)
    yield "kill -9 while saving", kills(whole, saving, saving=True)
    yield "kill -9 between any two renames", kill_at_each_rename(whole, rng.sample(points, min(2 * tries, len(points))))
    yield "SIGTERM", signals(whole, tries, signal.SIGTERM)
    yield "SIGINT", signals(whole, tries, signal.SIGINT)
    yield "SIGINT twice", signals(whole, tries, signal.SIGINT, signal.SIGINT)
    if os.getuid() == 0 and sys.platform == "linux":
        yield "full disk", full_disk(whole, tries)
    if Path("/dev/full").exists():
        yield "full disk, at one file of a save", full_for_one_file(whole, tries)
    yield "file-size limit", file_limit(whole, tries)
    yield "read-only folder", read_only(whole, tries)
    yield "latest state damaged", damaged(whole, tries, both=False)
    yield "both states damaged", damaged(whole, tries, both=True)
    yield "one of two processes dead", dead_process(pair, tries)
    if tries >= 5 and sys.platform == "linux":  # each takes ten seconds
        yield "one of two processes dead, under torchrun", dead_under_torchrun(pair, tries // 5)
    yield "NaN gradient", bad_gradient(whole, tries, float("nan"))
    yield "infinite gradient", bad_gradient(whole, tries, float("inf"))
    yield "--overwrite, then NaN", overwritten(whole, tries, killed=False)
    yield "--overwrite, then kill -9", overwritten(whole, tries, killed=True)
    yield "two runs in one folder", two_writers([whole, other], 2 * tries)
    yield "corpus changed", changed_corpus(whole, tries)


def main() -> None:
    """Print the table, and write it with its provenance beside it; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="half of them while a run saves")
    parser.add_argument(
        "--tries", type=int, default=10, help="of every other fault; twice as many of two runs in a folder"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="a part of the faults' names")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rng.seed(arguments.seed)
    HOME.mkdir()
    shutil.copy(data_dir() / "languages" / GRAMMAR, HOME)
    rows: list[dict[str, Any]] = []
    print(f"{'':42} tried  survived  lost  seconds", flush=True)
    for name, attempts in faults(arguments.kills, arguments.tries):
        if arguments.only and arguments.only not in name:
            continue
        started, tried, survived = time.monotonic(), 0, 0
        for count, problem in attempts:
            tried, survived = tried + count, survived + (0 if problem else count)
            if problem:
                print(f"{name}: {problem}", file=sys.stderr, flush=True)
        seconds = round(time.monotonic() - started)
        print(f"{name:42} {tried:5}  {survived:8}  {tried - survived:4}  {seconds:7}", flush=True)
        rows.append({"fault": name, "tried": tried, "survived": survived, "lost": tried - survived, "seconds": seconds})
    facts = describe_run(seed=arguments.seed)
    print(", ".join(f"{name} {facts[name]}" for name in ("machine", "torch", "commit")))
    if arguments.out:
        with write_aside(arguments.out.parent, arguments.out.name) as (path,), open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0], *facts], lineterminator="\n")
            writer.writeheader()
            writer.writerows({**row, **facts} for row in rows)
    if any(row["lost"] for row in rows):
        sys.exit(f"something was lost; its folders are in {HOME}")
    shutil.rmtree(HOME)


if __name__ == "__main__":
    main()

"""One training loop for every model: read `Trainer.run`, which is the whole of it.

Devices and processes come from Hugging Face Accelerate, so the same lines run on a laptop's CPU, a
GPU, or several under `accelerate launch` or `torchrun`. All random draws of a step depend only on
(seed, step, process), so a resumed run continues exactly as if it had never stopped.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedType
from accelerate.utils import GradientAccumulationPlugin
from torch import Tensor
from tqdm.auto import tqdm

from flm_edu.architecture import Network
from flm_edu.language_model import LanguageModel
from flm_edu.model_files import CONFIG
from flm_edu.objectives.objective import Objective, StepContext
from flm_edu.provenance import describe_run
from flm_edu.training.config import Corpus, TrainConfig
from flm_edu.training.interrupts import interrupt_flag, needing_others
from flm_edu.training.optimizers import build_optimizers, natural_precision
from flm_edu.training.records import MetricsWriter, Window
from flm_edu.training.state import TrainingInterrupted, TrainingStopped, only_run, read_state, saved_states, write_state

KNOWN_TO_WORK = (DistributedType.NO, DistributedType.MULTI_GPU, DistributedType.MULTI_CPU)


class Trainer:
    """Trains a model on a corpus.

    Args:
        model: what is trained, in place; after `run` it holds the averaged weights.
        corpus: where batches come from.
        objective: what is minimised.
        config: settings.
        directory: model directory to write to; None keeps everything in memory.
        facts: added to the provenance (the teacher of a distillation, say).
        on_log: called with each metrics record (main process only).
        device: "cpu" stays off a GPU that is there; None takes it.

    Raises:
        ValueError: corpus and model disagree in vocabulary or length, or the batch cannot be divided.
    """

    def __init__(
        self,
        model: LanguageModel,
        corpus: Corpus,
        objective: Objective,
        config: TrainConfig,
        *,
        directory: str | Path | None = None,
        facts: dict[str, Any] | None = None,
        on_log: Callable[[dict[str, float]], None] | None = None,
        device: str | torch.device | None = None,
    ):
        for name in ("vocab_size", "length"):
            if getattr(corpus, name) != getattr(model, name):
                raise ValueError(
                    f"corpus {corpus.name!r} has {name} {getattr(corpus, name)}, the model {getattr(model, name)}; "
                    "they must be the same (was the model made with another tokenizer or `length`?)"
                )
        on_cpu = torch.device(device or "cuda").type == "cpu" or not torch.cuda.is_available()
        # The clock needs float64: CPU or CUDA. Precision and accumulation are this class's own, whatever `accelerate` says.
        self.accelerator = Accelerator(
            cpu=on_cpu, mixed_precision="no", gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1)
        )
        if self.accelerator.distributed_type not in KNOWN_TO_WORK:
            raise ValueError(
                f"`accelerate config` asks for {self.accelerator.distributed_type}; training works in one process or in "
                "several that each hold the whole network (MULTI_GPU, MULTI_CPU)"
            )
        if (self.accelerator.device.type == "cpu") != on_cpu:  # Accelerate decides once for a process
            raise ValueError(
                f"this process already trains on {self.accelerator.device.type}; for another device start a new one "
                "(in a notebook: restart the kernel)"
            )
        parts = self.accelerator.num_processes * config.accumulate
        if config.batch % parts:
            raise ValueError(
                f"`batch` {config.batch} cannot be divided into processes x `accumulate` = {parts} parts; "
                f"take {config.batch - config.batch % parts or parts}"
            )
        self.micro_batch = config.batch // parts
        self.device = self.accelerator.device
        if config.precision == "auto":  # what was used is kept with the model, and a resumed run must use it too
            config = replace(config, precision=natural_precision(self.device))
        self.corpus, self.objective, self.config, self.on_log = corpus, objective, config, on_log
        self.directory = None if directory is None else Path(directory)
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32 for what autocast leaves in float32

        self.model = model.to(self.device).train()
        self.averaged = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.plain_network = model.network
        assert isinstance(model.network, Network)
        self.optimizers = build_optimizers(model.network, config)
        network = torch.compile(model.network) if config.compile else model.network
        model.network, *self.optimizers = self.accelerator.prepare(network, *self.optimizers)
        self.step, self.seconds, self.window = 0, 0.0, Window(self.device)
        self.facts = facts or {}
        self.latest: dict[str, float] = {}
        self.metrics: MetricsWriter | None = None
        self.good_state: Path | None = None  # of this run, on disk
        self.before_first_save: Callable[[], None] | None = None  # removes what it replaces

    # --- the loop ------------------------------------------------------------------------------

    def run(self) -> dict[str, float]:
        """Train from the current step to the last; return the final metrics record.

        Ctrl-C or a termination signal ends the step in hand, saves, and raises.

        Raises:
            TrainingStopped: the loss became NaN or infinite, or another process is gone.
            TrainingInterrupted: the run was interrupted.
        """
        config = self.config
        with interrupt_flag() as interrupted, needing_others(), self._bar() as bar, self._files():
            before, started = self.seconds, time.perf_counter()
            while self.step < config.steps:
                self.window.add(self._update(), self.step)
                self.step += 1
                last, stop = self.step == config.steps, self._anyone(interrupted())
                if self.step % config.log_every == 0 or self.step % config.save_every == 0 or last or stop:
                    self._stop_if_not_finite()  # which waits for a GPU to have done what it was told
                    self.seconds = before + time.perf_counter() - started
                    if self.step % config.log_every == 0 or last:
                        self.latest = self._record(self._over_processes(self.window.means()))
                        self.window = Window(self.device)
                        bar.set_postfix_str(
                            f"loss {self.latest['loss']:.4f}, {self.latest['tokens_per_second']:,.0f} tok/s"
                        )
                        self._tell(self.latest)
                    if self.step % config.save_every == 0 or last or stop:
                        self.save()
                bar.update()
                if stop and not last:
                    raise TrainingInterrupted(
                        f"interrupted after step {self.step} of {config.steps}; "
                        + (
                            "nothing was saved"
                            if self.directory is None
                            else "the state is saved: `resume` goes on from it"
                        )
                    )
        self.model.network = self.plain_network
        self.plain_network.load_state_dict(self.averaged.network.state_dict())
        self.model.eval()
        return self.latest

    def _update(self) -> dict[str, Tensor]:
        """Take one optimizer step; return the loss and its parts, still on the device."""
        generator, data_generator = self._generators()
        total: dict[str, Tensor] = {}
        bf16 = self.config.precision == "bf16"
        for part in range(self.config.accumulate):
            tokens = self.corpus.sample(self.micro_batch, generator=data_generator)
            if self.device.type == "cuda":
                tokens = tokens.pin_memory().to(self.device, non_blocking=True)  # or every step would wait for it
            is_last = part == self.config.accumulate - 1
            with nullcontext() if is_last else self.accelerator.no_sync(self.model.network):
                # No weight cache: a copy cast while gradients are off would cut later passes off from them.
                with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16, cache_enabled=False):
                    result = self.objective(self.model, tokens, self._context(generator, part))
                self.accelerator.backward(result.loss / self.config.accumulate)
            for name, value in {"loss": result.loss.detach(), **result.parts}.items():
                total[name] = total.get(name, 0) + value / self.config.accumulate
        total["gradient_norm"] = self.accelerator.clip_grad_norm_(self.model.network.parameters(), self.config.clip)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * self.config.lr_factor(self.step)
            optimizer.step()
            optimizer.zero_grad()
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))  # short memory while weights move fast
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.averaged.network.parameters()), list(self.plain_network.parameters()), 1 - decay
            )
        return total

    def _context(self, generator: torch.Generator, part: int) -> StepContext:
        cycle = self.config.cycle
        batch = (self.step % cycle) * self.config.accumulate + part if cycle else None
        return StepContext(generator, self.averaged, self.step / self.config.steps, batch)

    def _generators(self) -> tuple[torch.Generator, torch.Generator]:
        """Return the draws of this step: on the device for noise and times, on the CPU for data. Dropout too is seeded."""

        def seeds(step: int) -> list[int]:
            origin = np.random.SeedSequence((self.config.seed, step, self.accelerator.process_index))
            return [int(word) for word in origin.generate_state(3, np.uint64) >> np.uint64(1)]

        noise, data, _ = seeds(self.step % self.config.cycle if self.config.cycle else self.step)
        torch.manual_seed(seeds(self.step)[2])  # of dropout, whose draws never come again
        return torch.Generator(self.device).manual_seed(noise), torch.Generator().manual_seed(data)

    def _anyone(self, flag: bool) -> bool:
        """Tell whether any process says so: all must stop at the same step, or some would wait for ever."""
        if self.accelerator.num_processes == 1:
            return flag
        return bool(self.accelerator.reduce(torch.tensor(float(flag), device=self.device), "sum") > 0)

    def _over_processes(self, figures: dict[str, float]) -> dict[str, float]:
        """Return their means over all processes, each of which has seen its own share of every batch."""
        if self.accelerator.num_processes == 1 or not figures:
            return figures
        values = self.accelerator.reduce(torch.tensor(list(figures.values()), device=self.device), "mean")
        return dict(zip(figures, values.tolist(), strict=True))

    def _stop_if_not_finite(self) -> None:
        bad = self.window.first_bad_step()
        if bad is None and not all(bool(p.isfinite().all()) for p in self.plain_network.parameters()):
            bad = self.step
        if bad is not None:
            kept = ""
            if self.has_saved_state:
                kept = f"; {self.directory} keeps the last good checkpoint"
            raise TrainingStopped(f"the loss became NaN or infinite at step {bad}{kept}. Try a lower learning rate")

    def _record(self, means: dict[str, float]) -> dict[str, float]:
        tokens = self.config.batch * self.model.length
        record = {"step": float(self.step), **means}
        record["lr_factor"] = self.config.lr_factor(self.step - 1)
        record["tokens_per_second"] = tokens * self.step / max(self.seconds, 1e-9)
        record["seconds"] = self.seconds
        return {name: round(value, 6) for name, value in record.items()}

    # --- progress and metrics ------------------------------------------------------------------

    def _bar(self) -> Any:
        name = f"{self.model.kind} on {self.corpus.name}"
        hidden = not self.accelerator.is_main_process
        return tqdm(total=self.config.steps, initial=self.step, desc=name, unit="step", disable=hidden, mininterval=0.5)

    @contextmanager
    def _files(self) -> Iterator[None]:
        """Have the directory to itself, in the main process; a model that is there keeps its files until the first save."""
        if self.directory is None or not self.accelerator.is_main_process:
            yield
            return
        with only_run(self.directory):
            self.metrics = MetricsWriter(self.directory, self.step)
            if self.good_state is not None or not (self.directory / CONFIG).is_file():
                self.metrics.begin()
            yield

    def _tell(self, record: dict[str, float]) -> None:
        """Take a record to the directory and to the caller, from the main process."""
        if self.accelerator.is_main_process:
            if self.metrics is not None:
                self.metrics.write(record)
            if self.on_log is not None:
                self.on_log(record)

    # --- saving and resuming -------------------------------------------------------------------

    def save(self) -> None:
        """Write the averaged model and, beside it, what `resume` needs: the main process does, all must call it.

        Raises:
            TrainingStopped: it cannot be written; the last checkpoint stays whole.
        """
        sums, counts = self.window.sums_and_counts()
        sums = self._over_processes(sums)
        if self.directory is None or not self.accelerator.is_main_process:
            return
        provenance = describe_run(
            corpus=self.corpus.name,
            corpus_fingerprint=self.corpus.fingerprint,
            corpus_options=dict(self.corpus.origin),
            steps=self.step,
            training=asdict(self.config),
            metrics=self.latest,
            **self.facts,
        )
        self.model.provenance = self.averaged.provenance = provenance
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "latest": self.latest,
            "window": (sums, counts),
            "provenance": provenance,
            "run": self._identity(),
            "network": self.plain_network.state_dict(),
            "averaged": self.averaged.network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        with write_state(self.directory, state, self.good_state):
            self.averaged.save_pretrained(self.directory, provenance)
            if self.metrics is not None:
                self.metrics.begin()
            if self.good_state is None and self.before_first_save is not None:
                self.before_first_save()
        self.good_state = saved_states(self.directory)[0]

    def _identity(self) -> dict[str, Any]:
        """Return what must be the same for a resumed run to be the same run."""
        return {
            "model": self.model.kind,
            **asdict(self.config),
            **{f"network {name}": value for name, value in asdict(self.model.config).items()},
            **self.model.settings(),
            "corpus": self.corpus.fingerprint,
            "objective": repr(self.facts.get("objective")),
            "teacher": repr(self.facts.get("teacher")),
            "init": repr(self.facts.get("init")),
            "processes": self.accelerator.num_processes,
        }

    @property
    def has_saved_state(self) -> bool:
        """Whether there is a state to go on from."""
        return self.directory is not None and bool(saved_states(self.directory))

    def resume(self) -> None:
        """Go back to the saved state of this run; where the latest is damaged, to the one before, with a warning.

        Raises:
            TrainingStopped: there is none, all are damaged, or it belongs to a run with other settings or data.
        """
        # What a run saved before a setting existed had.
        defaults: dict[str, Any] = {f"network {field.name}": field.default for field in fields(self.model.config)}
        defaults |= {field.name: field.default for field in fields(self.config)}
        defaults |= {"init": repr(None), "model": self.model.kind}
        state, self.good_state = read_state(Path(self.directory or "."), self._identity(), defaults)
        self.step, self.seconds, self.latest = state["step"], state["seconds"], state["latest"]
        self.model.provenance = self.averaged.provenance = state.get("provenance", {})
        self.plain_network.load_state_dict(state["network"])
        self.averaged.network.load_state_dict(state["averaged"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.window = Window(self.device, *state.get("window", ({}, {})))

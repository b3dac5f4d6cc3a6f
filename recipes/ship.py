"""Put a trained model among the shipped ones: `python recipes/ship.py RUN NAME`.

The weights are stored in half precision, which keeps the repository small; `flm_edu.load_model` brings them back to
float32. Beside them go the configuration, the tokenizer, the provenance and the metrics of the run, and not the state for
`--resume`.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

from flm_edu.files import data_dir, write_aside
from flm_edu.language_model import load_model

METRICS = "metrics.jsonl"  # what a training logs beside its model


def ship(run: Path, name: str, folder: Path) -> Path:
    """Write the model of a run to `folder`/`name`, and return that directory.

    Raises:
        ModelError: the run holds no model that can be loaded.
        FileNotFoundError: it holds no metrics, so no training of ours made it.
    """
    if not (run / METRICS).is_file():
        raise FileNotFoundError(f"{run / METRICS} is not there; name the folder that --out of a training named")
    model = load_model(run)
    directory = folder / name
    model.save_pretrained(directory, model.provenance, dtype=torch.float16)
    with write_aside(directory, METRICS) as (metrics,):
        shutil.copyfile(run / METRICS, metrics)
    return directory


def main() -> None:
    """Read the command line and ship one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="model directory that a training wrote")
    parser.add_argument("name", help="name for flm_edu.load_model, such as tales-flm")
    parser.add_argument("--to", type=Path, default=data_dir() / "checkpoints", help="folder of the shipped models")
    arguments = parser.parse_args()
    try:
        directory = ship(arguments.run, arguments.name, arguments.to)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    size = sum(path.stat().st_size for path in directory.iterdir() if path.is_file())
    print(f"{directory}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

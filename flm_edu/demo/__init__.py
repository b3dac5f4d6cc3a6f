"""The main job in one go: train, distil, measure against the truth, show."""

from flm_edu.demo.run import FOLDERS, run_demo

__all__ = ["FOLDERS", "run_demo"]

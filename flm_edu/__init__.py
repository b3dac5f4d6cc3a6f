"""flm_edu: one-step language generation, small enough to read and exact enough to check.

Start with `load_model("sentences-fmlm").sample(4, steps=1)`, or with the modules in reading order:
interpolant, schedule, network, flow, objectives, sampling, training (docs/ARCHITECTURE.md has them all).
"""

import flm_edu.extensions  # enters what is not in the paper into the tables of models and methods
from flm_edu.architecture import Architecture, Network, Role
from flm_edu.baselines import AutoregressiveLM, MaskedLM, UniformLM
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.generator import TextGenerator
from flm_edu.grammar import load_language
from flm_edu.interpolant import interpolate
from flm_edu.language import Language
from flm_edu.language_model import LanguageModel, load_model
from flm_edu.model_files import shipped_models
from flm_edu.network import DiT, NetworkConfig
from flm_edu.reference import load_reference_checkpoint
from flm_edu.schedule import DecodingErrorSchedule, UniformSchedule
from flm_edu.trajectory import Trajectory

__all__ = [
    "Architecture",
    "AutoregressiveLM",
    "DecodingErrorSchedule",
    "DiT",
    "FlowLM",
    "FlowMapLM",
    "Language",
    "LanguageModel",
    "MaskedLM",
    "Network",
    "NetworkConfig",
    "Role",
    "TextGenerator",
    "Trajectory",
    "UniformLM",
    "UniformSchedule",
    "interpolate",
    "load_language",
    "load_model",
    "load_reference_checkpoint",
    "shipped_models",
]

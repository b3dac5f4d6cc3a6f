"""The models that flow is compared with, of the same network, training and sampling interface.

autoregressive: left to right. masked (MDLM) and uniform (Duo): discrete diffusion. sdtt and dcd distil
the two into fewer steps. None of them is a weaker copy: `flm_edu.oracle` holds the limit of each.
"""

from flm_edu.baselines.autoregressive import AutoregressiveLM
from flm_edu.baselines.masked import MaskedLM
from flm_edu.baselines.uniform import UniformLM

__all__ = ["AutoregressiveLM", "MaskedLM", "UniformLM"]

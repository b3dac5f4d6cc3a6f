"""The models that flow is compared with, of the same network, training and sampling interface.

autoregressive: left to right. masked (MDLM) and uniform (Duo): discrete diffusion. sdtt and dcd distil
the two into fewer steps. `flm_edu.oracle` has the perfect model of each of the first three, so that one can see
whether a trained one is a weak one.
"""

from flm_edu.baselines.autoregressive import AutoregressiveLM
from flm_edu.baselines.masked import MaskedLM
from flm_edu.baselines.uniform import UniformLM

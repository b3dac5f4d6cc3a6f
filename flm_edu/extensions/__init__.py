"""What is not in the paper, a file each. Importing this package makes them known to `flm_edu.methods` and `load_model`.

The core knows nothing of an extension: it derives from the core's classes and enters itself into the core's tables.
"""

from flm_edu.extensions.path import PathDistillation, PathMapLM
from flm_edu.extensions.soft_reader import SoftFlowLM, SoftFlowMapLM

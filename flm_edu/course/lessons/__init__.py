"""The exercises, a file a notebook: what is right, and what often goes wrong. A new file here is found by itself."""

import importlib
import pkgutil

for module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{module.name}")

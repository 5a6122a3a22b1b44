"""What each known Colab runtime has: Python, packages, programs."""

from colab_starter.runtimes.kaggle import load_kaggle
from colab_starter.runtimes.packages import CORE_PACKAGES, package_of_module
from colab_starter.runtimes.table import LATEST, Image, Runtime, load_runtime, runtime_names

__all__ = [
    "CORE_PACKAGES",
    "LATEST",
    "Image",
    "Runtime",
    "load_kaggle",
    "load_runtime",
    "package_of_module",
    "runtime_names",
]

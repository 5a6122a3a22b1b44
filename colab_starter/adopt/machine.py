"""Which machine a notebook wants, and which framework its first cells can try out."""

import copy
import re
from collections.abc import Iterator

from colab_starter.adopt.draft import Draft
from colab_starter.adopt.packages import has_left_installs
from colab_starter.bake.percent import ACCELERATORS
from colab_starter.check.rules.gpu import find_uses_of_gpu
from colab_starter.check.source import without_comments
from colab_starter.notebook.model import Json, Notebook

_TPU = re.compile(r"TPUStrategy|TPUClusterResolver|\btorch_xla\b|setup_tpu\(")
_TRAINS = re.compile(r"\.fit\(|\.fit_generator\(|GradientTape|\.train_on_batch\(")
_CUDA = re.compile(r"cuda|\.accelerator\.")
_SETS_UP = re.compile(
    r"set_memory_growth|set_(?:logical|visible|virtual)_device|_virtual_device_conf|threading\.set_|enable_eager|"
    r"disable_eager|disable_v2|enable_v2|compat\.v1|tensorflow_version|set_start_method|multiprocessing|set_backend|"
    r"jax\.config|mixed_precision\.set|enable_xla|set_jit|use_deterministic|set_default_device|TPU|xla|"
    r"(?:CUDA|TF|KERAS|XLA|JAX|PYTORCH|CUBLAS|OMP|MKL|NCCL)_\w+"
)
"""What has to happen, or to be said, before the framework has computed anything."""
FRAMEWORKS = ("torch", "tensorflow", "keras")
"""Those that a first cell can try out."""


def choose_accelerator(notebook: Notebook, asked: str) -> str:
    """A key of ACCELERATORS: what was asked for, else what the notebook says, else what its code can use."""
    if asked != "auto":
        return asked
    if notebook.accelerator:
        kind = notebook.metadata.get("colab")
        gpu = kind.get("gpuType") if isinstance(kind, dict) else None
        named = [name for name, machine in ACCELERATORS.items() if machine.get("gpuType") == gpu]
        return named[0] if named else "TPU v5e" if notebook.accelerator.upper() == "TPU" else "T4"
    code = _code_of(notebook)
    if _TPU.search(code):
        return "TPU v5e"
    modules = set(_find_modules(notebook))
    trains = bool(modules & {"tensorflow", "keras", "jax"}) and bool(_TRAINS.search(code))
    uses_cuda = "torch" in modules and bool(_CUDA.search(code))
    needs = any(True for _ in find_uses_of_gpu(notebook))
    return "T4" if trains or uses_cuda or needs else "none"


def set_accelerator(data: Json, accelerator: str, asked: str) -> bool:
    """Write the machine into the notebook's metadata, unless it names one already; True if that changed."""
    metadata = _metadata_of(data)
    if asked == "auto" and metadata.get("accelerator"):
        return False
    before = copy.deepcopy(metadata)
    machine = dict(ACCELERATORS[accelerator])
    gpu_type = machine.pop("gpuType", None)
    colab = metadata.get("colab")
    if machine:
        metadata["accelerator"] = machine["accelerator"]
        metadata["colab"] = {**(colab if isinstance(colab, dict) else {}), "gpuType": gpu_type}
    else:
        metadata.pop("accelerator", None)
        if isinstance(colab, dict):
            colab.pop("gpuType", None)
    return metadata != before


def _metadata_of(data: Json) -> Json:
    """The notebook's metadata; null and nothing become an empty object."""
    data["metadata"] = metadata = data.get("metadata") or {}
    return metadata


def name_language(data: Json) -> None:
    """Write the language and the kernel into the metadata where they are missing: papermill asks for both."""
    metadata = _metadata_of(data)
    kernel = metadata.get("kernelspec")
    if not isinstance(kernel, dict) or not kernel.get("name"):
        metadata["kernelspec"] = kernel = {"display_name": "Python 3", "name": "python3"}
    language = metadata.get("language_info")
    if not kernel.get("language") and not (isinstance(language, dict) and language.get("name")):
        metadata["language_info"] = {**(language if isinstance(language, dict) else {}), "name": "python"}


def choose_framework(draft: Draft) -> str:
    """The framework that a first cell can try out: ``torch``, ``tensorflow`` or ``keras``; empty for none.

    None where the notebook sets it up before its first use, or installs something itself: then the first cell would
    come too early.
    """
    if has_left_installs(draft) or _SETS_UP.search(_code_of(draft.theirs)):
        return ""
    modules = set(_find_modules(draft.theirs))
    return next((name for name in FRAMEWORKS if name in modules), "")


def _code_of(notebook: Notebook) -> str:
    return "\n".join(without_comments(cell.source) for cell in notebook.cells if cell.is_python)


def _find_modules(notebook: Notebook) -> Iterator[str]:
    return (found.module.partition(".")[0] for _, found in notebook.imports if not found.guarded)

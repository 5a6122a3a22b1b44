"""CS5: the machine that the notebook asks Colab for, and what its libraries can no longer do."""

import re
import sys
from collections.abc import Iterator

from colab_starter.check.rule import COLAB, ERROR, WARNING, Problem, rule
from colab_starter.check.rules.gpu import find_uses_of_gpu, looks_for_gpu
from colab_starter.check.rules.install import version_of
from colab_starter.check.rules.modules import CPU_ONLY
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.runtimes import Runtime

_MENTIONS_GPU = re.compile(r"cuda|gpu|nvidia|nvcc|\btpu\b|opencl|vulkan", re.IGNORECASE)
_HARMLESS_COMMAND = re.compile(
    r"(?:pip3?|cat|cd|cp|config|curl|date|echo|head|ls|matplotlib|mkdir|mv|pwd|rm|tail|time|timeit|unzip|wget)\b"
)
_GONE_FROM_OPENCV = frozenset(
    f"cv2.{name}" for name in ("CascadeClassifier", "HOGDescriptor", "BRISK_create", "AKAZE_create", "KAZE_create")
)


@rule(
    "CS501",
    "unused-accelerator",
    WARNING,
    platforms=(COLAB,),
    evidence="The one finding in 6,940 published notebooks was right.",
)
def find_unused_accelerator(notebook: Notebook) -> Iterator[Problem]:
    """A notebook that uses no GPU asks for none.

    A GPU or TPU session uses up the user's quota, and if none is free the notebook does not start. Choose Runtime >
    Change runtime type > CPU, or remove accelerator from the metadata. The rule only applies if every imported
    library is one that never uses a GPU.
    """
    if not notebook.accelerator or not notebook.imports or not notebook.is_python:
        return
    modules = {found.module.partition(".")[0] for _, found in notebook.imports}
    if not all(module in CPU_ONLY or module in sys.stdlib_module_names for module in modules):
        return
    commands_are_harmless = all(
        found.kind == "?" or _HARMLESS_COMMAND.match(found.text) for _, found in notebook.commands
    )
    code = [cell for cell in notebook.cells if cell.is_python]
    if commands_are_harmless and not any(_may_use_gpu(cell) for cell in code):
        yield Problem(
            f"the notebook asks for a {notebook.accelerator}, and none of its libraries uses one: it costs quota and "
            "may not start; choose CPU in Runtime > Change runtime type"
        )


def _may_use_gpu(cell: Cell) -> bool:
    return isinstance(cell.tree, SyntaxError) or bool(_MENTIONS_GPU.search(cell.source))


@rule(
    "CS502",
    "missing-accelerator",
    WARNING,
    platforms=(COLAB,),
    evidence="All of 30 findings read in published notebooks were right.",
)
def find_missing_accelerator(notebook: Notebook) -> Iterator[Problem]:
    """A notebook that needs a GPU asks for one.

    Colab starts the machine named in the notebook's metadata: without accelerator that is one without a GPU, and the
    cell fails. Choose Runtime > Change runtime type > T4 GPU and save, or test first: device = "cuda" if
    torch.cuda.is_available() else "cpu".
    """
    use = None if notebook.accelerator else next(find_uses_of_gpu(notebook), None)
    if use is None or looks_for_gpu(notebook):
        return
    cell, line, what = use
    yield Problem(
        f"{what} needs a GPU, and the notebook asks Colab for none; choose Runtime > Change runtime type > T4 GPU "
        "and save, or test torch.cuda.is_available() first",
        cell,
        line,
    )


@rule(
    "CS503",
    "gone-from-opencv",
    WARNING,
    evidence="The three findings in 6,940 published notebooks were right; OpenCV 5 moved these classes to "
    "opencv-contrib.",
)
def find_gone_from_opencv(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """The notebook uses nothing that OpenCV 5 has removed.

    Colab's newest runtime has OpenCV 5, which moved CascadeClassifier, HOGDescriptor and the BRISK, AKAZE and KAZE
    features out of the main package; whether cv2 still has them depends on which of its packages was installed last.
    For faces use cv2.FaceDetectorYN, for features cv2.ORB_create or cv2.SIFT_create, or choose the runtime 2026.04.
    """
    version = version_of("opencv-python", runtime, notebook.accelerator) or "0"
    pinned = any(
        requirement.name.startswith("opencv") and requirement.specifier
        for _, install in notebook.installs
        for requirement in install.requirements
    )
    if int(version.partition(".")[0]) < 5 or pinned:
        return
    for cell, call in notebook.calls:
        if call.name in _GONE_FROM_OPENCV and not call.guarded:
            yield Problem(
                f"{call.name} may be missing in the Colab runtime {runtime.name}, whose OpenCV is {version}; "
                f"use {_instead_of(call.name)}, or choose the runtime 2026.04",
                cell,
                call.line,
            )


def _instead_of(name: str) -> str:
    return "cv2.ORB_create" if name.endswith("_create") else "cv2.FaceDetectorYN"


@rule("CS504", "gpu-hist", ERROR, evidence="XGBoost's release notes: deprecated in 2.0, and removed since.")
def find_gpu_hist(notebook: Notebook) -> Iterator[Problem]:
    """XGBoost is given the GPU by device, not by gpu_hist.

    tree_method="gpu_hist" and predictor="gpu_predictor" are from XGBoost before 2.0, and Colab's version has dropped
    them. Write tree_method="hist", device="cuda".
    """
    for cell, text in notebook.texts:
        if text.value in ("gpu_hist", "gpu_predictor"):
            yield Problem(
                f'{text.value} is gone from XGBoost; write tree_method="hist", device="cuda"', cell, text.line
            )

"""What in a notebook cannot run without a GPU."""

import ast
import re
from collections.abc import Iterator

from colab_starter.check.rules.modules import GPU_ONLY
from colab_starter.check.source import without_comments
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import Call, read_literal

_CUDA = re.compile(r"cuda(:\d+)?")
_LOOKS_FOR_GPU = re.compile(r"is_available|device_count|list_physical_devices|\bif\b.*gpu", re.IGNORECASE)
_NEEDS_GPU = re.compile(r"(?:load_ext\s+(?:nvcc|cudf|cuml)|nvcc\b)|^cu$")
_IMPORTS = GPU_ONLY | {"unsloth", "unsloth_zoo", "flash_attn", "vllm"}
"""Modules that raise an error where there is no GPU, on import or at the first use."""
_METHODS = frozenset(
    (
        "enable_model_cpu_offload",
        "enable_sequential_cpu_offload",
        "enable_xformers_memory_efficient_attention",
    )
)
"""Methods of pipelines that raise an error where there is no GPU."""
_FLAGS = frozenset(("load_in_4bit", "load_in_8bit"))
"""Arguments of transformers that need bitsandbytes and a GPU if they are true."""
_TRAINING_ARGUMENTS = re.compile(r"(?:^|\.)\w*TrainingArguments$|(?:^|\.)(?:SFT|DPO|GRPO|ORPO|KTO|PPO|Reward)Config$")
_DEVICE_ARGUMENTS = frozenset(("device", "device_map"))
_MAY_MOVE = _METHODS | {"cuda", "to", "device", "set_default_device"}
_TELLING = _FLAGS | _DEVICE_ARGUMENTS | {"fp16", "mixed_precision"}
_HARMLESS_DEVICE = re.compile(r"(?:^|\.)(?:XGB\w+|DMatrix|train|CatBoost\w*|LGBM\w*|dict|device_count)$|^xgboost\.")
"""Callees that warn and go on with the CPU, or do something else with a keyword of that name."""
_TORCH_MODULES = frozenset(
    """
    torch transformers diffusers sentence_transformers accelerate peft trl whisper ultralytics timm torchvision
    torchaudio clip open_clip TTS easyocr segment_anything sam2 audiocraft keybert bertopic flair facenet_pytorch
    monai torch_geometric
""".split()
)
"""Libraries on torch: a keyword device="cuda" in a notebook with one of them is torch's."""


def find_uses_of_gpu(notebook: Notebook) -> Iterator[tuple[Cell, int, str]]:
    """What is sure to be run and fails without a GPU: its cell, its line and its name."""
    uses_torch = any(found.module.partition(".")[0] in _TORCH_MODULES for _, found in notebook.imports)
    for cell in notebook.cells:
        for found in cell.facts.imports:
            if found.module.partition(".")[0] in _IMPORTS and not found.guarded:
                yield cell, found.line, found.module
        for command in cell.commands:
            if command.kind in ("!", "%", "%%") and not command.nested and _NEEDS_GPU.match(command.text):
                yield cell, command.line, command.text
        for call in cell.facts.calls:
            if not call.guarded and not call.in_function and (what := _need_of(call, notebook, uses_torch)):
                yield cell, call.line, what


def looks_for_gpu(notebook: Notebook) -> bool:
    """Does the notebook find out whether there is a GPU? Then it may well have a way without one."""
    return any(_LOOKS_FOR_GPU.search(without_comments(cell.source)) for cell in notebook.cells if cell.is_python)


def _need_of(call: Call, notebook: Notebook, uses_torch: bool) -> str:
    """What in the call needs a GPU, as it is to be shown; empty if nothing does."""
    method = call.name.rpartition(".")[2]
    if method in _MAY_MOVE and _moves_to_gpu(call, method, notebook):
        return f"{call.name.removeprefix('()')[-60:]}(...)"
    for keyword in call.node.keywords:
        if keyword.arg in _TELLING and (what := _need_of_keyword(keyword, call.name, method, uses_torch, notebook)):
            return what
    return ""


def _need_of_keyword(keyword: ast.keyword, name: str, method: str, uses_torch: bool, notebook: Notebook) -> str:
    value = read_literal(keyword.value)
    if keyword.arg in _FLAGS and value is True:
        return f"{keyword.arg}=True"
    if keyword.arg == "fp16" and value is True and _TRAINING_ARGUMENTS.search(name):
        return "fp16=True"
    if keyword.arg == "mixed_precision" and value == "fp16" and method == "Accelerator":
        return 'mixed_precision="fp16"'
    if keyword.arg == "device" and method == "pipeline" and uses_torch and _is_index(value):
        return f"device={value}"
    is_device = keyword.arg in _DEVICE_ARGUMENTS and isinstance(value, str) and _CUDA.fullmatch(value)
    if is_device and uses_torch and not _HARMLESS_DEVICE.search(notebook.full_name(name)):
        return f'{keyword.arg}="{value}"'
    return ""


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _moves_to_gpu(call: Call, method: str, notebook: Notebook) -> bool:
    """``x.cuda()``, ``x.to("cuda")``, ``torch.device("cuda")`` or ``torch.set_default_device("cuda")``.

    To make a device is harmless; to use it is not. Whoever makes one without a test uses it.
    """
    if method in _METHODS:
        return "." in call.name
    if method == "cuda" and "." in call.name:
        return not call.node.args or isinstance(call.node.args[0], ast.Constant)
    makes_device = method in ("device", "set_default_device") and notebook.full_name(call.name).startswith("torch.")
    if makes_device or (method == "to" and "." in call.name):
        target = read_literal(call.node.args[0]) if call.node.args else None
        return isinstance(target, str) and bool(_CUDA.fullmatch(target))
    return False

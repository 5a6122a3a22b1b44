"""Make ``check/rules/data/wheels.json``: which versions of compiled packages have wheels for which Python.

pip says it, when it is asked for a version that does not exist: "from versions: ...". A version without a wheel is
built from source on Colab, which fails for most of what is older than its Python.

    python -m tools.wheel_versions [PACKAGE ...]
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.version import Version

TABLE = Path(__file__).parent.parent / "colab_starter" / "check" / "rules" / "data" / "wheels.json"
PYTHONS = ("3.11", "3.12", "3.13")
"""Those of the runtimes that Colab offers."""
PACKAGES = """
    numpy scipy pandas pyarrow matplotlib pillow scikit-learn scikit-image ml-dtypes h5py statsmodels
    torch torchvision torchaudio torchtext xformers triton
    tensorflow tensorflow-cpu tensorflow-text tensorflow-addons tensorflow-io jaxlib mxnet
    opencv-python opencv-python-headless opencv-contrib-python
    tokenizers safetensors sentencepiece spacy thinc blis gensim numba llvmlite
    grpcio pyzmq lxml faiss-cpu faiss-gpu pycocotools shap catboost dlib pystan hmmlearn onnxruntime shapely
"""
"""Packages with compiled code that notebooks pin."""
_PLATFORMS = [f"manylinux{name}_x86_64" for name in ("1", "2010", "2014", "_2_28", "_2_34", "_2_35")]


def list_versions(package: str, python: str) -> list[str]:
    """The versions with a wheel for that Python on Colab's machines, the oldest first."""
    digits = python.replace(".", "")
    options = ["--platform", *" --platform ".join(_PLATFORMS).split(), "--implementation", "cp"]
    options += [word for abi in (f"cp{digits}", "abi3", "none") for word in ("--abi", abi)]
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", folder]
        wanted = ["--python-version", python, *options, f"{package}==0+none"]
        alone = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
        done = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False, cwd=folder, env=alone)
    found = re.search(r"\(from versions: (.+)\)", done.stderr)
    if not found:
        raise SystemExit(f"pip download {package}: {done.stderr[-500:]}")
    versions = [] if found[1] == "none" else [Version(version) for version in found[1].split(", ")]
    return [str(version) for version in sorted(versions) if not version.is_prerelease]


def main(packages: list[str]) -> None:
    table = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    for package in packages or PACKAGES.split():
        for python in PYTHONS:
            table.setdefault(python, {})[package] = " ".join(list_versions(package, python))
    content = {python: dict(sorted(table[python].items())) for python in PYTHONS}
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

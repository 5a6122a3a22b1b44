"""What pip makes of the versions that a notebook asks for."""

import pytest

from tests.check.conftest import Cells, Write, codes_in, findings_in

FAULTS: dict[str, tuple[str, str, str]] = {
    "!pip install numpy==1.23.5": ("CS403", "error", "goes on with 2.1.3; 2.1.0 has one"),
    "!pip install -q torch==2.0.1 torchvision==0.15.2": ("CS403", "error", "torch==2.0.1 (and 1 more of this line)"),
    "!pip install numpy==1.26.4": ("CS403", "error", "pip builds it for minutes, and then it replaces the 2.1.3"),
    '%pip install "pandas<2"': ("CS403", "error", "pandas<2 has no wheel for Python 3.13"),
    "!pip install tensorflow==2.12": ("CS403", "error", "2.20.0 has one"),
    "!pip install numpy==2.2.0": ("CS403", "warning", "replaces the 2.1.3"),
    "!pip install numpy==2.2.0 pandas==2.3.0": ("CS403", "warning", "numpy==2.2.0 (and 1 more of this line)"),
    "!pip install tensorflow-addons==0.13.0": ("CS412", "error", "goes on without it; no newer version has one"),
    "!pip install tensorflow-addons": ("CS412", "error", "tensorflow-addons has no wheel"),
    "!pip install tokenizers==0.10.3 einops": ("CS412", "error", "0.15.1 has one"),
    "!pip install spacy==2.3.5": ("CS412", "error", "3.8.7 has one"),
    "!pip install numba==0.48": ("CS412", "error", "0.61.0 has one"),
    "!pip install tensorflow-gpu": ("CS413", "error", "use tensorflow"),
    "!pip install sklearn": ("CS413", "error", "use scikit-learn"),
    "!pip install -q tf-nightly": ("CS414", "warning", "tensorflow 2.20.0"),
    "!pip uninstall -y tensorflow": ("CS415", "warning", "tensorflow is taken away"),
    "%pip uninstall -y torch torchvision einops": ("CS415", "warning", "torch, torchvision is taken away"),
}


@pytest.mark.parametrize("source", FAULTS)
def test_an_install_that_does_not_do_what_it_says_is_reported_once_a_line(source: str, write: Write) -> None:
    (finding,) = findings_in(write([source]))

    assert (finding.code, finding.severity) == FAULTS[source][:2]
    assert FAULTS[source][2] in finding.message
    assert len(finding.message) < 250


RIGHT: dict[str, Cells] = {
    "the version that is there": ["!pip install numpy==2.1.3 'pandas>=1.3' torch"],
    "a pure Python package": ["!pip install torchtext==0.6.0 gradio==4.0.0 xgboost==0.90"],
    "a version newer than the table": ["!pip install spacy==99.1 'grpcio>=1.99'"],
    "a range that has a wheel": ["!pip install 'spacy>=2' 'numba!=0.48' 'tokenizers~=0.21'"],
    "another folder": ["!pip install --target /content/libs numpy==1.23.5"],
    "another index": ["!pip install faiss-gpu==1.0 --extra-index-url https://example.org/simple"],
    "under a condition": ["if False:\n    !pip install numpy==1.23.5 spacy==2.3.5"],
    "a comment": ["# !pip install numpy==1.23.5"],
    "others that go": ["!pip uninstall -y einops wandb"],
    "TensorFlow makes room": [
        "!pip uninstall -y tensorflow\n!pip install tf-nightly\nimport os\nos.kill(os.getpid(), 9)"
    ],
    "one that comes back": ["!pip uninstall -y opencv-python\n!pip install opencv-python-headless opencv-python"],
}


@pytest.mark.parametrize("reason", RIGHT)
def test_an_install_that_works_is_right(reason: str, write: Write) -> None:
    assert findings_in(write(RIGHT[reason])) == []


def test_a_pin_without_a_wheel_fails_whether_or_not_a_restart_follows(write: Write) -> None:
    cells: Cells = ["!pip install numpy==1.23.5", "import os\nos.kill(os.getpid(), 9)"]
    assert [finding.code for finding in findings_in(write(cells))] == ["CS403"]


def test_an_older_runtime_has_wheels_for_older_versions(write: Write) -> None:
    (finding,) = findings_in(write(["!pip install numpy==1.26.4 pandas==2.1.4"]), "2025.07")
    assert finding.severity == "warning"
    assert "replaces" in finding.message


def test_an_upgrade_of_all_of_torch_is_told_below_its_import(write: Write) -> None:
    upgrade = "!pip install -U torch torchvision"
    assert "CS404" not in codes_in(write([upgrade, "import torch"]))
    assert "CS404" in codes_in(write(["import torch", upgrade], "below.ipynb"))

"""``--platform kaggle``: what is otherwise there."""

from typing import Any

import pytest
from typer.testing import CliRunner

from colab_starter.check.findings import Finding, check_file
from colab_starter.check.rule import PLATFORMS
from colab_starter.check.select import select_rules
from colab_starter.cli import app
from colab_starter.runtimes import load_kaggle
from tests.check.conftest import ALL_RULES, Write, codes_in

KAGGLE_RULES = select_rules(ALL_RULES, [], [], "kaggle")


def kaggle_findings(write: Write, source: str, **metadata: Any) -> list[Finding]:
    return check_file(write([source], metadata=metadata), KAGGLE_RULES, load_kaggle())


FAULTS = (
    ("from google.colab import drive\ndrive.mount('/content/drive')", "CS701", 2, "/kaggle/input"),
    ("from google.colab import files\nfiles.upload()", "CS701", 2, "dataset"),
    ("from google.colab import userdata\nkey = userdata.get('K')", "CS701", 2, "kaggle_secrets"),
    ("from google.colab import files\nfiles.download('a.csv')", "CS701", 2, "/kaggle/working"),
    ("import google.colab", "CS701", 1, "except ImportError"),
    ("from google.colab.patches import cv2_imshow", "CS701", 1, "except ImportError"),
    ("open('/content/data/a.csv')", "CS702", 1, "/kaggle/input"),
    ("%cd /content", "CS702", 1, "/kaggle/working"),
)


@pytest.mark.parametrize(("source", "code", "line", "mentions"), FAULTS)
def test_what_works_on_colab_only_is_told_on_kaggle(
    source: str, code: str, line: int, mentions: str, write: Write
) -> None:
    found = [one for one in kaggle_findings(write, source) if one.code == code]
    assert [one.line for one in found] == [line]
    assert mentions in found[0].message
    assert code not in codes_in(write([source]))


FINE = (
    "import sys\nif 'google.colab' in sys.modules:\n    from google.colab import drive as d\n    d.mount('/content/d')",
    "try:\n    from google.colab import userdata\nexcept ImportError:\n    userdata = None",
    "import os\nroot = '/kaggle/input' if 'KAGGLE_KERNEL_RUN_TYPE' in os.environ else '/content'",
    "open('data/a.csv')",
    "!wget https://example.org/content/a.csv",
    "from google.cloud import storage",
)


@pytest.mark.parametrize("source", FINE)
def test_what_works_on_both_is_fine_on_kaggle(source: str, write: Write) -> None:
    assert [one.code for one in kaggle_findings(write, source) if one.code.startswith("CS7")] == []


@pytest.mark.parametrize("source", ["!pip install einops", "%pip install einops", "!git clone https://example.org/a"])
def test_the_network_is_asked_for_where_the_settings_have_it_off(source: str, write: Write) -> None:
    assert "CS703" in [one.code for one in kaggle_findings(write, source, kaggle={"isInternetEnabled": False})]
    for settings in ({"isInternetEnabled": True}, {}):
        assert "CS703" not in [one.code for one in kaggle_findings(write, source, kaggle=settings)]


def test_wheels_from_a_dataset_need_no_network(write: Write) -> None:
    source = "!pip install --no-index --find-links /kaggle/input/wheels einops"
    assert "CS703" not in [one.code for one in kaggle_findings(write, source, kaggle={"isInternetEnabled": False})]


def test_a_gpu_is_asked_for_in_kaggles_own_settings(write: Write) -> None:
    source = "import torch\nx = torch.ones(2).cuda()"
    assert "CS704" in [one.code for one in kaggle_findings(write, source, kaggle={"accelerator": "none"})]
    for settings in ({"accelerator": "nvidiaTeslaT4"}, {}):
        assert "CS704" not in [one.code for one in kaggle_findings(write, source, kaggle=settings)]


def test_each_platform_has_its_own_rules() -> None:
    kaggle = {rule.code for rule in KAGGLE_RULES}
    colab = {rule.code for rule in select_rules(ALL_RULES, [], [])}
    assert {"CS701", "CS702", "CS703", "CS704"} == kaggle - colab
    assert {"CS301", "CS310", "CS316", "CS317", "CS502"} <= colab - kaggle
    assert {"CS107", "CS313", "CS601"} <= colab & kaggle
    assert all(set(rule.platforms) <= set(PLATFORMS) for rule in ALL_RULES)


def test_kaggle_has_packages_that_colab_lacks_and_others_in_older_versions() -> None:
    kaggle = load_kaggle()
    assert {"catboost", "papermill", "learntools"} <= kaggle.also
    assert kaggle.packages["scikit-learn"] == "1.2.2"
    assert kaggle.python.startswith("3.12.")


def test_the_option_chooses_rules_and_runtime(write: Write) -> None:
    path = write(["import catboost\nfrom google.colab import drive\ndrive.mount('/content/drive')"])
    on_colab = CliRunner().invoke(app, ["check", str(path)])
    on_kaggle = CliRunner().invoke(app, ["check", "--platform", "kaggle", str(path)])
    assert ("CS402" in on_colab.output, "CS301" in on_colab.output, "CS701" in on_colab.output) == (True, True, False)
    assert ("CS402" in on_kaggle.output, "CS301" in on_kaggle.output, "CS701" in on_kaggle.output) == (
        False,
        False,
        True,
    )

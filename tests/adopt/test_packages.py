"""Which installs move into the install cell, and which stay and why."""

import pytest

from colab_starter.notebook.installs import read_tables
from colab_starter.notebook.syntax import parse_python
from tests.adopt.conftest import Adopt, Adopted


def read_extra(adopted: Adopted) -> list[str]:
    tree = parse_python(adopted.ours["install-0"].source)
    assert not isinstance(tree, SyntaxError)
    tables = read_tables(tree)
    assert tables
    return tables.extra


@pytest.mark.parametrize(
    ("line", "packages"),
    [
        ("!pip install einops", ["einops"]),
        ("%pip install -q einops timm", ["einops", "timm"]),
        ("!pip3 install --quiet 'timm>=1.0,<2' > /dev/null 2>&1", ["timm<2,>=1.0"]),
        ("!python -m pip install einops", ["einops"]),
        ("!uv pip install --system einops", ["einops"]),
        ("pip install einops", ["einops"]),
        ("!pip install transformers==4.57.0 -qq", ["transformers==4.57.0"]),
        ("!pip install \\\n  einops \\\n  timm", ["einops", "timm"]),
        ("!pip install einops && pip install timm", ["einops", "timm"]),
        ("%%capture\n!pip install einops", ["einops"]),
    ],
)
def test_plain_installs_move(line: str, packages: list[str], adopt_cells: Adopt) -> None:
    adopted = adopt_cells([line, "print(1)"])
    assert read_extra(adopted) == packages
    assert not adopted.adoption.left
    assert all(line.startswith(("#", "%%")) for line in adopted.theirs[0].split("\n"))
    assert not any(cell.installs for cell in adopted.notebook.cells if cell.source in adopted.theirs)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("!pip install -r requirements.txt", "cannot be told"),
        ("!pip install git+https://github.com/ada/x", "cannot be told"),
        ("!pip install ./x.whl", "cannot be told"),
        ("!pip install {package}", "cannot be told"),
        ("!pip install 'x; python_version<\"3.12\"'", "cannot be told"),
        ("!pip install -U einops", "upgrades"),
        ("!pip install --no-deps einops", "does not know --no-deps"),
        ("!pip install --index-url https://a.b einops", "does not know --index-url"),
        ("!pip install numpy==1.26", "replacing what Colab has loaded"),
        ("!pip install 'pandas[excel]'", "extras"),
        ("!pip uninstall -y einops", "takes packages away"),
        ("!pip install einops && rm -rf x", "something else"),
        ("!pip install einops | tail -1", "something else"),
        ("!pip install einops > log.txt", "something else"),
        ("import sys\nif 1:\n    !pip install einops", "condition"),
        ("%%bash\npip install einops", "%%bash script"),
        ("!pip install einops\nimport os\nos.kill(os.getpid(), 9)", "restarts"),
        ("import os\nos.system('pip install einops')", "Python code"),
        ("!conda install -y einops", "conda"),
        ("!apt-get install -y ./x.deb", "not the plain name"),
        ("!add-apt-repository -y ppa:x && apt-get install -y x", "something else"),
        ("# colab-starter: ignore\n!pip install einops", "asks to leave it alone"),
    ],
)
def test_others_stay_byte_for_byte_and_are_named(cell: str, why: str, adopt_cells: Adopt) -> None:
    adopted = adopt_cells([cell, "print(1)"])
    assert adopted.theirs[0] == cell
    assert read_extra(adopted) == []
    assert any(why in reason for reason in adopted.left.values())


def test_a_version_after_an_install_that_stays_stays_too(adopt_cells: Adopt) -> None:
    adopted = adopt_cells(["!pip install -r requirements.txt\n!pip install timm==1.0\n!pip install einops"])
    assert read_extra(adopted) == ["einops"]
    assert "comes after an install that stays" in adopted.left["!pip install timm==1.0"]
    upgraded = adopt_cells(["!pip install -U pip\n!pip install timm==1.0"])
    assert read_extra(upgraded) == ["timm==1.0"]


def test_a_package_that_is_also_uninstalled_stays(adopt_cells: Adopt) -> None:
    adopted = adopt_cells(["!pip uninstall -y timm", "!pip install timm"])
    assert read_extra(adopted) == []
    assert adopted.left["!pip install timm"] == "the notebook also uninstalls it"


def test_programs_move_with_the_update_before_them(adopt_cells: Adopt) -> None:
    cell = (
        "!apt-get update -qq\n!sudo apt-get install -y -qq graphviz tree > /dev/null\n!apt update && apt install -y jq"
    )
    adopted = adopt_cells([cell])
    assert 'extra_programs = ["graphviz", "tree", "jq"]' in adopted.ours["install-1"].source
    assert all(line.startswith("# moved to the install cell: !") for line in adopted.theirs[0].split("\n"))
    assert "install-1" not in adopt_cells(["print(1)"]).ours


def test_an_update_stays_where_an_install_with_apt_stays(adopt_cells: Adopt) -> None:
    cell = "!apt-get update\n!apt-get install -y jq\n!apt-get install -y ./x.deb"
    assert adopt_cells([cell]).theirs[0].split("\n")[0] == "!apt-get update"


def test_known_packages_of_imports_are_looked_for(adopt_cells: Adopt) -> None:
    source = "import numpy as np, os\nimport cv2\nfrom sklearn import svm\nimport my_helpers\n"
    source += "try:\n    import torch\nexcept ImportError:\n    pass"
    install = adopt_cells([source]).ours["install-0"].source
    assert 'needed = {"cv2": "opencv-python", "numpy": "numpy", "sklearn": "scikit-learn"}' in install
    assert "needed = {}" in adopt_cells([source, "!pip install -r requirements.txt"]).ours["install-0"].source


def test_many_packages_are_written_as_valid_python(adopt_cells: Adopt) -> None:
    modules = (
        "tensorflow_datasets sentence_transformers sklearn skimage cv2 PIL bs4 yaml torchvision xgboost statsmodels"
    )
    adopted = adopt_cells(["".join(f"import {module}\n" for module in modules.split())])
    tree = parse_python(adopted.ours["install-0"].source)
    assert not isinstance(tree, SyntaxError)
    assert len(read_tables(tree).needed) == len(modules.split())  # type: ignore[union-attr]


def test_a_failed_install_is_told_and_stops_nothing(
    adopt_cells: Adopt, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    install = adopt_cells(["!pip install no-such-package-1 no-such-package-2 pytest"]).ours["install-0"].source
    exec(install, {})
    printed = capsys.readouterr().out
    assert printed.startswith("Missing packages: no-such-package-1, no-such-package-2\n")
    assert "pip could not install no-such-package-1:" in printed
    assert "pip could not install no-such-package-2:" in printed
    assert printed.endswith("Installed: none\n")

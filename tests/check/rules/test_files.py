"""Files that are not there for somebody else, and badges that lead nowhere."""

import pytest

from tests.check.conftest import Cells, Write, codes_in, findings_in, text

BADGE = text(
    "[![Open](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/ada/digits/blob/main/lesson.ipynb)"
)

UNMOUNTED = (
    "import pandas as pd\ndf = pd.read_csv('/content/drive/MyDrive/data/sales.csv')",
    "!ls /content/drive/MyDrive",
    "%cd /content/gdrive/My Drive/project",
    "path = '/content/drive/MyDrive/'\nopen(path + 'a.txt')",
    "# drive.mount('/content/drive')\nopen('/content/drive/MyDrive/a')",
    "open('/content/drive/My Drive/Colab Notebooks/a.csv')",
    "folder = '/content/gdrive/My Drive/'",
    "!cp a.csv '/content/drive/My Drive/a.csv'",
)


@pytest.mark.parametrize("source", UNMOUNTED)
def test_a_path_on_drive_that_is_mounted_nowhere_is_told(source: str, write: Write) -> None:
    assert codes_in(write([source])).count("CS316") == 1


def test_a_test_of_another_folder_says_nothing_about_drive(write: Write) -> None:
    path = write(["import os\nos.makedirs('out', exist_ok=True)", "!ls /content/drive/MyDrive"])
    assert "CS316" in codes_in(path)


MOUNT = "from google.colab import drive\ntry:\n    drive.mount('/content/drive')\nexcept Exception:\n    pass"


@pytest.mark.parametrize(
    "cells",
    [
        [MOUNT, "open('/content/drive/MyDrive/a')"],
        ["open('/content/drive/MyDrive/a')", MOUNT],
        ["import google.colab as colab\ncolab.drive.mount('/content/gdrive')", "%cd /content/gdrive/MyDrive"],
        ["import os\npath = '/content/drive/MyDrive/a'\nif os.path.exists(path):\n    open(path)"],
        ["from pathlib import Path\nroot = Path('/content/drive/MyDrive')", "if root.is_dir():\n    print(root)"],
        ["!google-drive-ocamlfuse /content/drive", "!ls /content/drive/MyDrive"],
        ["print('Files are in /content/drive/MyDrive when Drive is mounted.')"],
        [text("Look into /content/drive/MyDrive."), "# /content/drive/MyDrive/a.csv"],
        ["open('/content/data/a.csv')"],
    ],
)
def test_a_path_on_drive_that_is_mounted_or_tested_is_fine(cells: Cells, write: Write) -> None:
    assert "CS316" not in codes_in(write(cells))


def test_a_drive_that_colab_mounted_itself_is_fine(write: Write) -> None:
    path = write(["open('/content/drive/MyDrive/a')"], metadata={"colab": {"mount_file_id": "1a"}})
    assert "CS316" not in codes_in(path)


def test_a_module_that_lies_next_to_the_notebook_is_not_brought_by_a_badge(write: Write) -> None:
    path = write([BADGE, "import numpy as np\nimport my_helpers", "my_helpers.run()"])
    (path.parent / "my_helpers.py").write_text("")
    (finding,) = findings_in(path)
    assert (finding.code, finding.cell, finding.line) == ("CS319", 2, 2)


def test_a_package_that_lies_next_to_the_notebook_is_not_brought_by_a_badge(write: Write) -> None:
    path = write([BADGE, "from my_package.models import Net"])
    (path.parent / "my_package").mkdir()
    assert "CS319" in codes_in(path)


@pytest.mark.parametrize(
    "cells",
    [
        [BADGE, "!git clone https://github.com/ada/digits", "import my_helpers"],
        [BADGE, "import my_helpers", "!wget https://example.org/my_helpers.py"],
        [BADGE, "root = '/content/out'", "import my_helpers"],
    ],
)
def test_what_is_fetched_too_late_or_into_another_folder_brings_no_module(cells: Cells, write: Write) -> None:
    path = write(cells)
    (path.parent / "my_helpers.py").write_text("")
    assert "CS319" in codes_in(path)


def test_an_install_of_other_packages_brings_no_module(write: Write) -> None:
    path = write([BADGE, "%pip install -q langchain==0.1.20 'einops>=0.8'\nimport my_helpers"])
    (path.parent / "my_helpers.py").write_text("")
    assert "CS319" in codes_in(path)


@pytest.mark.parametrize(
    "cells",
    [
        ["import my_helpers"],
        [BADGE, "!git clone https://github.com/ada/digits\n%cd digits\nimport my_helpers"],
        [BADGE, "!wget -q https://example.org/my_helpers.py", "import my_helpers"],
        [BADGE, "import sys\nsys.path.append('..')", "import my_helpers"],
        [BADGE, "%%writefile my_helpers.py\nx = 1", "import my_helpers"],
        [BADGE, "try:\n    import my_helpers\nexcept ImportError:\n    my_helpers = None"],
        [BADGE, "%pip install my-helpers", "import my_helpers"],
        [BADGE, "%pip install -q git+https://github.com/ada/digits", "import my_helpers"],
        [BADGE, "%pip install -q -e .", "import my_helpers"],
        [BADGE, "!git clone https://github.com/ada/my_helpers", "import my_helpers"],
        [BADGE, "!git clone https://github.com/ada/digits.git my_helpers", "import my_helpers"],
        [BADGE, "!git clone https://github.com/ada/digits.git .", "import my_helpers"],
        [BADGE, "!git clone {address} {folder}", "import my_helpers"],
        [BADGE, "!git clone https://github.com/ada/digits && cp digits/*.py .", "import my_helpers"],
        [BADGE, "from google.colab import drive, files", "def f():\n    import my_helpers"],
    ],
)
def test_a_module_that_is_fetched_or_guarded_or_needs_no_badge_is_fine(cells: Cells, write: Write) -> None:
    path = write(cells)
    (path.parent / "my_helpers.py").write_text("")
    assert "CS319" not in codes_in(path)


READS = (
    "import pandas as pd\ndf = pd.read_csv('data/churn.csv')",
    "import pandas as pd\ndf = pd.read_excel('./churn.xlsx')",
    "import numpy as np\nx = np.load('x.npy')",
    "from PIL import Image\nImage.open('images/cat.jpg')",
    "import cv2\nimage = cv2.imread('../images/cat.png')",
    "rows = open('rows.txt').read()",
    "with open('rows.json', 'rb') as file:\n    file.read()",
    "import joblib\nmodel = joblib.load('model.pkl')",
)


def test_a_variable_called_uploaded_fetches_nothing(write: Write) -> None:
    assert "CS320" in codes_in(write([BADGE, "uploaded = downloaded = open('rows.txt').read()"]))


@pytest.mark.parametrize("source", READS)
def test_a_data_file_that_nothing_makes_is_told_where_it_is_read(source: str, write: Write) -> None:
    (finding,) = [one for one in findings_in(write([BADGE, source])) if one.code == "CS320"]
    assert finding.cell == 2


@pytest.mark.parametrize(
    "cells",
    [
        ["import pandas as pd\npd.read_csv('data/churn.csv')"],
        [BADGE, "import pandas as pd\npd.read_csv('https://example.org/churn.csv')"],
        [BADGE, "import pandas as pd\npd.read_csv('sample_data/california_housing_test.csv')"],
        [BADGE, "import pandas as pd\npd.read_csv('/content/churn.csv')"],
        [BADGE, "!wget https://example.org/churn.csv", "import pandas as pd\npd.read_csv('churn.csv')"],
        [BADGE, "import pandas as pd\ndf = pd.DataFrame()\ndf.to_csv('churn.csv')", "pd.read_csv('churn.csv')"],
        [BADGE, "!git clone https://github.com/ada/digits", "open('digits/a.txt')"],
        [BADGE, "open('a.txt', 'w').write('x')", "open('a.txt').read()"],
        [BADGE, "import os\nif os.path.exists('a.txt'):\n    open('a.txt')"],
        [BADGE, "try:\n    open('a.txt')\nexcept OSError:\n    pass"],
        [BADGE, "def read():\n    return open('a.txt')"],
        [BADGE, "name = 'a.txt'\nopen(name)"],
        [BADGE, "from google.colab import files\nif True:\n    files.upload()", "open('a.txt')"],
        [BADGE, "from tensorflow import keras\nkeras.utils.get_file('a.txt', 'https://example.org')", "open('a.txt')"],
    ],
)
def test_a_data_file_that_may_be_there_is_fine(cells: Cells, write: Write) -> None:
    assert "CS320" not in codes_in(write(cells))


@pytest.mark.parametrize(
    "address",
    [
        "https://console.paperspace.com/github/ada/digits/blob/main/a.ipynb?machine=Free-GPU",
        "https://gradient.run/notebooks/abc",
        "https://notebooks.azure.com/import/gh/ada/digits",
    ],
)
def test_a_badge_of_a_service_that_has_closed_is_told(address: str, write: Write) -> None:
    (finding,) = findings_in(write([text(f"# Title\n\n[![Run](https://example.org/a.svg)]({address})"), "x = 1"]))
    assert (finding.code, finding.cell, finding.line) == ("CS321", 1, 3)


@pytest.mark.parametrize(
    "address",
    ["https://mybinder.org/v2/gh/ada/digits/main", "https://kaggle.com/kernels/welcome?src=https://github.com"],
)
def test_a_badge_of_a_service_that_lives_is_fine(address: str, write: Write) -> None:
    assert codes_in(write([text(f"[![Run](https://example.org/a.svg)]({address})")])) == []

"""Google Drive: mounts move into the storage cell, and paths follow ``drive_folder``."""

import pytest

from tests.adopt.conftest import Adopt

MOUNT = "from google.colab import drive\ndrive.mount('/content/drive')"
DRIVE = "/content/drive/MyDrive"


@pytest.mark.parametrize(
    "cell",
    [
        MOUNT,
        "from google.colab import drive; drive.mount('/content/drive')",
        "from google.colab import drive\ndrive.mount('/content/drive', force_remount=True)  # my files",
        "from google.colab import drive as d\nd.mount(mountpoint='/content/drive/')",
        "import google.colab.drive\ngoogle.colab.drive.mount(\n    '/content/drive'\n)",
    ],
)
def test_a_mount_moves_into_the_storage_cell(cell: str, adopt_cells: Adopt) -> None:
    adopted = adopt_cells([cell, f"print(open('{DRIVE}/a/b.csv'))"])
    assert 'use_drive = True  # @param {type:"boolean"}' in adopted.form
    assert 'drive_folder = "a"  # @param {type:"string"}' in adopted.form
    assert all(line.startswith("#") for line in adopted.theirs[0].split("\n") if "mount" in line)
    assert "google.colab import" not in "\n".join(line for line in adopted.theirs[0].split("\n") if line[0] != "#")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"p = '{DRIVE}/a/b/c.csv'", "p = f'{home}/c.csv'"),
        (f'p = r"{DRIVE}/a/b/c.csv"', 'p = fr"{home}/c.csv"'),
        (f"p = u'{DRIVE}/a/b'", "p = f'{home}'"),
        (f"p = '''{DRIVE}/a/b/c'''", "p = f'''{{home}}/c'''".replace("{{", "{").replace("}}", "}")),
        (f"p = f'{DRIVE}/a/b/{{n}}.csv'", "p = f'{home}/{n}.csv'"),
        (f"p = '{DRIVE}/a/b/{{}}.csv'.format(n)", "p = f'{home}/{{}}.csv'.format(n)"),
        (f"p = '{DRIVE}/a/b/%s.csv' % n", "p = f'{home}/%s.csv' % n"),
        (f"q = ['{DRIVE}/a/b/c.csv', \"{DRIVE}/a/b/d.csv\"]", "q = [f'{home}/c.csv', f\"{home}/d.csv\"]"),
        ("p = '/content/drive/My Drive/a/b/ü c.csv'", "p = f'{home}/ü c.csv'"),
        (f"def f(p='{DRIVE}/a/b/c'):\n    return p", "def f(p=f'{home}/c'):\n    return p"),
        (f"!unzip -q {DRIVE}/a/b/c.zip -d {{n}}", "!unzip -q {home}/c.zip -d {n}"),
        (f'!cp "{DRIVE}/a/b/c d.zip" .', '!cp "{home}/c d.zip" .'),
        (f"%cd {DRIVE}/a/b", "%cd {home}"),
    ],
)
def test_a_path_begins_at_the_folder_that_storage_finds(old: str, new: str, adopt_cells: Adopt) -> None:
    adopted = adopt_cells([MOUNT, f"n = len('x')\nk = '{DRIVE}/a/b/k.csv'\n{old}"])
    assert adopted.theirs[1] == f"n = len('x')\nk = f'{{home}}/k.csv'\n{new}"
    assert 'drive_folder = "a/b"  # @param {type:"string"}' in adopted.form
    assert not adopted.adoption.left


@pytest.mark.parametrize(
    "line",
    [
        "p = 'x' '/content/drive/MyDrive/a/b/c'",
        "p = b'/content/drive/MyDrive/a/b/c'",
        "p = 'see /content/drive/MyDrive/a/b/c'",
        "p = '/content/drive/MyDrive/a/b/c\\td'",
        "p = '/content/drive/Shareddrives/x'",
        "!awk '{print $1}' /content/drive/MyDrive/a/b/c",
        "import os\nos.system('unzip /content/drive/MyDrive/a/b/c.zip')",
    ],
)
def test_other_paths_stay_and_are_named(line: str, adopt_cells: Adopt) -> None:
    adopted = adopt_cells([MOUNT, f"k = '{DRIVE}/a/b/k.csv'\n{line}"])
    assert adopted.theirs[1] == f"k = f'{{home}}/k.csv'\n{line}"
    assert line.split("\n")[-1] in adopted.left
    assert "# moved to the storage cell: drive.mount" in adopted.theirs[0]


def test_paths_with_nothing_in_common_begin_at_my_drive(adopt_cells: Adopt) -> None:
    adopted = adopt_cells([MOUNT, f"a = '{DRIVE}/a/x.csv'\nb = '{DRIVE}/b/y.csv'\nc = '{DRIVE}'"])
    assert adopted.theirs[1] == "a = f'{home}/a/x.csv'\nb = f'{home}/b/y.csv'\nc = f'{home}'"
    assert 'drive_folder = ""  # @param {type:"string"}' in adopted.form


def test_keep_paths_leaves_them_and_still_mounts_once(adopt_cells: Adopt) -> None:
    adopted = adopt_cells([MOUNT, f"DATA = '{DRIVE}/a/x.csv'\nprint(DATA)"], keep_paths=True)
    assert adopted.adoption.form == ["DATA"]
    assert 'use_drive = True  # @param {type:"boolean"}' in adopted.form
    assert adopted.theirs[0].startswith("# moved to the storage cell: from google.colab import drive\n# moved")


@pytest.mark.parametrize(
    "cells",
    [
        [
            "import sys\nif 'google.colab' in sys.modules:\n"
            "    from google.colab import drive\n    drive.mount('/content/drive')"
        ],
        ["try:\n    from google.colab import drive\n    drive.mount('/content/drive')\nexcept ImportError:\n    pass"],
        ["from google.colab import drive\nwhere = '/content/' + 'x'\ndrive.mount(where)"],
        ["from google.colab import drive\ndrive.mount('/mnt')"],
        ["from google.colab import drive\ndrive.mount('/content/gdrive')\np = 'x' '/content/gdrive/MyDrive/x'"],
        [f"import os\nif os.path.exists('{DRIVE}/a'):\n    p = '{DRIVE}/a'"],
    ],
)
def test_a_notebook_that_decides_about_drive_itself_keeps_its_way(cells: list[str], adopt_cells: Adopt) -> None:
    cells = [*cells, f"k = '{DRIVE}/a/b.csv'"]
    adopted = adopt_cells(cells)
    assert adopted.theirs == cells
    assert 'use_drive = False  # @param {type:"boolean"}' in adopted.form
    assert adopted.adoption.left


def test_another_mount_point_is_replaced_with_all_its_paths(adopt_cells: Adopt) -> None:
    adopted = adopt_cells([MOUNT.replace("/drive'", "/gdrive'"), "p = '/content/gdrive/My Drive/a/b.csv'"])
    assert adopted.theirs[1] == "p = f'{home}/b.csv'"
    assert "# moved to the storage cell: drive.mount('/content/gdrive')" in adopted.theirs[0]


def test_an_import_that_something_else_needs_stays(adopt_cells: Adopt) -> None:
    adopted = adopt_cells([MOUNT, "drive.flush_and_unmount()"])
    assert (
        adopted.theirs[0]
        == "from google.colab import drive\n# moved to the storage cell: drive.mount('/content/drive')"
    )


def test_a_notebook_with_a_name_home_of_its_own_keeps_its_paths(adopt_cells: Adopt) -> None:
    cell = f"home = '{DRIVE}/a'\nprint(home)"
    adopted = adopt_cells([MOUNT, cell])
    assert adopted.theirs[1] == cell
    assert "uses the name home" in next(iter(adopted.left.values()))

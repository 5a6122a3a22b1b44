"""The notebooks in gallery/, which open in Colab without any install, and show their results on GitHub."""

import re

import pytest

from tests.conftest import LESSONS, REPOSITORY, Bake
from tools.renew_gallery import GALLERY, read_notebook, without_outputs

STALE = "it has drifted from the templates: run make gallery"


def test_the_gallery_has_each_preset() -> None:
    assert sorted(path.name for path in GALLERY.iterdir()) == sorted(f"{preset}.ipynb" for preset in LESSONS)


@pytest.mark.parametrize("preset", LESSONS)
def test_a_notebook_of_the_gallery_is_what_its_preset_makes(preset: str, bake: Bake) -> None:
    baked = bake(preset=preset) / "notebooks" / f"{preset}.ipynb"
    assert without_outputs(GALLERY / baked.name) == read_notebook(baked), STALE


@pytest.mark.parametrize("preset", LESSONS)
def test_a_notebook_of_the_gallery_was_executed_without_an_error(preset: str) -> None:
    cells = [cell for cell in read_notebook(GALLERY / f"{preset}.ipynb").cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


@pytest.mark.parametrize("preset", LESSONS)
def test_a_notebook_of_the_gallery_names_no_folder_of_who_executed_it(preset: str) -> None:
    cells = read_notebook(GALLERY / f"{preset}.ipynb").cells
    shown = str([cell.outputs for cell in cells if cell.cell_type == "code"])
    assert not re.findall(r"/(?:home|root|Users|tmp)/[\w./-]*", shown)


@pytest.mark.parametrize(
    "address",
    [
        "https://colab.research.google.com/github/org/colab-starter/blob/main/gallery/",
        "https://kaggle.com/kernels/welcome?src=https://raw.githubusercontent.com/org/colab-starter/main/gallery/",
    ],
)
def test_the_readme_links_every_notebook_of_the_gallery(address: str) -> None:
    link = rf"\({re.escape(address)}([a-z]+)\.ipynb\)"
    linked = re.findall(link, (REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert sorted(linked) == sorted(path.stem for path in GALLERY.iterdir())

"""The notebooks in gallery/, which open in Colab without any install."""

import re
from pathlib import Path

import pytest

from tests.conftest import LESSONS, REPOSITORY, Bake
from tools.renew_gallery import GALLERY, bake_gallery


def test_the_gallery_is_what_the_templates_make_today(tmp_path: Path) -> None:
    bake_gallery(tmp_path / "gallery")
    fresh = {path.name: path.read_bytes() for path in (tmp_path / "gallery").iterdir()}
    stored = {path.name: path.read_bytes() for path in GALLERY.iterdir()}
    drifted = sorted(name for name in fresh | stored if fresh.get(name) != stored.get(name))
    assert not drifted, f"gallery/ has drifted from the templates ({', '.join(drifted)}): run make gallery"


@pytest.mark.parametrize("preset", LESSONS)
def test_a_notebook_of_the_gallery_is_what_its_preset_makes(preset: str, bake: Bake) -> None:
    baked = bake(preset=preset) / "notebooks" / f"{preset}.ipynb"
    assert baked.read_bytes() == (GALLERY / baked.name).read_bytes()


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

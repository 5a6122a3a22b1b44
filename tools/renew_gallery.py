"""Bake every preset with the default answers into ``gallery/``: ``python tools/renew_gallery.py``."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from cookiecutter.main import cookiecutter

REPOSITORY = Path(__file__).parents[1]
GALLERY = REPOSITORY / "gallery"


def main() -> None:
    bake_gallery(GALLERY)
    print(f"{len(list(GALLERY.glob('*.ipynb')))} notebooks are in {GALLERY.relative_to(REPOSITORY)}/")


def bake_gallery(folder: Path) -> None:
    """Put the notebooks of all presets into ``folder``, and remove those that are there."""
    shutil.rmtree(folder, ignore_errors=True)
    with TemporaryDirectory() as scratch:
        project = cookiecutter(
            str(REPOSITORY),
            no_input=True,
            extra_context={"preset": "all"},
            output_dir=scratch,
            default_config=True,
            accept_hooks=False,
        )
        shutil.copytree(Path(project, "notebooks"), folder)


if __name__ == "__main__":
    main()

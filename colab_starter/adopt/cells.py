"""The cells that ``adopt`` adds to a notebook."""

from typing import TYPE_CHECKING

from colab_starter.adopt.draft import PREFIX
from colab_starter.adopt.packages import Needs
from colab_starter.bake.generate import Answers, bake_cells
from colab_starter.bake.languages import ENGLISH
from colab_starter.notebook.model import Json

if TYPE_CHECKING:
    from colab_starter.bake.extension import NotebookExtension

NO_NEEDS = Needs({}, [], [], {})


def bake_added_cells(
    language: str = ENGLISH,
    *,
    needs: Needs = NO_NEEDS,
    accelerator: str = "none",
    framework: str = "",
    results_name: str = "results",
    metrics: list[str] | None = None,
    extension: "type[NotebookExtension] | None" = None,
) -> list[Json]:
    """The cells of the template, with the ids that they have in an adopted notebook.

    ``language`` is a choice of the question of that name, ``framework`` what a first cell tries out, ``results_name``
    the dict with the numbers to record, ``metrics`` the variables that it records from the start. ``extension`` is a
    variant of the template's own. Raises GenerationError.
    """
    answers: Answers = {
        "language": language,
        "use_drive": False,
        "drive_folder": "",
        "extra_pip_packages": " ".join(needs.pip),
        "extra_apt_packages": " ".join(needs.apt),
    }
    cells = bake_cells(
        "adopted.py",
        answers,
        extension=extension,
        accelerator=accelerator,
        about={"pip": needs.modules, "apt": {}},
        framework=framework,
        results_name=results_name,
        numbers="\n".join(
            [f"{results_name} = {{}}", *(f'{results_name}["{name}"] = {name}' for name in metrics or ())]
        ),
    )
    return [{**cell, "id": f"{PREFIX}{cell['id']}"} for cell in cells]

"""The command ``colab-starter adopt``."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from colab_starter.adopt.adopt import Adoption, Ask


class Accelerator(StrEnum):
    """The machines that Colab may start; ``bake.percent.ACCELERATORS`` are the same, but for ``auto``."""

    AUTO = "auto"
    T4 = "T4"
    L4 = "L4"
    A100 = "A100"
    TPU = "TPU v5e"
    NONE = "none"


def adopt(
    notebook: Annotated[Path, typer.Argument(help="The notebook; it is not changed, unless you say --in-place.")],
    parameters: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Constants to put into the form: lr,epochs, or all, or none. [default: all; in a terminal it asks]",
        ),
    ] = None,
    accelerator: Annotated[
        Accelerator, typer.Option(help="The machine for Colab to start; auto: what the code can use.")
    ] = Accelerator.AUTO,
    language: Annotated[
        str | None,
        typer.Option(
            help="The language of the new cells: en, or zh-CN for 简体中文. [default: that of an earlier adopt, or en]"
        ),
    ] = None,
    keep_paths: Annotated[
        bool, typer.Option("--keep-paths", help="Leave the paths on Google Drive as they are.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it. [default: NAME.adopted.ipynb]"),
    ] = None,
    in_place: Annotated[bool, typer.Option("--in-place", "-i", help="Change the notebook itself.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the account of it as JSON.")] = False,
) -> None:
    """Give a notebook the first cells, a form and a results cell.

    The cells go before yours and after them. Constants become fields of the form (papermill's parameters, too),
    installs move into the install cell, mounting Drive into the storage cell; each line that moves stays in its
    place as a comment. All your other cells and outputs stay as they are, byte for byte, and what could not be moved
    is named. A second adopt renews the cells of the first, and nothing else; --language does so in another language.

    \b
    Example:
      colab-starter adopt my.ipynb --dry-run
      colab-starter adopt my.ipynb --parameters lr,epochs --in-place
      colab-starter adopt my.ipynb --language zh-CN
    """
    from colab_starter.adopt import report
    from colab_starter.adopt.adopt import Options
    from colab_starter.adopt.adopt import adopt as adopt_notebook

    target = _find_target(notebook, output, in_place)
    options = Options(_choose_how_to_ask(parameters), accelerator.value, keep_paths, language=language)
    adoption = adopt_notebook(notebook, options)
    written = target if not dry_run and (adoption.changed or output) else None
    if written:
        _write(adoption, written, force or in_place)
    if as_json:
        typer.echo(report.as_json(adoption, written))
        return
    if dry_run:
        typer.echo(report.describe_changes(adoption), nl=False)
    typer.echo(report.describe(adoption, written), nl=False)


def _find_target(notebook: Path, output: Path | None, in_place: bool) -> Path:
    """Where the result goes."""
    from colab_starter.errors import WrongOptionError

    if in_place and output:
        raise WrongOptionError("--in-place and --output exclude each other; give one of them")
    if in_place or output:
        return notebook if in_place else output or notebook
    stem = notebook.stem.removesuffix(".adopted")
    return notebook.parent / f"{stem}.adopted.ipynb"


def _choose_how_to_ask(parameters: str | None) -> "str | Ask":
    if parameters is not None:
        return parameters
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "all"
    from colab_starter.adopt.questions import ask_parameters

    return ask_parameters


def _write(adoption: "Adoption", target: Path, may_replace: bool) -> None:
    """Write the adopted notebook, unless the file says the same already."""
    from colab_starter.errors import CannotAdoptError, CannotWriteError
    from colab_starter.files import write_whole

    content = adoption.content
    try:
        if target.is_dir():
            raise CannotWriteError(f"{target} is a folder; give the name of a file, such as {target / 'my.ipynb'}")
        if target.exists():
            if target.is_file() and target.read_bytes() == content:
                return
            if not may_replace:
                raise CannotAdoptError(_say_exists(adoption, target))
        write_whole(target, content, through_links=True)
    except OSError as error:
        raise CannotWriteError(
            f"{target} could not be written ({error.strerror or error}); nothing was changed"
        ) from error


def _say_exists(adoption: "Adoption", target: Path) -> str:
    if target == adoption.path:
        is_other = adoption.old_language not in ("", adoption.language)
        how = f"with --language {adoption.old_language}" if is_other else "by another version"
        return f"{target} was adopted {how}: --in-place renews its first cells, --output FILE writes a copy"
    return f"{target} exists already; --force replaces it, --output FILE chooses another name"

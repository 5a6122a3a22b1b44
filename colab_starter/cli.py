"""The command ``colab-starter``: its subcommands, error messages and exit statuses.

Only Typer and modules of the standard library are imported at the top; a subcommand imports
the rest when it runs, so that ``--help`` answers at once.
"""

import json
import os
import sys
from functools import cache
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colab_starter import __version__
from colab_starter.adopt.command import adopt
from colab_starter.check.command import check
from colab_starter.export.command import export
from colab_starter.report.command import report
from colab_starter.run.command import complete_options, run
from colab_starter.run.matrix.command import bisect, env
from colab_starter.run.standard_streams import open_standard_streams
from colab_starter.runtimes.command import runtimes_app
from colab_starter.text import warn
from colab_starter.update.command import update

if TYPE_CHECKING:
    from collections.abc import Mapping

_USAGE_ERROR: Any = getattr(typer, "TyperException", typer.BadParameter.__mro__[2])
"""The base of what Typer raises for a wrong command line; before Typer 0.29 it is Click's, or that of Typer's copy."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
runtimes_app.command()(env)
runtimes_app.command()(bisect)
app.add_typer(runtimes_app, name="runtimes")


def main() -> None:
    """Run the command in sys.argv.

    Ends the process with status 0 (done), 1 (something failed), 2 (wrong usage) or 130 (stopped by
    Ctrl-C). An error is one line on stderr; ``--debug`` anywhere in the command shows its traceback.
    """
    open_standard_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not all terminals can show all characters
    arguments = sys.argv[1:]
    if arguments[:1] == ["run"]:
        arguments = complete_options(arguments)
    debug = "--debug" in arguments
    sys.exit(run_command([argument for argument in arguments if argument != "--debug"] or ["--help"], debug))


@cache
def build_command() -> Any:
    """All subcommands and their options; Typer itself would build them again for each call in a process."""
    return typer.main.get_command(app)


def run_command(arguments: list[str], debug: bool) -> int:
    """Run the command with these arguments; returns its exit status. With ``debug``, errors are raised."""
    try:
        status = build_command()(arguments, prog_name="colab-starter", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout again at exit, which must not fail a second time.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        return _report(error, arguments)
    return status if isinstance(status, int) else 0


def _report(error: Exception, arguments: list[str]) -> int:
    """Print an error in one line without secrets; returns the exit status."""
    message, status = _describe(error)
    print(f"colab-starter: {' '.join(_mask_line(message, arguments).split())}", file=sys.stderr)
    return status


def _describe(error: Exception) -> tuple[str, int]:
    from colab_starter.errors import ColabStarterError

    if isinstance(error, typer.Abort):
        return "stopped", 130
    if isinstance(error, _USAGE_ERROR):
        return _usage_line(error), error.exit_code
    if isinstance(error, ColabStarterError):
        return str(error), error.exit_code
    return f"{type(error).__name__}: {error} (add --debug for the traceback)", 1


def _mask_line(line: str, arguments: list[str]) -> str:
    """Mask the secrets in the environment and the arguments, because an error repeats what was typed."""
    from colab_starter.run.secrets import make_mask

    names = [after for before, after in pairwise(arguments) if before == "--secret"]
    given = {name: [value, *value.split(",")] for name, _, value in (word.partition("=") for word in arguments)}
    return make_mask(os.environ, names, given, arguments).apply_to_excerpt(line)


def _usage_line(error: Any) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "colab-starter"
    return f"{error.format_message()} (see {command} --help)"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"colab-starter {__version__}")
        raise typer.Exit


@app.callback()
def describe(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Ready-to-run Google Colab notebooks.

    \b
    Example:
      colab-starter new                                       # make a project, after a few questions
      colab-starter check notebooks/                          # will these notebooks run on Colab?
      colab-starter run notebooks/keras.ipynb -p epochs=1,2   # one notebook, two runs
    """


@app.command()
def new(
    output_dir: Annotated[str, typer.Argument(metavar="[FOLDER]", help="Where to make the project's folder.")] = ".",
    name: Annotated[str | None, typer.Option("--name", "--project-name", help="The title of the notebooks.")] = None,
    slug: Annotated[
        str | None, typer.Option("--slug", "--project-slug", help="The project's folder. [default: made from the name]")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="What the notebook teaches: see colab-starter list.")] = None,
    language: Annotated[
        str | None, typer.Option(help="The language of the notebooks: en, or zh-CN for 简体中文. [default: en]")
    ] = None,
    accelerator: Annotated[
        str | None, typer.Option(help="The machine for Colab to start: auto, T4, L4, A100, 'TPU v5e' or none.")
    ] = None,
    drive: Annotated[
        bool | None, typer.Option("--drive/--no-drive", help="Whether to keep the results on Google Drive.")
    ] = None,
    drive_folder: Annotated[str | None, typer.Option(help="The folder on Google Drive. [default: the slug]")] = None,
    runtime: Annotated[
        str | None,
        typer.Option("--runtime", "--colab-runtime", help="The Colab runtime it is for, e.g. 2026.07."),
    ] = None,
    pip: Annotated[
        list[str] | None, typer.Option(metavar="PACKAGE", help="Another pip package; may be repeated.")
    ] = None,
    apt: Annotated[
        list[str] | None, typer.Option(metavar="PACKAGE", help="Another apt package; may be repeated.")
    ] = None,
    github: Annotated[
        str | None,
        typer.Option(metavar="OWNER/REPO", help="The GitHub repository, or its address, for the Open in Colab badge."),
    ] = None,
    branch: Annotated[str | None, typer.Option(help="The branch on GitHub. [default: main]")] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="NOTEBOOK", help="Adopt this notebook, in place of a preset's."),
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask no questions; take the defaults.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Write into an existing folder; files that differ are kept as NAME.bak."),
    ] = False,
) -> None:
    """Make a project with notebooks for Colab.

    In a terminal it asks a few questions, in the language that you choose. If you answer any other of them with an
    option, or give --no-input, it asks none and uses the defaults for the rest.

    \b
    Example:
      colab-starter new
      colab-starter new --preset pytorch --name "Digits" --drive
      colab-starter new --language zh-CN
      colab-starter new ~/work --preset xgboost --pip optuna --pip "shap>=0.48" --github ada/titanic
      colab-starter new --from my.ipynb --github ada/mine
    """
    from colab_starter.bake.generate import generate_project
    from colab_starter.bake.next_steps import describe_next_steps

    _check_output_dir(output_dir)
    flags = {
        "language": language,
        "project_name": name,
        "project_slug": slug,
        "preset": preset,
        "accelerator": accelerator,
        "use_drive": drive,
        "drive_folder": drive_folder,
        "colab_runtime": runtime,
        "extra_pip_packages": " ".join(pip) if pip else None,
        "extra_apt_packages": " ".join(apt) if apt else None,
        "github_repository": github,
        "github_branch": branch,
    }
    answers = {question: answer for question, answer in flags.items() if answer is not None}
    if from_:
        _make_project_from(from_, answers, Path(output_dir), force)
        return
    wants_questions = not (answers.keys() - {"language"} or no_input)
    ask = wants_questions and sys.stdin.isatty()
    if wants_questions and not ask:
        print("No terminal to ask in: taking the default answers (options: colab-starter new --help)", file=sys.stderr)
    project = generate_project(answers, Path(output_dir), ask=ask, force=force)
    for path in project.kept:
        print(f"Replaced {path.with_suffix('')}; the old version is in {path.name}")
    print(describe_next_steps(project))


def _make_project_from(notebook: Path, answers: "Mapping[str, str | bool]", output_dir: Path, force: bool) -> None:
    """Make a project of a notebook of the user's, and say what could not be moved in it."""
    from colab_starter.adopt.adopt import Options
    from colab_starter.adopt.project import make_project
    from colab_starter.adopt.report import describe
    from colab_starter.bake.answers import check_answer, normalize_answer, split_packages
    from colab_starter.bake.generate import check_choices
    from colab_starter.bake.next_steps import describe_next_steps
    from colab_starter.errors import WrongOptionError

    if "preset" in answers:
        raise WrongOptionError("--preset and --from exclude each other: the notebook takes the place of the lesson")
    check_choices(answers)
    for question in ("drive_folder", "extra_pip_packages", "extra_apt_packages"):
        if question in answers:
            check_answer(str(answers[question]), question)
    folder = answers.get("drive_folder")
    options = Options(
        accelerator=str(answers.get("accelerator", "auto")),
        use_drive=bool(answers["use_drive"]) if "use_drive" in answers else None,
        drive_folder=normalize_answer(str(folder), "drive_folder") if folder else None,
        pip=tuple(split_packages(str(answers.get("extra_pip_packages", "")))),
        apt=tuple(split_packages(str(answers.get("extra_apt_packages", "")))),
        language=str(answers["language"]) if "language" in answers else None,
    )
    project, adoption = make_project(notebook, answers, output_dir, options, force=force)
    print(describe(adoption, project.notebooks[0]), end="")
    print(describe_next_steps(project))


def _check_output_dir(typed: str) -> None:
    """Raise NotAFolderError for the name of a preset: the user means its notebook, not a folder of that name."""
    from colab_starter.bake.presets import read_presets
    from colab_starter.errors import NotAFolderError

    if typed.lower() in [preset.name for preset in read_presets()]:
        raise NotAFolderError(
            f"{typed!r} is a preset: colab-starter new --preset {typed.lower()} (for a folder of that name, ./{typed})"
        )


@app.command("list")
def list_presets(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List the presets, one line each.

    MACHINE is what Colab starts; ON 2 CPUS is how long the notebook runs there without a network.

    \b
    Example:
      colab-starter list
    """
    from shutil import get_terminal_size

    from colab_starter.bake.presets import presets_table, read_presets

    presets = read_presets()
    if as_json:
        print(json.dumps([preset._asdict() for preset in presets], indent=2, ensure_ascii=False))
    else:
        print(presets_table(presets, get_terminal_size().columns if sys.stdout.isatty() else None))


@app.command("open")
def open_notebook(
    notebook: Annotated[Path, typer.Argument(help="The notebook, in a git repository that is on GitHub.")],
    browser: Annotated[bool, typer.Option("--browser", help="Open the address in the web browser.")] = False,
) -> None:
    """Print the address that opens a notebook in Colab.

    \b
    Example:
      colab-starter open notebooks/keras.ipynb --browser
    """
    from colab_starter.open_in_colab import locate_notebook

    location = locate_notebook(notebook)
    print(location.url)
    if location.warning:
        warn(location.warning)
    if browser:
        from colab_starter.browser import show_in_browser

        show_in_browser(location.url)


app.command()(adopt)
app.command()(update)
app.command()(check)
app.command()(run)
app.command()(report)
app.command()(export)

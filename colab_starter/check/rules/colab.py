"""CS3: what waits for a browser, and what is dead on Colab."""

import ast
import re
from collections.abc import Iterator

from colab_starter.check.rule import COLAB, ERROR, NOTE, WARNING, Problem, rule
from colab_starter.check.source import is_tried, rewrite_command, rewrite_lines
from colab_starter.notebook.magics import Command
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import Call, read_literal
from colab_starter.notebook.shell import Word, find_commands, replace_words
from colab_starter.runtimes import Runtime

_APT_ASKS = frozenset(("install", "upgrade", "dist-upgrade", "full-upgrade", "remove", "purge", "autoremove"))
_APT_YES = re.compile(
    r"-[A-Za-z]*y[A-Za-z]*|--yes|--assume-yes|-[a-z]*qq[a-z]*|-q=[2-9]|--assume-no|--dry-run|-s|-[a-z]*d"
)
_BEFORE_APT = frozenset(("", "sudo", "!", "-E", "time", "nice", "nohup", "exec", "then", "do", "else", "if", "{"))
_STANDALONE_APT = frozenset(
    """
    axel cowsay figlet fonts-dejavu fonts-liberation fonts-nanum fonts-nanum-coding fonts-nanum-eco fonts-nanum-extra
    fonts-noto-cjk fonts-roboto git-lfs lz4 pigz pv screenfetch tree ttf-bitstream-vera unrar unzip zip zstd
    """.split()
)
"""Debian packages that need nothing which Colab has not, so that apt does not ask."""


def _unguarded_calls(notebook: Notebook, function: str) -> Iterator[tuple[Cell, Call]]:
    """Calls of a function that always run: outside of ``if``, ``try`` and functions."""
    for cell, call in notebook.calls:
        if call.name == function and not call.guarded and not call.in_function:
            yield cell, call


def _find_unguarded(notebook: Notebook, function: str, message: str) -> Iterator[Problem]:
    for cell, call in _unguarded_calls(notebook, function):
        yield Problem(message, cell, call.line)


@rule(
    "CS301",
    "bare-drive-mount",
    WARNING,
    platforms=(COLAB,),
    evidence="All of 16 calls read in published notebooks stop under papermill; in a Colab tab all of them work.",
)
def find_bare_mounts(notebook: Notebook) -> Iterator[Problem]:
    """drive.mount is only called where a browser can answer.

    The call asks the Colab tab for permission before it checks whether Drive is already mounted. Without a tab
    (papermill, a schedule, a batch of runs) it waits two minutes and then stops the notebook; outside Colab it stops
    it at once. Write: if "google.colab" in sys.modules and not os.path.isdir("/content/drive/MyDrive"):
    drive.mount("/content/drive"), with the folder that the call names.
    """
    for cell, call in _unguarded_calls(notebook, "google.colab.drive.mount"):
        yield Problem(
            "waits two minutes and fails where no browser answers, even if Drive is mounted; put it under: "
            f'if "google.colab" in sys.modules and not os.path.isdir({_folder_of_drive(call)}):',
            cell,
            call.line,
        )


def _folder_of_drive(call: Call) -> str:
    """Where the call mounts My Drive, as Python writes it."""
    keywords = {keyword.arg: keyword.value for keyword in call.node.keywords}
    place = call.node.args[0] if call.node.args else keywords.get("mountpoint")
    value = read_literal(place)
    if isinstance(value, str):
        return f'"{value.rstrip("/"):.60}/MyDrive"'
    written = ast.unparse(place) if place else ""
    return f'{written} + "/MyDrive"' if 0 < len(written) <= 40 else "..."


@rule(
    "CS302",
    "waits-for-upload",
    WARNING,
    platforms=(COLAB,),
    evidence="33 of 6,940 published notebooks call it unguarded; all of 14 read wait for somebody.",
)
def find_uploads(notebook: Notebook) -> Iterator[Problem]:
    """files.upload is only called where a browser can answer.

    It waits for someone to choose files, without a time limit: Runtime > Run all stops there, and papermill hangs.
    Download the file from its address, read it from Drive, or put the call under an if.
    """
    yield from _find_unguarded(
        notebook,
        "google.colab.files.upload",
        "waits forever unless someone chooses a file; download it by its address, or test first whether it is there: "
        "if not os.path.exists(...):",
    )


@rule(
    "CS303",
    "waits-for-javascript",
    WARNING,
    platforms=(COLAB,),
    evidence="In the source of google.colab, eval_js waits for the tab's answer without a time limit.",
)
def find_javascript(notebook: Notebook) -> Iterator[Problem]:
    """output.eval_js is only called where a browser can answer.

    It waits, without a time limit, for JavaScript to run in the Colab tab: under papermill, or with the tab closed,
    it hangs forever. Guard it with a test, and provide a fallback value.
    """
    yield from _find_unguarded(
        notebook,
        "google.colab.output.eval_js",
        'hangs forever if no Colab tab is open; put it under: if "google.colab" in sys.modules: and offer a stand-in',
    )


@rule(
    "CS304",
    "unguarded-secret",
    WARNING,
    platforms=(COLAB,),
    evidence="161 calls in 140 of 6,940 published notebooks; in its source, google.colab.userdata raises "
    "SecretNotFoundError, NotebookAccessError or TimeoutException.",
)
def find_unguarded_secrets(notebook: Notebook) -> Iterator[Problem]:
    """userdata.get is not the only place that a secret may come from.

    Secrets can be read only in the Colab tab of their owner. For everyone else, and without a tab (papermill, a
    schedule), the call stops the notebook with one of three errors, which share no base class but Exception. Look in
    the environment first, or put the call in try: ... except Exception. The first call for each secret is told.
    """
    told: set[str] = set()
    for cell, call in _unguarded_calls(notebook, "google.colab.userdata.get"):
        name = f"{read_literal(call.node.args[0])!r:.40}" if call.node.args else "..."
        name = "..." if name == "Ellipsis" else name
        if name in told and name != "...":
            continue
        told.add(name)
        yield Problem(
            "stops the notebook where there is no Colab tab, or no such secret; write "
            f"os.environ.get({name}) or userdata.get({name}), or put it in try: ... except Exception:",
            cell,
            call.line,
        )


def drop_tensorflow_version(notebook: Notebook) -> None:
    """Take the lines that do nothing out; a comment keeps their place, and those for TensorFlow 1 stay."""
    for cell, found in _lines_of_tensorflow_version(notebook):
        if not _chooses_tensorflow_1(found):
            rewrite_lines(
                cell,
                "CS305",
                {found.line},
                lambda text: re.sub(r"%?tensorflow_version.*", "pass", text) if text[:1] in " \t" else "",
            )


def _lines_of_tensorflow_version(notebook: Notebook) -> list[tuple[Cell, Command]]:
    """Lines with the magic whose effect nothing catches."""
    return [
        (cell, found)
        for cell, found in notebook.commands
        if found.kind == "%" and found.text.split(" ")[0] == "tensorflow_version" and not is_tried(cell, found.line)
    ]


def _chooses_tensorflow_1(command: Command) -> bool:
    return command.text.removeprefix("tensorflow_version").strip(" '\"").startswith("1")


@rule(
    "CS305",
    "tensorflow-version-magic",
    WARNING,
    fix=drop_tensorflow_version,
    evidence="In the source of google.colab, 1.x raises ValueError, and 2.x prints that the magic has no effect.",
)
def find_tensorflow_version(notebook: Notebook) -> Iterator[Problem]:
    """%tensorflow_version is not used.

    The magic chose between TensorFlow 1 and 2. TensorFlow 1 left Colab in 2022: %tensorflow_version 1.x stops the
    notebook with a ValueError, and its code has to be rewritten; 2.x only prints that it has no effect, and stops
    every other Jupyter. --fix removes 2.x, and leaves 1.x as the sign that the notebook is of TensorFlow 1. Inside
    try: nothing is told.
    """
    for cell, found in _lines_of_tensorflow_version(notebook):
        if _chooses_tensorflow_1(found):
            yield Problem(
                "stops the notebook with a ValueError, as Colab has no TensorFlow 1; rewrite its code for TensorFlow "
                "2, or import tensorflow.compat.v1 as tf",
                cell,
                found.line,
                ERROR,
            )
        else:
            message = "%tensorflow_version only prints that it has no effect; delete the line (--fix does)"
            yield Problem(message, cell, found.line, NOTE)


def use_bash(notebook: Notebook) -> None:
    """%%bash for %%shell: both raise CalledProcessError where the script fails. A line stays, as ! raises nothing."""
    for cell, found in notebook.commands:
        if found.kind == "%%" and found.text == "shell":
            rewrite_lines(cell, "CS306", {found.line}, lambda text: re.sub(r"%%shell\b", "%%bash", text))


def _runs_elsewhere(notebook: Notebook) -> bool:
    """Is the notebook meant to run without Colab: by papermill, or as one of this program's?"""
    return bool(notebook.parameters_cells) or "colab_starter" in notebook.metadata


@rule(
    "CS306",
    "colab-only-shell",
    WARNING,
    fix=use_bash,
    evidence="Only google.colab registers the magic; IPython and ipykernel have none of that name.",
)
def find_shell_magic(notebook: Notebook) -> Iterator[Problem]:
    """%%shell and %shell are not used in a notebook that runs elsewhere too.

    Only Colab's own kernel has these magics: in every other Jupyter they end with "magic not found". So the rule only
    applies to notebooks with a cell tagged parameters, which papermill runs, and to those of colab-starter. %%bash
    does the same everywhere, and --fix writes it. For a line, ! is no substitute, as it raises nothing where the
    command fails and %shell does: write subprocess.run("...", shell=True, check=True).
    """
    if not _runs_elsewhere(notebook):
        return
    for cell, found in notebook.commands:
        if found.kind == "%%" and re.match(r"shell\b", found.text):
            fix = " (--fix does)" if found.text == "shell" else ""
            yield Problem(f"only Colab's kernel has %%shell; write %%bash{fix}", cell, found.line)
        elif found.kind == "%" and re.match(r"shell\b", found.text):
            yield Problem(
                'only Colab has %shell; write subprocess.run("...", shell=True, check=True), which stops at a failure '
                "as %shell does (! would not)",
                cell,
                found.line,
            )


def say_yes_to_apt(notebook: Notebook, runtime: Runtime) -> None:
    """Put -y after the word that makes apt ask."""
    for cell, line in _lines_of_asking_apt(notebook, runtime):
        rewrite_command(cell, "CS307", line, _insert_yes)


def _insert_yes(text: str) -> str:
    words = [_asking_word(words) for words in find_commands(text) if _asks([word.text for word in words])]
    return replace_words(text, {word: f"{word.text} -y" for word in words})


def _asking_word(words: list[Word]) -> Word:
    return next(word for word in words if word.text in _APT_ASKS)


def _lines_of_asking_apt(notebook: Notebook, runtime: Runtime) -> Iterator[tuple[Cell, int]]:
    for cell, found in notebook.commands:
        if "apt" not in found.text or found.kind != "!" or re.match(r"\s*yes\b", found.text):
            continue
        commands = [[word.text for word in words] for words in find_commands(found.text)]
        if any(_asks(words) and not _needs_nothing(words, runtime) for words in commands):
            yield cell, found.line


def _asks(words: list[str]) -> bool:
    """Is this a command of apt that may ask?"""
    programs = [word.lstrip("!%").rpartition("/")[2] for word in words]
    start = next((index for index, word in enumerate(programs) if word in ("apt", "apt-get")), None)
    if start is None or not all(word in _BEFORE_APT or "=" in word for word in programs[:start]):
        return False
    return not _APT_ASKS.isdisjoint(words) and not any(_APT_YES.fullmatch(word) for word in words)


def _needs_nothing(words: list[str], runtime: Runtime) -> bool:
    """Does the command only install what is there already, or what needs no other package?"""
    if "install" not in words:
        return False
    rest = re.sub(r"\s\d?[<>]+&?\s*\S+", "", " ".join(words[words.index("install") :])).split()[1:]
    names = {word.strip("\"'") for word in rest if not word.startswith("-")}
    return bool(names) and names <= (runtime.apt.keys() | runtime.apt_also | _STANDALONE_APT)


@rule(
    "CS307",
    "apt-without-yes",
    WARNING,
    fix=say_yes_to_apt,
    evidence="apt's own rule: it asks when a package needs others. Of 191 lines read, 143 name what needs no "
    "other or is on Colab already, and are left alone.",
)
def find_asking_apt(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """apt-get install has -y.

    As soon as the package needs another one, apt asks "Do you want to continue?": on Colab the cell waits for an
    answer, and if no one is at the browser it gives up and installs nothing. Write apt-get install -y; --fix does.
    Packages that the runtime has, and some that are known to need no other, are passed over.
    """
    for cell, line in _lines_of_asking_apt(notebook, runtime):
        yield Problem(
            "apt may ask before it continues, and installs nothing if no one answers; add -y (--fix does)", cell, line
        )


@rule(
    "CS308",
    "dead-ocamlfuse",
    ERROR,
    evidence="google.colab.drive mounts Drive since 2018; google-drive-ocamlfuse wants a code from a browser.",
)
def find_ocamlfuse(notebook: Notebook) -> Iterator[Problem]:
    """google-drive-ocamlfuse is not used.

    That is how Drive was mounted before Colab could do it itself: it waits for someone to fetch a code from a web
    page and type it. Use drive.mount("/content/drive") of google.colab, where a browser can answer.
    """
    for cell, found in notebook.commands:
        if "google-drive-ocamlfuse" in found.text:
            message = "google-drive-ocamlfuse waits for a log-in by hand; use google.colab.drive.mount"
            yield Problem(message, cell, found.line)
            return


@rule(
    "CS309",
    "cv2-imshow",
    ERROR,
    evidence="google.colab replaces cv2.imshow with a function that raises DisabledFunctionError when cv2 is "
    "imported (google.colab._import_hooks).",
)
def find_imshow(notebook: Notebook) -> Iterator[Problem]:
    """cv2.imshow is not used.

    Colab has no screen to open a window on, and replaces cv2.imshow with a function that raises
    DisabledFunctionError; inside try: the picture is never shown. Show the picture with matplotlib (plt.imshow),
    which works everywhere, or with google.colab.patches.cv2_imshow.
    """
    replaced = any("cv2.imshow" in cell.facts.assigned for cell in notebook.cells)
    if replaced or any(text.value == "ENABLE_CV2_IMSHOW" for _, text in notebook.texts):
        return
    for cell, call in notebook.calls:
        if call.name == "cv2.imshow" and not call.tested:
            yield Problem("cv2.imshow raises an error on Colab; use plt.imshow(image[..., ::-1])", cell, call.line)


@rule(
    "CS311",
    "silent-shell-failure",
    WARNING,
    opt_in=True,
    evidence="IPython's ! keeps the status in _exit_code and raises nothing.",
)
def find_unchecked_shell(notebook: Notebook) -> Iterator[Problem]:
    """Shell lines whose failure matters are run by subprocess.

    A ! line that fails raises nothing: the notebook continues, and papermill calls it a success.
    subprocess.run([...], check=True) stops. Most notebooks use ! lines, so this rule is off unless you ask for it:
    --select CS311.
    """
    for cell, found in notebook.commands:
        if found.kind == "!" and not _is_shell_cell(cell):
            yield Problem(
                "a failure of this line goes unnoticed; if it matters, use subprocess.run([...], check=True)",
                cell,
                found.line,
            )


def _is_shell_cell(cell: Cell) -> bool:
    """A %%bash cell does stop the notebook when its last command fails."""
    return cell.commands[0].kind == "%%" and not cell.code.python.strip()

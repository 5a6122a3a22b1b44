"""CS3: what waits for a browser, and what is dead on Colab."""

import re
from collections.abc import Iterator

from colab_starter.check.rules import ERROR, WARNING, Problem, rule
from colab_starter.check.source import rewrite_lines
from colab_starter.notebook.installs import split_commands
from colab_starter.notebook.model import Cell, Notebook

_APT_ASKS = frozenset(("install", "upgrade", "dist-upgrade", "full-upgrade", "remove", "purge", "autoremove"))
_APT_YES = re.compile(
    r"-[A-Za-z]*y[A-Za-z]*|--yes|--assume-yes|-[a-z]*qq[a-z]*|-q=[2-9]|--assume-no|--dry-run|-s|-[a-z]*d"
)


def _find_unguarded(notebook: Notebook, function: str, message: str) -> Iterator[Problem]:
    """Calls of a function that always run: outside of ``if``, ``try`` and functions."""
    for cell, call in notebook.calls:
        if call.name == function and not call.guarded and not call.in_function:
            yield Problem(message, cell, call.line)


@rule("CS301", "bare-drive-mount", WARNING)
def find_bare_mounts(notebook: Notebook) -> Iterator[Problem]:
    """drive.mount is only called where a browser can answer.

    The call asks the Colab tab for permission before it checks whether Drive is already mounted. Without a tab
    (papermill, a schedule, a batch of runs) it waits two minutes and then stops the notebook; outside Colab it stops
    it at once. Write: if not os.path.isdir("/content/drive/MyDrive") and "google.colab" in sys.modules:
    drive.mount("/content/drive").
    """
    yield from _find_unguarded(
        notebook,
        "google.colab.drive.mount",
        "waits two minutes and fails where no browser answers, even if Drive is mounted; "
        'put it under: if not os.path.isdir("/content/drive/MyDrive") and "google.colab" in sys.modules:',
    )


@rule("CS302", "waits-for-upload", WARNING)
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


@rule("CS303", "waits-for-javascript", WARNING)
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


@rule("CS304", "unguarded-secret", WARNING)
def find_unguarded_secrets(notebook: Notebook) -> Iterator[Problem]:
    """userdata.get is allowed to fail.

    Secrets can be read only from the Colab tab of their owner. For everyone else, and without a tab, the call stops
    the notebook with one of three errors, which share no base class but Exception. Look in the environment first, and
    put the call in try: ... except Exception.
    """
    yield from _find_unguarded(
        notebook,
        "google.colab.userdata.get",
        "stops the notebook for everyone without that secret, and without a Colab tab; "
        "look in os.environ first, and put it in try: ... except Exception:",
    )


def drop_tensorflow_version(notebook: Notebook) -> None:
    """Take the line out; a comment keeps its place."""
    for cell, line in _lines_of_tensorflow_version(notebook):
        rewrite_lines(
            cell, {line}, lambda text: re.sub(r"%tensorflow_version.*", "pass", text) if text[:1] in " \t" else ""
        )


def _lines_of_tensorflow_version(notebook: Notebook) -> list[tuple[Cell, int]]:
    return [(cell, found.line) for cell, found in notebook.commands if found.text.startswith("tensorflow_version")]


@rule("CS305", "tensorflow-version-magic", WARNING, fix=drop_tensorflow_version)
def find_tensorflow_version(notebook: Notebook) -> Iterator[Problem]:
    """%tensorflow_version is not used.

    The magic chose between TensorFlow 1 and 2. TensorFlow 1 left Colab in 2022: the magic does nothing or stops the
    notebook. --fix removes the line; code for TensorFlow 1 has to be rewritten.
    """
    for cell, line in _lines_of_tensorflow_version(notebook):
        yield Problem(
            "%tensorflow_version is dead: Colab has only TensorFlow 2; delete the line (--fix does)", cell, line
        )


def use_bash(notebook: Notebook) -> None:
    """%%bash for %%shell, and ! for %shell."""
    for cell, found in notebook.commands:
        if _is_shell_magic(found.kind, found.text):
            rewrite_lines(
                cell, {found.line}, lambda text: re.sub(r"%%shell\b", "%%bash", re.sub(r"(?<!%)%shell\b ?", "!", text))
            )


def _is_shell_magic(kind: str, text: str) -> bool:
    return kind in ("%", "%%") and text.split(" ")[0] == "shell"


@rule("CS306", "colab-only-shell", WARNING, fix=use_bash)
def find_shell_magic(notebook: Notebook) -> Iterator[Problem]:
    """%%shell and %shell are not used.

    Only Colab's own kernel has these magics: in every other Jupyter, and so wherever the notebook is tested, they end
    with "magic not found". %%bash does the same everywhere. --fix writes it.
    """
    for cell, found in notebook.commands:
        if _is_shell_magic(found.kind, found.text):
            yield Problem(
                "only Colab's kernel has this magic; write %%bash for a cell, ! for a line (--fix does)",
                cell,
                found.line,
            )


def say_yes_to_apt(notebook: Notebook) -> None:
    """Put -y after the word that makes apt ask."""
    words = "|".join(sorted(_APT_ASKS, key=len, reverse=True))
    for cell, line in _lines_of_asking_apt(notebook):
        rewrite_lines(
            cell, {line}, lambda text: re.sub(rf"(apt(?:-get)?\b[^;&|]*?\s(?:{words}))\b(?! -y)", r"\1 -y", text)
        )


def _lines_of_asking_apt(notebook: Notebook) -> Iterator[tuple[Cell, int]]:
    for cell, found in notebook.commands:
        if "apt" not in found.text or found.kind != "!" or re.match(r"\s*yes\b", found.text):
            continue
        if any(_asks(words) for words in split_commands(found.text)):
            yield cell, found.line


def _asks(words: list[str]) -> bool:
    if not words or words[0].rpartition("/")[2] not in ("apt", "apt-get"):
        return False
    return not _APT_ASKS.isdisjoint(words) and not any(_APT_YES.fullmatch(word) for word in words)


@rule("CS307", "apt-without-yes", WARNING, fix=say_yes_to_apt)
def find_asking_apt(notebook: Notebook) -> Iterator[Problem]:
    """apt-get install has -y.

    As soon as the package needs another one, apt asks "Do you want to continue?": on Colab the cell waits for an
    answer, and if no one is at the browser it gives up and installs nothing. Write apt-get install -y; --fix does.
    """
    for cell, line in _lines_of_asking_apt(notebook):
        yield Problem(
            "apt asks before it continues, and installs nothing if no one answers; add -y (--fix does)", cell, line
        )


@rule("CS308", "dead-ocamlfuse", ERROR)
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


@rule("CS309", "cv2-imshow", ERROR)
def find_imshow(notebook: Notebook) -> Iterator[Problem]:
    """cv2.imshow is not used.

    Colab has no screen to open a window on, and replaces cv2.imshow with a function that raises
    DisabledFunctionError. Show the picture with matplotlib (plt.imshow), which works everywhere, or with
    google.colab.patches.cv2_imshow.
    """
    replaced = any("cv2.imshow" in cell.facts.assigned for cell in notebook.cells)
    if replaced or any(text.value == "ENABLE_CV2_IMSHOW" for _, text in notebook.texts):
        return
    for cell, call in notebook.calls:
        if call.name == "cv2.imshow" and not call.guarded:
            yield Problem("cv2.imshow raises an error on Colab; use plt.imshow(image[..., ::-1])", cell, call.line)


@rule("CS311", "silent-shell-failure", WARNING, opt_in=True)
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

"""CS314: what stands still until somebody types."""

import re
from collections.abc import Iterator

from colab_starter.check.rule import WARNING, Problem, rule
from colab_starter.notebook.model import Cell, Notebook

_ASKS = {
    "input": "input()",
    "getpass.getpass": "getpass()",
    "maskpass.askpass": "askpass()",
}
"""Functions that read what somebody types -> how they are shown."""
_DEFINES_INPUT = re.compile(r"\b(?:def[ \t]+input\b|import[ \t].*\binput\b|input[ \t]*=[^=])")
_LOGS_IN = re.compile(
    r"(?:huggingface-cli\s+login|hf\s+auth\s+login|gcloud\s+auth\s+(?:application-default\s+)?login|firebase\s+login)\b"
)
_IS_ANSWERED = re.compile(r"[|<]|--token\b|--cred-file|--no-launch|--help\b")


@rule(
    "CS314",
    "waits-for-typing",
    WARNING,
    evidence="66 of 5,426 public notebooks ask at the top; papermill and nbclient raise StdinNotImplementedError.",
)
def find_questions(notebook: Notebook) -> Iterator[Problem]:
    """input() and getpass() are only called where somebody can answer.

    Run all stands still at the question until somebody types, and papermill stops there with an error. Take the value
    from a form field (# @param), from os.environ or from Colab's secrets, and ask only where it is missing.
    notebook_login() is another matter: it shows a form and returns at once.
    """
    questions = [*_questions_of_python(notebook), *_questions_of_shell(notebook)]
    questions.sort(key=lambda found: (found[0].number, found[1]))
    for cell, line, what in questions[:1]:
        more = len(questions) - 1
        again = f" (and at {more} more place{'s' * (more > 1)})" if more else ""
        yield Problem(
            f"{what} stands still until somebody types{again}, and papermill stops there; take the value from a form "
            "field (# @param), os.environ or Colab's secrets, and ask only if it is missing",
            cell,
            line,
        )


def _questions_of_python(notebook: Notebook) -> Iterator[tuple[Cell, int, str]]:
    defines_input = any("input" in cell.source and _DEFINES_INPUT.search(cell.source) for cell in notebook.cells)
    for cell, call in notebook.calls:
        if call.name in _ASKS and not (call.guarded or call.in_function or (defines_input and call.name == "input")):
            yield cell, call.line, _ASKS[call.name]


def _questions_of_shell(notebook: Notebook) -> Iterator[tuple[Cell, int, str]]:
    for cell, command in notebook.commands:
        if command.kind == "!" and not command.nested and "login" in command.text:
            found = _LOGS_IN.match(command.text)
            if found and not _IS_ANSWERED.search(command.text):
                yield cell, command.line, f"!{found[0]}"

"""CS6: secrets that travel with the notebook. No message shows a secret, nor any part of it."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from colab_starter.check.rule import ERROR, WARNING, Problem, rule
from colab_starter.credentials import Credential, find_credentials, is_random, may_hold_credentials
from colab_starter.notebook.model import Cell, Notebook, join_source

_ADVICE = "revoke it now, as everybody who has the file can use it; read it from Colab's secrets or os.environ instead"
_SECRET_NAME = re.compile(
    r"(?:\w*_)?(?:api_?key|api_?token|access_?token|auth_?token|bearer_?token|secret_?key|secret_?access_?key|api_?secret"
    r"|client_?secret|consumer_?secret|private_?key|account_?key|subscription_?key|password|passwd|access_?token_?secret)"
    r"|(?:hf|github|gitlab|bot|slack|discord|telegram|mapbox|wandb|replicate|ngrok|hub|kaggle|zenodo)_?(?:token|key|pat)"
    r"|token|secret",
    re.IGNORECASE,
)
_PLAIN_NAME = re.compile(r"(?:my_?)?key", re.IGNORECASE)
"""A name of much else, such as a spreadsheet's id; with a hexadecimal number it is most likely a secret."""
_CHARACTERS = re.compile(r"[A-Za-z0-9_+/=.-]+")
_WORDS = re.compile(r"(?:[A-Z]?[a-z]+\d{0,4}|[A-Z]+|\d{1,4})(?:[-_/.](?:[A-Z]?[a-z]+\d{0,4}|[A-Z]+|\d{1,4}))*")
_HEXADECIMAL = re.compile(r"[0-9a-f]{32,64}")
_TEXT_OUTPUTS = ("text/plain", "text/html", "text/markdown", "application/json")


@rule(
    "CS601",
    "secret-in-source",
    ERROR,
    evidence="9 of 5,426 curated public notebooks had a live-looking Hugging Face token; bots search GitHub for them.",
)
def find_secrets_in_source(notebook: Notebook) -> Iterator[Problem]:
    """No key or token stands in a cell.

    A notebook is shared, published and kept in git for ever, and so is the key in it. Revoke the key where it was
    issued: deleting it from the cell is not enough, as older versions of the file still have it. Then read it from
    Colab's secrets (userdata.get), with os.environ for everywhere else. The value is never printed here.
    """
    if not may_hold_credentials("\n".join(cell.source for cell in notebook.cells)):
        return
    for cell in notebook.cells:
        if may_hold_credentials(cell.source):
            for found in _first_of_each_kind(cell.source):
                line = cell.source.count("\n", 0, found.position) + 1
                yield Problem(f"this is {found.owner}: {_ADVICE}", cell, line)


def _first_of_each_kind(text: str) -> list[Credential]:
    found: dict[str, Credential] = {}
    for credential in find_credentials(text):
        found.setdefault(credential.owner, credential)
    return list(found.values())


@rule(
    "CS602",
    "secret-in-output",
    ERROR,
    evidence="Kaggle/kaggle-cli#408: people do publish keys with their notebooks; what was printed stays in the file.",
)
def find_secrets_in_outputs(notebook: Notebook) -> Iterator[Problem]:
    """No key or token stands in a saved output.

    print(os.environ), a login that repeats its token or the traceback of a failed request saves the key in the file,
    where nobody looks for it. Revoke the key, and save the notebook without outputs (--fix of CS105 removes them).
    Key ids in signed addresses are no secrets: such an address expires.
    """
    texts = [(cell, list(_texts_of(cell))) for cell in notebook.cells]
    if not may_hold_credentials("\n".join(text for _, parts in texts for text in parts)):
        return
    for cell, parts in texts:
        for text in parts:
            if may_hold_credentials(text) and (found := _first_of_each_kind(text)):
                yield Problem(
                    f"a saved output shows {found[0].owner}: revoke it now, as everybody who has the file can use it, "
                    "and save the notebook without outputs",
                    cell,
                )
                break


def _texts_of(cell: Cell) -> Iterator[str]:
    """What the cell's outputs say in words; pictures are none."""
    outputs: Any = cell.data.get("outputs") if cell.kind == "code" else None
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        shown = [data.get(kind) for kind in _TEXT_OUTPUTS] if isinstance(data, dict) else []
        for part in (output.get("text"), output.get("evalue"), output.get("traceback"), *shown):
            if text := str(part) if isinstance(part, dict) else join_source(part):
                yield text


@rule(
    "CS603",
    "literal-credential",
    WARNING,
    evidence='7 of 5,426 public notebooks had api_key="..." with what looks like a real key.',
)
def find_literal_credentials(notebook: Notebook) -> Iterator[Problem]:
    """Keys and passwords are not written into calls and assignments.

    api_key="..." with a value that looks drawn by chance is most likely a real key, whoever issued it. Revoke it, and
    read it from Colab's secrets or os.environ. Placeholders, words and short passwords of examples are not reported.
    """
    for cell in notebook.cells:
        if not any(_looks_drawn(text.value) for text in cell.facts.texts):
            continue
        told = {cell.source.count("\n", 0, found.position) + 1 for found in find_credentials(cell.source)}
        for name, value, line in _named_literals(cell):
            if line not in told and _is_secret(name, value):
                yield Problem(f"{name[:30]} looks like a real key: if so, {_ADVICE}", cell, line)
                told.add(line)


def _is_secret(name: str, value: str) -> bool:
    is_named = _SECRET_NAME.fullmatch(name) or (_PLAIN_NAME.fullmatch(name) and _HEXADECIMAL.fullmatch(value))
    return bool(is_named) and _looks_drawn(value)


def _looks_drawn(value: str) -> bool:
    """Drawn by chance, of letters and digits, or of capitals and small letters alike; no words one after another."""
    if not 16 <= len(value) <= 200 or " " in value:
        return False
    if not _CHARACTERS.fullmatch(value) or _WORDS.fullmatch(value):
        return False
    if _HEXADECIMAL.fullmatch(value):
        return is_random(value, least=2.8)
    letters = [letter for letter in value if letter.isalpha()]
    if not letters or not is_random(value):
        return False
    has_digits = any(letter.isdigit() for letter in value)
    capitals = sum(letter.isupper() for letter in letters) / len(letters)
    return has_digits or 0.26 < capitals < 0.74


def _named_literals(cell: Cell) -> Iterator[tuple[str, str, int]]:
    """Names that are given a text, in an assignment, a keyword, a dictionary or os.environ: name, text, line."""
    for node in ast.walk(cell.tree) if isinstance(cell.tree, ast.Module) else ():
        pairs: list[tuple[Any, ast.AST | None]] = []
        if isinstance(node, ast.Assign):
            pairs = [(_name_of(target), node.value) for target in node.targets]
        elif isinstance(node, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
            if isinstance(node.func, ast.Attribute) and node.func.attr == "login" and node.keywords:
                pairs += [("api_key", one.value) for one in node.keywords if one.arg == "key"]
        elif isinstance(node, ast.Dict):
            pairs = [(getattr(key, "value", None), value) for key, value in zip(node.keys, node.values, strict=True)]
        for name, value in pairs:
            if isinstance(name, str) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield name, value.value, value.lineno


def _name_of(target: ast.expr) -> object:
    if isinstance(target, ast.Subscript):
        return getattr(target.slice, "value", None)
    return getattr(target, "id", getattr(target, "attr", None))

"""What the files of a sweep are called, and how its folders and notebooks are known as the records of runs."""

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

LEDGER = "ledger.jsonl"
LOCK = ".lock"
RESULTS = "results.csv"
KEY = "colab_starter"
"""Where in an executed notebook's metadata the runner says how the run ended."""
DIGEST_LENGTH = 12
"""Hex digits at the end of a run's id. Eight would let two of 100,000 runs meet that begin alike."""
VERSION_LENGTH = 8
"""Hex digits of the hash of a notebook's code: as many tell its versions apart in one folder."""

_DIGEST = re.compile(rf"-([0-9a-f]{{{DIGEST_LENGTH}}})\Z")
_SOURCE = re.compile(rf"source-([0-9a-f]{{{VERSION_LENGTH}}})\.ipynb")


def tell_version(source: str) -> str:
    """The version of a notebook as shown to the user: the beginning of its hash."""
    return source[:VERSION_LENGTH]


def name_source(source: str) -> str:
    """What the copy of a notebook is called that runs are made of."""
    return f"source-{tell_version(source)}.ipynb"


def read_version(name: str) -> str:
    """The version of the notebook in a file that ``name_source`` named; empty where it is another file."""
    found = _SOURCE.fullmatch(name)
    return found[1] if found else ""


def tell_digest(run: str) -> str:
    """The end of a run's id, by which it is told from all others; all of an id that is none of ours."""
    found = _DIGEST.search(run)
    return found[1] if found else run


def is_run(name: str) -> bool:
    """Whether a folder is called as those of runs are."""
    return tell_digest(name) != name


def is_same_run(one: str, other: str) -> bool:
    """Whether two ids are of one run: what stands before the digest may have been masked in the one only."""
    return tell_digest(one) == tell_digest(other)


def is_sweep_folder(folder: Path, files: Collection[str]) -> bool:
    """Whether ``colab-starter run`` wrote these files of a folder: its ledger, or what is left where that was lost."""
    if LOCK in files and any(map(read_version, files)):
        return True
    return LEDGER in files and _is_ledger(folder / LEDGER)


def _is_ledger(path: Path) -> bool:
    """Other programs keep ledgers too; in ours, even a damaged one, each line says what kind of record it is."""
    try:
        with path.open("rb") as file:
            return b'"record"' in file.read(65_536).replace(b"\0", b"")
    except OSError:
        return False


def is_executed(path: Path) -> bool:
    """Whether the notebook is what ``colab-starter`` made of another one when it executed that."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return KEY.encode() in content and tells_of_run_in(content)


def tells_of_run_in(content: bytes) -> bool:
    """Whether the content of a notebook's file says how it ended when ``colab-starter`` executed it."""
    try:
        return tells_of_run(json.loads(content)["metadata"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


def tells_of_run(metadata: Any) -> bool:
    """Whether a notebook's metadata say how it ended when ``colab-starter`` executed it."""
    told = metadata.get(KEY) if isinstance(metadata, dict) else None
    return isinstance(told, dict) and "status" in told

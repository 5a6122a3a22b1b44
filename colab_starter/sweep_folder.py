"""The names of a sweep's files, and recognising its folders and notebooks as records of runs."""

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

LEDGER = "ledger.jsonl"
LOCK = ".lock"
RESULTS = "results.csv"
KEY = "colab_starter"
"""The key in an executed notebook's metadata under which the runner records how the run ended."""
DIGEST_LENGTH = 12
"""Hex digits at the end of a run's ID. With eight, two of 100,000 runs that begin alike might collide."""
VERSION_LENGTH = 8
"""Hex digits of the hash of a notebook's code, enough to tell its versions in one folder apart."""

_DIGEST = re.compile(rf"-([0-9a-f]{{{DIGEST_LENGTH}}})\Z")
_SOURCE = re.compile(rf"source-([0-9a-f]{{{VERSION_LENGTH}}})\.ipynb")


def tell_version(source: str) -> str:
    """The version of a notebook as shown to the user: the beginning of its hash."""
    return source[:VERSION_LENGTH]


def name_source(source: str) -> str:
    """The file name of the copy of a notebook that runs are made from."""
    return f"source-{tell_version(source)}.ipynb"


def read_version(name: str) -> str:
    """The version of the notebook in a file named by ``name_source``; empty for any other file."""
    found = _SOURCE.fullmatch(name)
    return found[1] if found else ""


def tell_digest(run: str) -> str:
    """The end of a run's ID, which identifies it; the whole ID if it is not one of ours."""
    found = _DIGEST.search(run)
    return found[1] if found else run


def is_run(name: str) -> bool:
    """Whether a folder is named like that of a run."""
    return tell_digest(name) != name


def is_same_run(one: str, other: str) -> bool:
    """Whether two IDs are of the same run: the part before the digest may be masked in only one of them."""
    return tell_digest(one) == tell_digest(other)


def is_sweep_folder(folder: Path, files: Collection[str]) -> bool:
    """Whether ``colab-starter run`` wrote these files of a folder: its ledger, or what is left without it."""
    if LOCK in files and any(map(read_version, files)):
        return True
    return LEDGER in files and _is_ledger(folder / LEDGER)


def _is_ledger(path: Path) -> bool:
    """Whether a ledger is ours and not another program's: every line has a record kind, even in a damaged one."""
    try:
        with path.open("rb") as file:
            return b'"record"' in file.read(65_536).replace(b"\0", b"")
    except OSError:
        return False


def is_executed(path: Path) -> bool:
    """Whether the notebook was written by ``colab-starter`` when it executed another notebook."""
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
    """Whether a notebook's metadata says how it ended when ``colab-starter`` executed it."""
    told = metadata.get(KEY) if isinstance(metadata, dict) else None
    return isinstance(told, dict) and "status" in told

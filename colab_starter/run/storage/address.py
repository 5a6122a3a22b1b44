"""Addresses of stores, and how they differ from paths."""

import re
from pathlib import Path

from colab_starter.run.job import Job

_PROTOCOL = re.compile(r"([a-z][a-z0-9+.-]*)(://|::)", re.IGNORECASE)
_ON_DISK = {"file", "local"}


def is_address(text: str) -> bool:
    """Whether it is the address of a store rather than a path."""
    found = _PROTOCOL.match(text)
    return found is not None and found[1].lower() not in _ON_DISK


def read_path(text: str) -> Path:
    """The path in a plain path or in an address such as ``file:///runs/lr``."""
    found = _PROTOCOL.match(text)
    return Path(text[found.end() :] if found else text).absolute()


def name_files(job: Job) -> tuple[str, str]:
    """The names of the source and the executed notebook: as the user typed them, or where the sweep is kept."""
    if job.typed:
        return job.typed
    if not job.address:
        return job.notebook, job.output
    return f"{job.address}/{Path(job.notebook).name}", f"{job.address}/{job.run}/{Path(job.output).name}"

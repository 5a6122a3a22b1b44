"""Reading Colab's newest lists of packages from googlecolab/backend-info into the user's cache."""

import os
import urllib.request
from datetime import UTC, datetime
from http.client import HTTPException

from colab_starter.errors import RefreshError
from colab_starter.files import write_whole
from colab_starter.runtimes.freeze import Lists, build_runtime
from colab_starter.runtimes.table import LATEST, Runtime, cache_path, load_runtime, runtime_text

BACKEND_INFO = "https://raw.githubusercontent.com/googlecolab/backend-info/main"
"""Where Google publishes the lists; the environment variable COLAB_STARTER_BACKEND_INFO names another place."""

TIMEOUT = 20
"""Seconds that the server may keep silent."""

_FEWEST_LINES = {
    "os-info.txt": 2,
    "apt-list.txt": 500,
    "pip-freeze.txt": 300,
    "pip-freeze.gpu.txt": 300,
    "pip-freeze.tpu.txt": 150,
}
"""The lists, in the order of ``Lists``. Colab's have about twice as many lines; a shorter one has been cut off."""


def refresh_latest() -> Runtime:
    """Read the newest lists, keep them in the user's cache as ``latest``, and return that runtime.

    Its date is today's, since the lists carry none. Nothing is written unless all five lists are whole and make
    sense; RefreshError then says why not, and what is used instead.
    """
    address = os.environ.get("COLAB_STARTER_BACKEND_INFO") or BACKEND_INFO
    try:
        lists = Lists(*(_read_list(f"{address}/{file}", fewest) for file, fewest in _FEWEST_LINES.items()))
        today = datetime.now(UTC).date().isoformat()
        runtime = build_runtime(lists, name=LATEST, date=today, commit="main")
        cache_path().parent.mkdir(parents=True, exist_ok=True)
        write_whole(cache_path(), runtime_text(runtime).encode())
    except (OSError, HTTPException, ValueError) as error:
        kept = load_runtime(LATEST)
        raise RefreshError(
            f"no newer lists from {address}: {_in_one_line(error)}; "
            f"using those of {kept.date} with Python {kept.python}; try again when that address answers"
        ) from error
    return runtime


def _read_list(address: str, fewest_lines: int) -> str:
    with urllib.request.urlopen(address, timeout=TIMEOUT) as response:
        text: str = response.read().decode()
    if text.count("\n") < fewest_lines or not text.endswith("\n"):
        raise ValueError(f"{address.rpartition('/')[2]} is not whole")
    return text


def _in_one_line(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return " ".join(str(reason if isinstance(reason, OSError) else error).split())

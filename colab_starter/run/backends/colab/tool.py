"""Google's command ``colab``: finding it, running it, and explaining its failures."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from colab_starter.errors import ColabSessionError, ColabToolMissingError

INSTALL = "uv tool install google-colab-cli"

SESSIONS = "~/.config/colab-cli/sessions.json"
"""The command's own file, with the address, token and kernel of each session."""
ENDING_LIMIT = 5.0
"""Seconds that the guard has to end the command between two of its writes."""
_GUARD = str(Path(__file__).with_name("guard.py"))


class ColabTool:
    """The command, in a process group of its own, which a terminal's Ctrl-C does not reach."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._environment = {**os.environ, "TERM": "dumb", "NO_COLOR": "1"}

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        guard = [sys.executable, "-I", "-S", _GUARD, str(os.getpid()), os.path.expanduser(SESSIONS), self._program]
        return subprocess.Popen(
            [*guard, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )

    def run(self, *arguments: str, timeout: float) -> str:
        """Run the command to its end; returns what it printed. Raises ColabSessionError if it fails."""
        process = self._start(*arguments)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise ColabSessionError(f"`colab {arguments[0]}` gave no answer in {timeout:.0f} s; try again") from None
        finally:
            end_group(process)
        if process.returncode:
            raise ColabSessionError(explain_failure(arguments[0], out + b"\n" + err, process.returncode))
        return out.decode("utf-8", "replace")


def find_program() -> str:
    """The command's path; raises ColabToolMissingError."""
    found = shutil.which("colab")
    if found is None:
        raise ColabToolMissingError(f"--backend colab needs Google's command; install it with: {INSTALL} (Python 3.12)")
    return found


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End the command and everything it started, and reap it."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDING_LIMIT)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def explain_failure(subcommand: str, printed: bytes, status: int) -> str:
    """A line for the user: the command's own message, and what to do if it needs a person."""
    text = printed.decode("utf-8", "replace")
    if "To authorize colab-cli" in text or "No valid default credentials" in text:
        return "not signed in to Google; run `colab sessions` once in a terminal, and follow what it says"
    said = [line.removeprefix("[colab] ").strip() for line in text.splitlines() if line.startswith("[colab] ")]
    lines = [line.strip() for line in text.splitlines() if line.strip(" │╭╮╰╯─")]
    last = (said or lines or [f"it ended with status {status}"])[-1]
    return f"`colab {subcommand}` failed: {last[:200]}"

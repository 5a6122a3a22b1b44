"""Checking one of many notebooks: with the cache, the lines of the file, and whatever may go wrong."""

from pathlib import Path
from typing import NamedTuple

from colab_starter.check.cache import Cache, Entry
from colab_starter.check.findings import Finding, check_content, unreadable
from colab_starter.check.places import FilePlaces
from colab_starter.check.rules import RULES
from colab_starter.runtimes import Runtime
from colab_starter.sweep_folder import KEY, tells_of_run_in


class Settings(NamedTuple):
    """What is to be checked, and how; the same for all notebooks. It can be sent to other processes."""

    codes: tuple[str, ...]
    """Of the rules."""
    runtime: Runtime
    with_lines: bool = False
    """Work out the lines of the file, too."""
    cache: Path | None = None
    """The folder of the cache; None for no cache."""


class Checked(NamedTuple):
    """What became of one notebook."""

    path: Path
    findings: list[Finding] = []  # noqa: RUF012 - nobody changes it
    lines: list[int] = []  # noqa: RUF012
    """The line of the file for each finding, counted from 1; empty unless asked for."""
    is_record: bool = False
    """It is the record of a run, and was left alone."""
    failure: str = ""
    """Why ``check`` itself failed at this notebook; empty if it did not."""


class Checker:
    """Checks notebooks one by one; never raises."""

    def __init__(self, settings: Settings) -> None:
        self._rules = [rule for rule in RULES if rule.code in settings.codes]
        self._settings = settings
        choices = (*settings.codes, _describe_runtime(settings.runtime))
        self._cache = Cache(settings.cache, choices) if settings.cache else None

    def look_up(self, path: Path, named: bool) -> Checked | None:
        """What can be told without any rule: the record of a run, a file that cannot be read, a cached verdict."""
        return self._look_up(path, named, self._read(path))

    def check(self, path: Path, named: bool) -> Checked:
        """What the rules say about the notebook; the record of a run is left alone unless it was named."""
        content = self._read(path)
        known = self._look_up(path, named, content)
        if known:
            return known
        assert isinstance(content, bytes)
        try:
            verdict = check_content(path, content, self._rules, self._settings.runtime)
            lines = self._find_lines(content, verdict.findings)
        except Exception as error:  # one rule's mistake must not hide what is found in other notebooks
            return Checked(path, failure=f"{type(error).__name__}: {error}")
        if self._cache:
            entry = Entry(verdict.findings, lines)
            self._cache.write(self._cache.name_entry(content), path, entry, verdict.looks)
        return Checked(path, verdict.findings, lines or [])

    def close(self) -> None:
        """Keep the cache small."""
        if self._cache:
            self._cache.prune()

    def _look_up(self, path: Path, named: bool, content: bytes | OSError) -> Checked | None:
        if isinstance(content, OSError):
            found = [unreadable(path, f"cannot be read: {content.strerror}")]
            return Checked(path, [finding for finding in found if finding.code in self._settings.codes], [1])
        if not named and KEY.encode() in content and tells_of_run_in(content):
            return Checked(path, is_record=True)
        if not self._cache:
            return None
        entry = self._cache.read(self._cache.name_entry(content), path)
        if entry is None or (self._settings.with_lines and entry.findings and entry.lines is None):
            return None
        return Checked(path, entry.findings, entry.lines or [])

    @staticmethod
    def _read(path: Path) -> bytes | OSError:
        try:
            return path.read_bytes()
        except OSError as error:
            return error

    def _find_lines(self, content: bytes, findings: list[Finding]) -> list[int] | None:
        if not self._settings.with_lines:
            return None
        places = FilePlaces(content) if findings else None
        return [places.line_of(finding) for finding in findings] if places else []


def _describe_runtime(runtime: Runtime) -> str:
    """The whole of it, in the same order each time; sets have none."""
    return repr([_in_order(value) for value in runtime])


def _in_order(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    return [_in_order(part) for part in value] if isinstance(value, tuple) else value

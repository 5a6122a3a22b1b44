"""What an update did, or would do, as text."""

from collections.abc import Iterator, Sequence
from difflib import unified_diff

from colab_starter.text import plural, printable
from colab_starter.update.plan import FileChange

_DIFF_INDENT = 8


def describe_changes(changes: Sequence[FileChange], *, with_lines: bool) -> Iterator[str]:
    """A line for each file and each cell; ``with_lines``, also the lines that go and come."""
    for change in changes:
        yield f"{change.what:<9} {change.path}{f': {change.why}' if change.why else ''}"
        for cell in change.cells:
            yield f"    {cell.what:<9} {printable(cell.cell)}{f': {cell.why}' if cell.why else ''}"
            if with_lines:
                yield from _describe_lines(cell.before, cell.after)
        if with_lines and not change.cells and change.after is not None and not change.path.endswith(".ipynb"):
            yield from _describe_lines(_decode(change.before), _decode(change.after))


def _decode(content: bytes | None) -> str:
    return (content or b"").decode(errors="replace")


def _describe_lines(before: str, after: str) -> Iterator[str]:
    lines = unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    for line in list(lines)[2:]:
        yield " " * _DIFF_INDENT + printable(line)


def describe_conflicts(changes: Sequence[FileChange]) -> str:
    """Where both versions are, and what to do; empty if there are none."""
    files = [change.path for change in changes if change.conflicts]
    if not files:
        return ""
    count = sum(change.conflicts for change in changes)
    return (
        f"{plural(count, 'conflict')} in {', '.join(files)}: where you and the template changed the same lines, both "
        "versions are there, between <<<<<<< yours and >>>>>>> template. Keep what you want, and delete the markers."
    )

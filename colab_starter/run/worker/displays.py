"""Outputs that are updated: which of them show a display id, and what they show by now."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.notebooknode import from_dict


@dataclass
class _Display:
    """A display id."""

    outputs: dict[int, list[NotebookNode]] = field(default_factory=dict)
    """Those that show it, by the index of their cell."""
    news: dict[str, Any] | None = None
    """The content of the last update, where they do not show that yet."""


class Displays:
    """Updates are kept until somebody looks: of 20,000 updates of a display, only the last is put into its outputs."""

    def __init__(self) -> None:
        self._displays: dict[str, _Display] = {}
        self._ids: dict[int, set[str]] = {}
        """What each cell shows, by its index."""
        self._updated: set[str] = set()

    def add(self, display_id: str, index: int, output: NotebookNode) -> None:
        """A new output of the cell shows the id."""
        self._displays.setdefault(display_id, _Display()).outputs.setdefault(index, []).append(output)
        self._ids.setdefault(index, set()).add(display_id)

    def update(self, display_id: str, content: dict[str, Any]) -> Collection[int]:
        """All outputs with this id are to show the content; returns the cells in which that is news."""
        display = self._displays.get(display_id)
        if display is None:
            return ()
        is_news = display.news is None
        display.news = content
        self._updated.add(display_id)
        return display.outputs.keys() if is_news else ()

    def forget_cell(self, index: int) -> None:
        """The cell has taken back its outputs."""
        for display_id in self._ids.pop(index, ()):
            display = self._displays[display_id]
            del display.outputs[index]
            if not display.outputs:
                del self._displays[display_id]
                self._updated.discard(display_id)

    def write(self) -> None:
        """Put the updates into the outputs."""
        for display_id in self._updated:
            display = self._displays[display_id]
            news = from_dict(display.news)
            for outputs in display.outputs.values():
                for output in outputs:
                    output.update(data=news["data"], metadata=news["metadata"])
            display.news = None
        self._updated.clear()

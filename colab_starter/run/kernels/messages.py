"""Reducing a kernel's message to what a notebook can keep.

A cell may display anything, and its code may even send messages of its own. A notebook can keep text, and JSON under
JSON types, not too deeply nested, without lone surrogates and NaN. What does not fit is left out, with a remark for the
reader, and everything else is kept.
"""

import math
import re
from typing import Any, NamedTuple

from nbformat import NotebookNode
from nbformat.notebooknode import from_dict

from colab_starter.notebook.nesting import DEEPEST, is_too_deep
from colab_starter.text import shorten

Content = dict[str, Any]

UNREADABLE = "unreadable"
"""The type of a message that could not be decoded; its content gives the ``reason``."""

_DISPLAYS = ("display_data", "execute_result", "update_display_data")
_JSON_TYPE = re.compile(r"application/(.*\+)?json")
"""As in nbformat's schema."""
_TYPES: dict[type, str] = {bool: "true or false", dict: "an object", list: "a list", str: "a text"}
_NUMBERS = {int, float}
_STREAMS = ("stdout", "stderr")


class Kept(NamedTuple):
    """The part of a message that is kept."""

    content: Content | None
    """None if nothing of it can be kept."""
    remarks: list[str]
    """What was left out and why, each a clause without a full stop."""


def keep_content(kind: str, content: Content) -> Kept:
    """The part of a message's content that a notebook can keep; the given content is not changed."""
    if kind == UNREADABLE:
        return Kept(None, [f"a message that cannot be read ({shorten(str(content.get('reason')))})"])
    if kind == "stream":
        return _keep_stream(content)
    if is_too_deep(content):
        return Kept(None, [f"{kind}: nested more than {DEEPEST} levels deep"])
    content = clean_json(content)
    if kind in _DISPLAYS:
        return _keep_display(kind, content)
    if kind == "error":
        return Kept(_keep_error(content), [])
    if kind.startswith("comm") and not isinstance(content.get("comm_id"), str):
        return Kept(None, [])
    if not _is_count(content.get("execution_count")):
        content.pop("execution_count")
    return Kept(content, [])


def make_output(kind: str, content: Content) -> NotebookNode | None:
    """The output for a message of this type, with content from ``keep_content``; None for other types.

    It is as nbformat makes it, but without validation against the schema, which takes ten times as long as the rest and
    would find nothing after ``keep_content``.
    """
    if kind == "stream":
        return NotebookNode(output_type=kind, name=content["name"], text=content["text"])
    if kind == "error":
        return NotebookNode(output_type=kind, **{name: content[name] for name in ("ename", "evalue", "traceback")})
    if kind not in ("display_data", "execute_result"):
        return None
    output = NotebookNode(output_type=kind, metadata=from_dict(content["metadata"]), data=from_dict(content["data"]))
    if kind == "execute_result":
        output["execution_count"] = content["execution_count"]
    return output


def _keep_stream(content: Content) -> Kept:
    text = _join(content.get("text"))
    if text is None:
        return Kept(None, [f"stream: its text is {_name_type(content.get('text'))}"])
    name = content.get("name")
    return Kept({"name": name if name in _STREAMS else "stdout", "text": clean_json(text)}, [])


def _keep_display(kind: str, content: Content) -> Kept:
    """Keep each form of the output that matches its MIME type."""
    data, remarks = content.get("data"), []
    if not isinstance(data, dict):
        return Kept(None, [f"{kind}: its data is {_name_type(data)}, not an object with a MIME type for each form"])
    forms = {}
    for mime, form in data.items():
        if _JSON_TYPE.fullmatch(mime) or _join(form) is not None:
            forms[mime] = form
        else:
            remarks.append(f"{mime or 'a form without a type'}: it is {_name_type(form)}, not text")
    if data and not forms:
        return Kept(None, remarks)
    metadata, transient = content.get("metadata"), content.get("transient")
    shown = transient.get("display_id") if isinstance(transient, dict) else None
    kept: Content = {
        "data": forms,
        "metadata": metadata if isinstance(metadata, dict) else {},
        "transient": {"display_id": shown} if isinstance(shown, str) else {},
    }
    if kind == "execute_result":
        count = content.get("execution_count")
        kept["execution_count"] = count if _is_count(count) else None
    return Kept(kept, remarks)


def _keep_error(content: Content) -> Content:
    """Keep an error, and always some text: a class may render its traceback as None, one string, or numbers."""
    name, text, trace = content.get("ename"), content.get("evalue"), content.get("traceback")
    error = {"ename": _as_text(name), "evalue": _as_text(text)}
    lines = trace if isinstance(trace, list) else [] if trace is None else [trace]
    return {**error, "traceback": [_as_text(line) for line in lines] or [f"{error['ename']}: {error['evalue']}"]}


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _join(value: Any) -> str | None:
    """A string, or a list of its lines joined; None if it is neither."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return None


def _name_type(value: Any) -> str:
    if value is None:
        return "null"
    return next((name for kind, name in _TYPES.items() if isinstance(value, kind)), "a number")


def clean_json(value: Any) -> Any:
    """The value without lone surrogates and non-finite numbers; what JSON cannot represent becomes a string."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {clean_json(key): clean_json(item) for key, item in value.items()}
    if isinstance(value, list):
        is_plain = _NUMBERS.issuperset(map(type, value)) and all(-math.inf < item < math.inf for item in value)
        return value if is_plain else [clean_json(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

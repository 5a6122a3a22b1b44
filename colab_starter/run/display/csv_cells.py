"""Cells of results.csv: programs read the intended text, and spreadsheets execute none of them.

A spreadsheet recognises a formula by how the text begins, whether or not it is in quotes, and a program that reads CSV
gets exactly the text that the spreadsheet sees. So a text that begins like a formula cannot be written as it is. Like
lists and dicts, it is written as JSON: in double quotes, which ``json.loads`` removes.
"""

import json
import re

_BEGINS_FORMULA = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""Some spreadsheets accept the full-width forms as well."""
_FORMULA = re.compile(rf"(?:^|[;\t\r\n])[\s\"'\ufeff\u200b]*[{_BEGINS_FORMULA}]|^[\t\r\n]")
"""At the beginning, and wherever a cell begins for a spreadsheet that separates cells by semicolons or tabs."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:inf|nan)", re.IGNORECASE)


def write_cell(text: str) -> str:
    """The text as written in the cell: unchanged, unless a spreadsheet would execute it; see ``read_cell``."""
    if not text or text.isalnum() or _NUMBER.fullmatch(text):
        return text
    if _FORMULA.search(text):
        return (text if _is_json(text, "[{") else json.dumps(text, ensure_ascii=False)).replace(";", "\\u003b")
    return json.dumps(text, ensure_ascii=False) if _is_json(text, '"') else text


def read_cell(cell: str) -> str:
    """The text that a cell stands for."""
    return str(json.loads(cell)) if _is_json(cell, '"') else cell


def _is_json(text: str, beginnings: str) -> bool:
    """Whether it is JSON that begins with one of these characters."""
    if text[:1] not in beginnings:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True

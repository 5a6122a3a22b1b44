"""Cells of results.csv: a program reads what was meant, and a spreadsheet executes none of them.

A spreadsheet takes a text for a formula by how it begins, whether or not it stands in quotes, and a program that
reads CSV gets the very text that the spreadsheet looks at. So a text that begins like a formula cannot stand in a
cell as it is. It is written as lists and dicts are, as JSON: in double quotes, which ``json.loads`` takes away.
"""

import json
import re

_BEGINS_FORMULA = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""Some spreadsheets know the wide forms as well."""
_FORMULA = re.compile(rf"(?:^|[;\t\r\n])[\s\"'\ufeff\u200b]*[{_BEGINS_FORMULA}]|^[\t\r\n]")
"""At the beginning, and wherever a cell begins for a spreadsheet that takes semicolons or tabs between cells."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:inf|nan)", re.IGNORECASE)


def write_cell(text: str) -> str:
    """The text as it stands in the cell: itself, unless a spreadsheet would execute it; see ``read_cell``."""
    if not text or text.isalnum() or _NUMBER.fullmatch(text):
        return text
    if _FORMULA.search(text):
        return (text if _is_json(text, "[{") else json.dumps(text, ensure_ascii=False)).replace(";", "\\u003b")
    return json.dumps(text, ensure_ascii=False) if _is_json(text, '"') else text


def read_cell(cell: str) -> str:
    """The text that was meant by a cell."""
    return str(json.loads(cell)) if _is_json(cell, '"') else cell


def _is_json(text: str, beginnings: str) -> bool:
    """Whether it is JSON of the kinds that begin so."""
    if text[:1] not in beginnings:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True

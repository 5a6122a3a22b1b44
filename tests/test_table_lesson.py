"""The lesson "table" with tables of many kinds, good and bad: what it says, and how well it predicts.

Its cells are executed in this process, as far as each test needs them; ``test_lessons.py`` runs the whole notebook.
XGBoost and scikit-learn take a second to import, so only the process that runs these tests imports them.
"""

import gzip
import importlib.util
import json
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import papermill
import pytest

from tests.conftest import read_notebook
from tests.support.marks import weekly
from tests.test_lessons import run_papermill

QUICK = {"rounds": 20, "folds": 3, "learning_rate": 0.3}


def need(module: str) -> None:
    if not importlib.util.find_spec(module):
        pytest.skip(f"{module} is not installed: it is in the extra `lessons`")


class Lesson:
    """The code cells of the notebook, what they printed, and the variables that they left."""

    def __init__(self, notebook: Path, folder: Path) -> None:
        import xgboost

        self.cells = [cell for cell in read_notebook(notebook).cells if cell.cell_type == "code"]
        self.framework = xgboost
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.printed = ""
        self.types: dict[str, set[type]] = {}
        """Of each variable, the types that it had at the end of a cell of the lesson."""

    def run(self, until: str = "table-leaks", **parameters: Any) -> str:
        """What the cells printed, up to ``until`` and with it; the machine and the installation are left out."""
        imports = {"np": np, "pd": pd, "json": json, "xgboost": self.framework}
        self.names = {"__name__": "__main__", "device": "cpu", **imports}
        output = StringIO()
        with redirect_stdout(output):
            try:
                for cell in self.cells:
                    if cell.id.startswith(("runtime", "machine", "setup", "install", "xgboost-framework")):
                        continue
                    exec(compile(cell.source, cell.id, "exec"), self.names)
                    if "parameters" in cell.metadata.get("tags", []):
                        self.names |= {"output_dir": str(self.folder / "outputs"), **parameters}
                    for name, value in self.names.items() if cell.id.startswith(("table-", "data-")) else ():
                        self.types.setdefault(name, set()).add(type(value))
                    if cell.id == until:
                        break
            finally:
                self.printed = output.getvalue()
        return self.printed

    def error(self, **parameters: Any) -> str:
        """The line with which the lesson refuses a table."""
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            self.run("table-encode", **parameters)
        assert type(caught.value).__name__ == "DataError"
        line = str(caught.value)
        assert "\n" not in line
        assert caught.value._render_traceback_() == [f"DataError: {line}"]  # type: ignore[attr-defined]
        return line


@pytest.fixture
def lesson(all_lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lesson]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    matplotlib.use("agg")
    yield Lesson(all_lessons / "notebooks/table.ipynb", tmp_path)
    plt.close("all")


def make_table(count: int = 60) -> pd.DataFrame:
    """Numbers, a category and a class that depends on both."""
    random = np.random.default_rng(1)
    size, colour = random.normal(10, 3, count).round(2), random.choice(["red", "green", "blue"], count)
    return pd.DataFrame(
        {"size": size, "colour": colour, "kind": np.where(size + 3 * (colour == "red") > 11, "big", "small")}
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def write(content: str | bytes | pd.DataFrame, name: str = "table.csv", encoding: str = "utf-8") -> str:
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return str(path)

    return write


Write = Callable[..., str]


def test_a_target_that_is_not_there_is_answered_with_the_columns(lesson: Lesson, write: Write) -> None:
    data = write(make_table())
    assert lesson.error(data=data, target="price") == "There is no column 'price'. The columns are size, colour, kind."
    assert "Classification: 'kind'" in lesson.run(data=data, target="Kind")


def test_without_a_target_it_is_the_last_column(lesson: Lesson, write: Write) -> None:
    assert "No target is given, so it is the last column, 'kind'." in lesson.run(data=write(make_table()))


def test_a_constant_target_is_refused(lesson: Lesson, write: Write) -> None:
    line = lesson.error(data=write(make_table().assign(kind="big")), target="kind")
    assert line == "Column 'kind' is 'big' in every row: there is nothing to predict."


def test_a_target_without_any_value_is_refused(lesson: Lesson, write: Write) -> None:
    line = lesson.error(data=write(make_table().assign(kind="")), target="kind")
    assert line == "0 rows with a value of 'kind' are too few: at least 10 are needed."


def test_rows_without_a_target_are_counted_left_out_and_predicted_at_the_end(lesson: Lesson, write: Write) -> None:
    table = make_table(100)
    table.loc[[3, 7, 50], "kind"] = None
    printed = lesson.run("table-new", data=write(table), target="kind", **QUICK)
    assert "3 rows have no 'kind': left out, and predicted at the end." in printed
    assert lesson.names["results"]["used_rows"] == 97
    predictions = pd.read_csv(lesson.folder / "outputs/predictions.csv", index_col="row")
    assert len(predictions) == 100
    assert list(predictions.index[predictions["cross_validated"] == "no"]) == [4, 8, 51]
    assert set(predictions["prediction"]) == {"big", "small"}


@pytest.mark.parametrize("count", [1, 9])
def test_too_few_rows_are_refused(lesson: Lesson, write: Write, count: int) -> None:
    line = lesson.error(data=write(make_table(count)), target="kind")
    assert line == f"{count} rows with a value of 'kind' are too few: at least 10 are needed."


def test_a_header_without_rows_is_refused(lesson: Lesson, write: Write) -> None:
    assert lesson.error(data=write("a,b,c\n")) == "table.csv has a header, but no rows."


def test_300_columns_are_read(lesson: Lesson, write: Write) -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(50, 300)), columns=[f"c{number}" for number in range(300)])
    printed = lesson.run("table-encode", data=write(table.assign(target=table["c7"] > 0)), target="target")
    assert "50 rows, 301 columns" in printed
    assert "300 features: c0, c1," in printed


def test_a_name_that_two_columns_have_gets_a_number(lesson: Lesson, write: Write) -> None:
    text = "a,b,a,y\n" + "".join(f"{n},{n % 7},{n * n},{'up' if n % 2 else 'down'}\n" for n in range(40))
    printed = lesson.run(data=write(text), target="y")
    assert "Two columns are called 'a': column 3 becomes 'a (2)'." in printed
    assert list(lesson.names["raw"].columns) == ["a", "b", "a (2)", "y"]


def test_numbers_for_names_mean_that_there_is_no_header(lesson: Lesson, write: Write) -> None:
    rows = "".join(f"{n},{n % 7 / 2},{n % 2}\n" for n in range(40))
    printed = lesson.run(data=write(rows))
    assert "so it is taken for data" in printed
    assert list(lesson.names["raw"].columns) == ["column 1", "column 2", "column 3"]
    assert len(lesson.names["raw"]) == 40


GERMAN = "Größe;Preis;Stadt;Tag\n" + "".join(
    f"{n % 9},{n % 10};1.{n:03},50;{'Köln' if n % 3 else 'Zürich'};{1 + n % 28:02}.{1 + n % 12:02}.2023\n"
    for n in range(60)
)


def test_semicolons_and_decimal_commas_are_understood(lesson: Lesson, write: Write) -> None:
    printed = lesson.run(data=write(GERMAN), target="Preis")
    assert "separator: semicolon" in printed
    assert lesson.names["kinds"] == {"Größe": "number", "Preis": "number", "Stadt": "category", "Tag": "date"}
    assert lesson.names["table"]["Preis"].iloc[7] == 1007.5
    assert lesson.names["table"]["Größe"].iloc[7] == 7.7
    assert lesson.names["table"]["Tag"].iloc[13] == pd.Timestamp("2023-02-14")


def test_tabs_and_bars_are_separators_too(lesson: Lesson, write: Write) -> None:
    for separator, word in {"\t": "tab", "|": "bar"}.items():
        data = write(make_table().to_csv(index=False, sep=separator), "table.txt")
        assert f"separator: {word}" in lesson.run(data=data)
        assert list(lesson.names["raw"].columns) == ["size", "colour", "kind"]


CHINESE = "姓名,城市,面积,价格\n" + "".join(
    f"{'张王李赵'[n % 4]}{'伟芳娜敏静'[n % 5]},{'北京' if n % 3 else '上海'},{50 + n},{3 * n + n % 7}\n"
    for n in range(60)
)


@pytest.mark.parametrize(
    ("text", "encoding", "column", "value"),
    [
        (CHINESE, "gbk", "城市", "上海"),
        (CHINESE, "utf-16", "城市", "上海"),
        (CHINESE, "utf-16-le", "城市", "上海"),
        (CHINESE, "utf-16-be", "城市", "上海"),
        (CHINESE, "utf-8-sig", "姓名", "张伟"),
        (GERMAN, "cp1252", "Stadt", "Zürich"),
        (GERMAN, "utf-8", "Stadt", "Zürich"),
        (GERMAN, "utf-16", "Stadt", "Zürich"),
    ],
    ids=lambda value: str(value)[:9].replace("\n", " "),
)
def test_the_encoding_is_found(lesson: Lesson, write: Write, text: str, encoding: str, column: str, value: str) -> None:
    lesson.run("table-look", data=write(text, encoding=encoding))
    assert lesson.names["raw"][column].iloc[0] == value
    assert len(lesson.names["raw"]) == 60


def test_one_broken_letter_does_not_change_the_encoding(lesson: Lesson, write: Write) -> None:
    text = GERMAN.encode().replace("Köln".encode(), b"K\xf6ln", 1)
    assert "utf-8" in lesson.run("table-look", data=write(text))
    assert lesson.names["raw"]["Stadt"].iloc[3] == "Zürich"


def test_a_compressed_csv_is_read(lesson: Lesson, write: Write) -> None:
    data = write(gzip.compress(GERMAN.encode("cp1252")), "table.csv.gz")
    assert "semicolon" in lesson.run("table-look", data=data)


@pytest.mark.parametrize(
    ("form", "day"),
    [
        ("%Y-%m-%d", "2023-03-05"), ("%d.%m.%Y", "2023-03-05"), ("%m/%d/%Y", "2023-03-05"),
        ("%Y/%m/%d", "2023-03-05"), ("%Y-%m-%d %H:%M:%S", "2023-03-05"), ("%Y年%m月%d日", "2023-03-05"),
        ("%d-%b-%Y", "2023-03-05"), ("%d/%m/%Y", "2023-03-05"), ("%m/%d/%y", "2023-03-05"),
        ("%d.%m.%y", "2023-03-05"), ("%d %B %Y", "2023-03-05"), ("%b %d, %Y", "2023-03-05"),
    ],
)  # fmt: skip
def test_dates_are_split_into_parts(lesson: Lesson, write: Write, form: str, day: str) -> None:
    days = pd.date_range("2023-01-01", periods=100, freq="D")
    table = pd.DataFrame({"day": days.strftime(form), "sales": days.day_of_week * 10 + np.arange(100) % 3})
    lesson.run("table-encode", data=write(table), target="sales", task="regression")
    assert lesson.names["kinds"]["day"] == "date"
    assert lesson.names["table"]["day"].iloc[63] == pd.Timestamp(day)
    assert list(lesson.names["x"]) == ["day: days", "day: year", "day: month", "day: day_of_week"]


def test_the_hour_of_a_day_of_two_halves_is_understood(lesson: Lesson, write: Write) -> None:
    hours = ["12:05 AM", "1:00 am", "11:59 AM", "12:30 PM", "11:15 PM"]
    table = make_table().assign(time=[f"3/{1 + n % 28}/2023 {hours[n % 5]}" for n in range(60)])
    lesson.run("table-kinds", data=write(table), target="kind")
    assert list(lesson.names["table"]["time"].dt.hour[:5]) == [0, 1, 11, 12, 23]


def test_ids_and_columns_that_give_the_answer_away_are_left_out_with_the_reason(lesson: Lesson, write: Write) -> None:
    table = make_table(100)
    table["customer_id"] = np.random.default_rng(2).permutation(9000)[:100]
    table["code"] = [f"x{number}" for number in range(100)]
    table["alive"] = table["kind"].map({"big": "yes", "small": "no"})
    table["same"], table["nothing"] = 1, ""
    printed = lesson.run(data=write(table), target="kind")
    assert "Left out: 'customer_id', an id: another number in every row" in printed
    assert "Left out: 'code', an id, a name or free text: another value in nearly every row" in printed
    assert "Left out: 'alive', leaks: each of its values belongs to one value of the target" in printed
    assert "Left out: 'same', the same value in every row" in printed
    assert "Left out: 'nothing', empty" in printed
    assert "2 features: size, colour" in printed


def test_the_target_in_another_unit_is_left_out(lesson: Lesson, write: Write) -> None:
    table = make_table(100).assign(inches=lambda table: (table["size"] / 2.54).round(6)).drop(columns="kind")
    assert "Left out: 'inches', leaks: the target in another unit" in lesson.run(data=write(table), target="size")


def test_a_measure_that_is_unique_in_each_row_is_no_id(lesson: Lesson, write: Write) -> None:
    table = make_table(50).assign(income=np.random.default_rng(2).permutation(50) * 37 + 1000)
    assert "3 features: size, colour, income" in lesson.run(data=write(table), target="kind")


def test_nothing_left_to_learn_from_is_said(lesson: Lesson, write: Write) -> None:
    table = make_table()
    assert lesson.error(data=write(table), target="kind", leave_out="size,colour") == "No column is left to learn from."
    assert "leave_out names 'weight'" in lesson.error(data=write(table), target="kind", leave_out="weight")


def test_a_class_that_is_seen_once_is_left_out_and_counted(lesson: Lesson, write: Write) -> None:
    table = make_table()
    table.loc[5, "kind"] = "odd"
    printed = lesson.run(data=write(table), target="kind")
    assert "1 classes are seen fewer than 5 times ('odd'): their 1 rows are left out." in printed
    assert len(lesson.names["rows"]) == 59


def test_a_text_that_never_repeats_is_no_target(lesson: Lesson, write: Write) -> None:
    table = make_table().assign(name=[f"name {number}" for number in range(60)])
    line = lesson.error(data=write(table), target="name")
    assert line == "Column 'name': its 60 different values hardly repeat. Choose another target."
    assert "for regression it must hold numbers" in lesson.error(data=write(table), target="kind", task="regression")


def test_a_date_is_no_target(lesson: Lesson, write: Write) -> None:
    table = make_table().assign(day=pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d"))
    assert "Column 'day' holds dates." in lesson.error(data=write(table), target="day")


def test_words_among_numbers_become_gaps_and_are_named(lesson: Lesson, write: Write) -> None:
    table = make_table(100).astype({"size": object})
    table.loc[41, "size"] = "unknown"
    printed = lesson.run(data=write(table), target="kind")
    assert "Column 'size': 1 values are no number, such as 'unknown' in row 42: now gaps." in printed


@pytest.mark.parametrize("pair", [("True", "False"), ("yes", "no"), ("是", "否"), ("1", "0")])
def test_two_values_are_classes_however_they_are_written(lesson: Lesson, write: Write, pair: tuple[str, str]) -> None:
    table = make_table()
    table["kind"] = table["kind"].map({"big": pair[0], "small": pair[1]})
    assert "Classification: 'kind' of 60 rows" in lesson.run("table-encode", data=write(table), target="kind")
    assert len(lesson.names["classes"]) == 2
    assert set(lesson.names["y"]) == {0, 1}


def test_postcodes_are_categories(lesson: Lesson, write: Write) -> None:
    table = make_table().assign(
        postcode=lambda table: table["colour"].map({"red": "01067", "green": "10115", "blue": "80331"})
    )
    lesson.run(data=write(table), target="kind")
    assert lesson.names["kinds"]["postcode"] == "category"


def test_prices_with_a_sign_and_thousands_are_numbers(lesson: Lesson, write: Write) -> None:
    table = make_table().assign(price=[f"${1000 + 7 * number:,}.50" for number in range(60)])
    lesson.run(data=write(table), target="kind")
    assert lesson.names["table"]["price"].iloc[1] == 1007.5


@pytest.mark.parametrize(
    "spelled",
    [
        "{:,} €", "￥{:,}", "USD {}", "{}元", "{} %", "{}％", "{:,} EUR", "rmb{}", "+{}"
    ],
)  # fmt: skip
def test_a_currency_or_a_percent_sign_makes_a_number_no_text(lesson: Lesson, write: Write, spelled: str) -> None:
    table = make_table().assign(price=[spelled.format(1000 + 7 * number) for number in range(60)])
    lesson.run("table-kinds", data=write(table))
    assert list(lesson.names["table"]["price"]) == [1000 + 7 * number for number in range(60)]


def test_what_is_below_zero_is_known_by_a_minus_of_print_and_by_parentheses(lesson: Lesson, write: Write) -> None:
    table = make_table().assign(change=["\u22121.5", "($1'200.25)", "3"] * 20)
    lesson.run("table-kinds", data=write(table))
    assert list(lesson.names["table"]["change"][:3]) == [-1.5, -1200.25, 3]


def test_infinity_is_a_gap(lesson: Lesson, write: Write) -> None:
    table = make_table()
    table.loc[3, "size"] = np.inf
    printed = lesson.run("table-encode", data=write(table), target="kind")
    assert "Column 'size': 1 values are no number, such as 'inf' in row 4" in printed


def test_an_empty_file_is_refused(lesson: Lesson, write: Write) -> None:
    for content in ("", "\n\n", "  \n"):
        assert lesson.error(data=write(content)) == "table.csv is empty."


def test_a_file_that_is_not_there_is_answered_with_a_near_name(lesson: Lesson, write: Write) -> None:
    data = write(make_table(), "houses.csv")
    line = lesson.error(data=data.replace("houses", "house"))
    assert line.endswith(f"is not there. In {lesson.folder} there is houses.csv.")


def test_a_web_page_is_not_a_table(lesson: Lesson, write: Write) -> None:
    line = lesson.error(data=write("\n<!DOCTYPE html>\n<html><body>Sign in</body></html>"))
    assert line == "table.csv is a web page, not a table. Download the file itself."


def test_a_picture_is_not_a_table(lesson: Lesson, write: Write) -> None:
    data = write(b"\x89PNG\r\n\x1a\n" + np.random.default_rng(0).bytes(5000))
    assert lesson.error(data=data) == "table.csv is not a table: give a CSV, TSV, Excel or Parquet file."


def test_a_single_column_is_not_a_table(lesson: Lesson, write: Write) -> None:
    line = lesson.error(data=write("words\n" + "some text\n" * 20))
    assert line == "table.csv has one column only, 'words': its fields must be separated by , ; | or tabs."


def test_a_row_with_too_many_fields_is_named(lesson: Lesson, write: Write) -> None:
    text = "a,b\n" + "1,2\n" * 20 + "1,2,3\n" + "1,2\n" * 20
    line = lesson.error(data=write(text))
    assert line == "table.csv: line 22 has 3 fields, not 2. Mend the line, or put quotes around text with a comma."


def test_rows_that_are_all_longer_than_the_header_are_refused(lesson: Lesson, write: Write) -> None:
    line = lesson.error(data=write("a,b\n" + "1,2,3,4\n" * 20))
    assert line == "table.csv: the header has 2 names, but the rows have 4 fields. Mend the header."


@pytest.mark.parametrize(("first", "rest"), [("a,b,y\n", "{0},{0},{1},\n"), ("a,b,y\n", "r{0},{0},{0},{1}\n")])
def test_a_separator_at_the_end_and_row_names_of_r_shift_no_column(
    lesson: Lesson, write: Write, first: str, rest: str
) -> None:
    lesson.run("table-look", data=write(first + "".join(rest.format(n, "xz"[n % 2]) for n in range(40))))
    assert list(lesson.names["raw"]["b"].iloc[:3]) == ["0", "1", "2"]
    assert set(lesson.names["raw"]["y"]) == {"x", "z"}


@pytest.mark.parametrize("above", ["Sales of 2024\n\n", "# made by a program\n# on Monday\n", "sep=,\nSales,,\n,,\n"])
@pytest.mark.parametrize("columns", [["size", "colour", "kind"], ["size", "kind"]])
def test_a_title_above_the_header_is_passed_over(lesson: Lesson, write: Write, above: str, columns: list[str]) -> None:
    printed = lesson.run("table-look", data=write(above + make_table()[columns].to_csv(index=False)))
    assert "are no rows of the table, and are passed over: " in printed
    assert list(lesson.names["raw"]) == columns
    assert list(lesson.names["raw"]["size"].astype(float)) == list(make_table()["size"])


def test_html_and_json_are_told_by_their_contents(lesson: Lesson, write: Write) -> None:
    for content in ("<table><tr><td>1</td></tr></table>", '\n<?xml version="1.0"?>\n<Workbook/>'):
        line = lesson.error(data=write(content, "table.xls"))
        assert line.startswith("table.xls is HTML or XML, whatever its name says. Open it in Excel")
    for content in ('{"a": [1, 2]}', '[{"a": 1}]', '[\n    {\n        "a": 1\n    }\n]'):
        assert lesson.error(data=write(content)).startswith("table.csv is JSON. Make a table of it")
    lesson.run("table-look", data=write("<DATE>,<OPEN>\n" + "2024-01-02,3\n" * 20))
    assert list(lesson.names["raw"]) == ["|DATE>", "|OPEN>"]


def test_a_quote_that_is_never_closed_is_named(lesson: Lesson, write: Write) -> None:
    line = lesson.error(data=write("a,b\n" + "1,2\n" * 20 + '"1,2\n' + "1,2\n" * 300))
    assert line.startswith("table.csv: EOF inside string starting at row 21. Mend the line")


def test_a_damaged_gz_is_refused(lesson: Lesson, write: Write) -> None:
    data = write(gzip.compress(GERMAN.encode())[:200], "table.csv.gz")
    assert lesson.error(data=data).startswith("table.csv.gz cannot be read: ")


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"rounds": 0}, "rounds = 0 does not suit: it must be 1 or more."),
        ({"max_depth": -1}, "max_depth = -1 does not suit: it must be 1 or more."),
        ({"max_rows": 0}, "max_rows = 0 does not suit: it must be 1 or more."),
        ({"learning_rate": 0}, "learning_rate = 0 does not suit: it must be above 0, and at most 1."),
    ],
)
def test_parameters_that_make_no_sense_are_refused(lesson: Lesson, write: Write, parameters: Any, line: str) -> None:
    assert lesson.error(data=write(make_table()), **parameters) == line


def test_classes_that_differ_only_in_capital_letters_are_one(lesson: Lesson, write: Write) -> None:
    table = make_table().assign(kind=["True", "TRUE", "False", "true", "True", "false", "False"] * 8 + ["False"] * 4)
    printed = lesson.run("table-encode", data=write(table))
    assert "Classes that differ only in capital letters count as one, such as 'TRUE' and 'True'.\n" in printed
    assert lesson.names["classes"] == ["False", "True"]


def test_many_copies_of_rows_are_counted(lesson: Lesson, write: Write) -> None:
    table = make_table()
    copies = "rows are exact copies of others. If the same thing is in the table twice, remove the copies"
    assert copies not in lesson.run("table-leaks", data=write(table))
    assert f"120 {copies}" in lesson.run("table-leaks", data=write(pd.concat([table] * 3)))


def test_a_column_of_the_table_called_prediction_is_kept(lesson: Lesson, write: Write) -> None:
    table = make_table().assign(prediction=range(60))[["size", "prediction", "kind"]]
    lesson.run("table-new", data=write(table), **QUICK)
    predictions = pd.read_csv(lesson.folder / "outputs/predictions.csv", index_col="row")
    assert list(predictions["prediction"]) == list(range(60))
    assert set(predictions["prediction (2)"]) == {"big", "small"}


def test_an_unknown_task_is_refused(lesson: Lesson, write: Write) -> None:
    line = lesson.error(data=write(make_table()), task="guess")
    assert line == 'task is "auto", "classification" or "regression", not \'guess\'.'


def test_of_a_time_the_hour_is_a_feature(lesson: Lesson, write: Write) -> None:
    times = pd.date_range("2024-01-01", periods=100, freq="h").strftime("%d.%m.%Y %H:%M")
    lesson.run("table-encode", data=write(pd.DataFrame({"at": times, "sales": np.arange(100) % 24})), task="regression")
    assert list(lesson.names["x"]["at: hour"].iloc[22:26]) == [22, 23, 0, 1]


def test_folds_that_the_rows_do_not_allow_are_refused(lesson: Lesson, write: Write) -> None:
    for folds in (1, 31):
        line = lesson.error(data=write(make_table()), target="kind", folds=folds)
        assert line == f"folds = {folds} does not suit 60 rows: from 2 to 30 are possible."


def test_of_excel_the_sheet_is_named_and_can_be_chosen(lesson: Lesson, tmp_path: Path) -> None:
    need("openpyxl")
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as book:
        make_table(30).to_excel(book, sheet_name="2023", index=False)
        make_table(40).to_excel(book, sheet_name="2024", index=False, startrow=3, startcol=1)
    assert "book.xlsx: sheet '2023' of 2023, 2024 (another: book.xlsx#name)" in lesson.run(data=str(path))
    assert len(lesson.names["raw"]) == 30
    lesson.run(data=f"{path}#2024")
    assert lesson.names["raw"].shape == (40, 3)
    assert lesson.names["kinds"] == {"size": "number", "colour": "category", "kind": "category"}
    assert lesson.error(data=f"{path}#2025") == "book.xlsx has no sheet '2025', but 2023, 2024."


def test_a_damaged_excel_file_is_refused(lesson: Lesson, write: Write) -> None:
    need("openpyxl")
    assert "damaged.xlsx cannot be read as Excel" in lesson.error(data=write(b"PK\x03\x04 half", "damaged.xlsx"))


def test_parquet_keeps_its_types(lesson: Lesson, tmp_path: Path) -> None:
    need("pyarrow")
    table = make_table().assign(
        day=pd.date_range("2024-01-01", periods=60, tz="UTC"), yes=lambda table: table["size"] > 9
    )
    table["count"] = pd.array([None, *range(59)], dtype="Int64")
    table.to_parquet(tmp_path / "table.parquet")
    lesson.run("table-encode", data=str(tmp_path / "table.parquet"), target="kind")
    kinds = {
        "size": "number",
        "colour": "category",
        "kind": "category",
        "day": "date",
        "yes": "category",
        "count": "number",
    }
    assert lesson.names["kinds"] == kinds
    (tmp_path / "half.parquet").write_bytes(b"PAR1 half")
    assert "half.parquet cannot be read as Parquet" in lesson.error(data=str(tmp_path / "half.parquet"))


def test_in_a_folder_or_an_archive_the_training_table_is_taken_and_another_can_be_named(
    lesson: Lesson, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "tables.zip", "w") as archive:
        archive.writestr("tables/train.csv", make_table(20).to_csv(index=False))
        archive.writestr("tables/test.csv", make_table(50).to_csv(index=False))
        archive.writestr("__MACOSX/tables/._train.csv", "junk")
    data = str(tmp_path / "tables.zip")
    printed = lesson.run(data=data)
    assert "2 tables: test.csv, train.csv" in printed
    assert "This one is used: train.csv." in printed
    lesson.run(data=f"{data}#test.csv")
    assert len(lesson.names["raw"]) == 50
    assert lesson.error(data=f"{data}#x.csv") == f"x.csv is not in {data}. There is test.csv, train.csv."


def test_of_a_large_table_a_sample_is_kept_so_that_memory_does_not_grow_with_the_file(
    lesson: Lesson, write: Write
) -> None:
    table = pd.concat([make_table(60)] * 2000)
    printed = lesson.run("table-look", data=write(table), max_rows=1000)
    assert "120,000 rows, of which 1,000 are used: a random sample" in printed
    index = lesson.names["raw"].index
    assert index.is_monotonic_increasing
    assert index.is_unique
    assert 50_000 < index.to_numpy().mean() < 70_000


def test_four_times_the_rows_need_no_more_memory(lesson: Lesson, write: Write) -> None:
    lesson.run("table-read", max_rows=1000)
    read, peaks = lesson.names["read_table"], []
    for times in (1, 4):
        data = write("a,b,c\n" + "1.25,some text,3\n" * 150_000 * times)
        tracemalloc.start()
        with redirect_stdout(StringIO()) as output:
            assert len(read(data)) == 1000
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert f"{150_000 * times:,} rows, of which 1,000 are used" in output.getvalue()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_wide_table_is_sampled_more(lesson: Lesson, write: Write) -> None:
    lesson.run("table-read", max_rows=100_000)
    wide = (pd.DataFrame(np.zeros((20_000, 3000), "int8")) for _ in range(2))
    sample = lesson.names["sample_rows"](wide)
    assert len(sample) == 10_000_000 // 3000


def test_new_rows_may_have_a_single_column_and_their_flaws_are_told(lesson: Lesson, write: Write) -> None:
    table = make_table(200)[["size", "kind"]]
    new = write("size\n9\nbig\n" + "12\n" * 30, "new.csv")
    printed = lesson.run("table-new", data=write(table), new_data=new, **QUICK)
    assert "Column 'size': 1 values are no number, such as 'big' in row 2: now gaps.\n" in printed
    assert len(pd.read_csv(lesson.folder / "outputs/new_predictions.csv")) == 32


def test_new_rows_are_predicted_and_unseen_categories_do_not_matter(lesson: Lesson, write: Write) -> None:
    new = make_table(5).drop(columns="kind")
    new.loc[0, "colour"] = "violet"
    new_data = write(new, "new.csv")
    lesson.run("table-new", data=write(make_table(200)), target="kind", new_data=new_data, **QUICK)
    predictions = pd.read_csv(lesson.folder / "outputs/new_predictions.csv")
    assert list(predictions["prediction"].iloc[1:]) == list(make_table(5)["kind"].iloc[1:])
    assert (
        "Column 'colour': 1 values were not in the first table, such as 'violet': they count as gaps.\n"
        in lesson.printed
    )
    with pytest.raises(ValueError, match="new_data lacks 1 columns of the first table: colour"):
        lesson.run("table-new", data=write(make_table()), new_data=write(new[["size"]].assign(a=1), "b.csv"), **QUICK)


def test_columns_that_tell_nothing_are_called_no_better_than_the_baseline(lesson: Lesson, write: Write) -> None:
    random = np.random.default_rng(5)
    table = pd.DataFrame(
        {"a": random.normal(size=200), "b": random.normal(size=200), "y": random.choice(list("pq"), 200)}
    )
    assert "No better than the baseline" in lesson.run("table-verdict", data=write(table), **QUICK)


def make_mixed(count: int = 1500) -> pd.DataFrame:
    """Numbers with gaps, a category with many values and noise."""
    random = np.random.default_rng(3)
    x, effects = random.normal(size=(count, 4)), random.normal(0, 2, 30)
    group = random.integers(0, 30, count)
    y = x[:, 0] ** 2 + x[:, 1] * x[:, 2] + effects[group] + random.normal(0, 0.5, count)
    table = pd.DataFrame(x, columns=list("abcd")).mask(random.random((count, 4)) < 0.15)
    return table.assign(group=[f"g{number}" for number in group], y=y)


def make_friedman() -> pd.DataFrame:
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(1000, noise=1, random_state=0)
    return pd.DataFrame(x, columns=[f"x{number}" for number in range(10)]).assign(target=y)


def load_bundled(name: str) -> pd.DataFrame:
    """A table that comes with scikit-learn."""
    from sklearn import datasets

    table: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return table


TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    **{name: partial(load_bundled, name) for name in ("wine", "breast_cancer", "diabetes", "digits")},
    "mixed": make_mixed,
    "friedman": make_friedman,
}
DAILY_TABLES = ("wine", "mixed")
"""Classes, and numbers beside categories and gaps: the others are more of the same, and take longer together."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name if name in DAILY_TABLES else weekly(name) for name in TABLES])
def test_it_predicts_no_worse_than_scikit_learn_s_boosted_trees_with_the_same_folds(
    lesson: Lesson, write: Write, name: str
) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.metrics import accuracy_score, r2_score

    lesson.run("table-verdict", data=write(TABLES[name]()))
    names = lesson.names
    x, y, is_class = names["x"], names["y"], names["is_class"]
    theirs, ours = [], names["scores"]
    for learn, new in names["splitter"].split(x, y):
        model = (HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor)(
            categorical_features="from_dtype", random_state=0
        )
        predictions = model.fit(x.iloc[learn], y[learn]).predict(x.iloc[new])
        theirs.append((accuracy_score if is_class else r2_score)(y[new], predictions))
    differences = np.array(ours) - theirs
    noise = differences.std(ddof=1) / len(differences) ** 0.5
    print(f"{name}: XGBoost {np.mean(ours):.4f}, scikit-learn {np.mean(theirs):.4f}, noise {noise:.4f}")
    assert differences.mean() > -2 * max(noise, 0.003)


@pytest.mark.parametrize("target", ["kind", "size"])
def test_no_variable_changes_its_type(lesson: Lesson, write: Write, target: str) -> None:
    """Whoever runs a cell again must not find a table where a number was."""
    lesson.run("table-new", data=write(make_table()), target=target, **QUICK)
    assert {"rows", "features", "score"} <= set(lesson.types)
    assert {name: types for name, types in lesson.types.items() if len(types) > 1} == {}


@pytest.mark.slow
def test_papermill_gives_it_a_table_and_a_target(all_lessons: Path, write: Write, tmp_path: Path) -> None:
    import xgboost

    parameters = {"data": write(GERMAN, encoding="cp1252"), "target": "Stadt", **QUICK}
    run_papermill(all_lessons / "notebooks/table.ipynb", tmp_path, parameters)
    results = json.loads((tmp_path / "results/results.json").read_text())
    assert (results["problem"], results["used_rows"]) == ("classification", 60)
    files = {path.name for path in (tmp_path / "results").iterdir()}
    assert files == {"results.json", "predictions.csv", "model.json", "columns.json"}
    copy = xgboost.Booster(model_file=tmp_path / "results/model.json")
    assert copy.num_features() == len(copy.feature_names or ())


@pytest.mark.slow
def test_in_the_notebook_bad_data_is_one_line_without_a_traceback(
    all_lessons: Path, write: Write, tmp_path: Path
) -> None:
    parameters = {"data": write(GERMAN), "target": "Land"}
    with pytest.raises(papermill.exceptions.PapermillExecutionError, match="There is no column 'Land'"):
        run_papermill(all_lessons / "notebooks/table.ipynb", tmp_path, parameters)
    cells = read_notebook(tmp_path / "executed.ipynb").cells
    errors = [output for cell in cells for output in cell.get("outputs", []) if output.output_type == "error"]
    line = "There is no column 'Land'. The columns are Größe, Preis, Stadt, Tag."
    assert [(error.ename, error.evalue, error.traceback) for error in errors] == [
        ("DataError", line, [f"DataError: {line}"])
    ]

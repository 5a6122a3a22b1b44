#:: extends "notebook.py"
#:: set lesson = "table"
#:: set parameters
data = ""  # @param {type:"string"}
target = ""  # @param {type:"string"}
task = "auto"  # @param ["auto", "classification", "regression"]
leave_out = ""  # @param {type:"string"}
new_data = ""  # @param {type:"string"}
folds = 5  # @param {type:"integer"}
rounds = 500  # @param {type:"integer"}
max_depth = 6  # @param {type:"integer"}
learning_rate = 0.05  # @param {type:"number"}
max_rows = 100_000  # @param {type:"integer"}
#:: endset
#:: set more_needed
needed |= {name: name for mark, name in [(".xlsx", "openpyxl"), (".parquet", "pyarrow"), (".7z", "py7zr"), ("kaggle:", "kagglehub")] if mark in data + new_data}
#:: endset
#:: block framework
#:: include "cells/xgboost.py"
#:: endblock
#:: block lesson
# %% [markdown] id="idea-text"
# Your own table: set `data` in the form at the top, and `target`, the name of the column to predict. The rest stays as it is.
#
# ## The idea, with eight rows
#
# A table has a row for each thing, here a flat. One column is the **target**, what we want to predict; the others are the **features**.
# A **decision tree** asks questions about the features, and predicts the mean target of the rows that gave the same answers.
# This one may ask two questions in a row. Its leaves hold what is added to the mean of all eight rents, 830.
# XGBoost adds up hundreds of such trees, each of which corrects the sum of those before it.

# %% id="idea"
import pandas as pd

flats = pd.DataFrame({"area": [30, 45, 50, 62, 70, 88, 95, 120], "balcony": [0, 1, 0, 0, 1, 0, 1, 1]})
flats["rent"] = [400, 620, 560, 700, 860, 950, 1150, 1400]

one_tree = xgboost.XGBRegressor(n_estimators=1, max_depth=2, learning_rate=1, reg_lambda=0)
one_tree.fit(flats[["area", "balcony"]], flats["rent"])
flats["predicted"] = one_tree.predict(flats[["area", "balcony"]]).round()
print(one_tree.get_booster().get_dump()[0])
flats

#:: include "cells/data.py"

# %% id="example" cellView="form"
# @title An example: 1,500 flats to let (made up, so we know the truth)
def write_example(path):
    """Rents that follow a rule, and chance: no model can be closer than 60 euros on average (root mean square)."""
    random = np.random.default_rng(0)
    count = 1500
    area = random.gamma(9, 8, count).round() + 15
    district = random.choice(["Harbour", "Old Town", "Mill Hill", "Station", "Garden City"], count, p=[0.1, 0.2, 0.3, 0.25, 0.15])
    built = random.integers(1890, 2024, count)
    floor, listed = random.integers(0, 7, count), random.integers(0, 730, count)
    lift = random.random(count) < np.where(built > 1970, 0.8, 0.2)
    price = pd.Series(district).map({"Harbour": 15, "Old Town": 13, "Garden City": 11, "Mill Hill": 9, "Station": 8}).to_numpy()
    rent = 90 + area * price * (1 + 0.0003 * listed) + np.where(built > 2000, 150, 0)
    rent += np.where(lift, 20, -25) * floor + random.normal(0, 60, count)
    flats = pd.DataFrame({"id": 1000 + np.arange(count), "district": district, "area": area, "built": built})
    flats["floor"], flats["lift"] = floor, np.where(lift, "yes", "no")
    flats["heating"] = random.choice(["gas", "district", "heat pump", "oil"], count)
    flats["listed"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(listed, unit="D")).strftime("%Y-%m-%d")
    flats["rent"] = rent.round()
    flats["built"] = flats["built"].astype("Int64").mask(random.random(count) < 0.2)
    flats["heating"] = flats["heating"].mask(random.random(count) < 0.1)
    flats.to_csv(path, index=False)


# %% id="text-files" cellView="form"
# @title Read text files: encoding, separator, header
import csv
import gzip
import itertools

import charset_normalizer

csv.field_size_limit(1 << 30)


def open_bytes(path):
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else open(path, "rb")


def find_encoding(path):
    """UTF-8 and UTF-16 can be known for sure; others, such as GBK, are told by the letters that they give."""
    with open_bytes(path) as file:
        start = file.read(1 << 16)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16"
        if 0 in start:
            zeros = [start[half::2].count(0) / len(start) for half in (0, 1)]
            if max(zeros) < 0.02 or min(zeros) > 0.02:
                raise DataError(f"{path.name} is not a table: give a CSV, TSV, Excel or Parquet file.")
            return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        file.seek(0)
        lines = list(itertools.islice((line for line in file if not line.isascii()), 2000))
    broken = [line for line in lines if "\ufffd" in line.decode("utf-8", "replace")]
    if len(broken) <= 0.05 * len(lines):
        return "utf-8-sig"
    known = ["gb18030", "cp1252", "cp1250", "cp1251", "shift_jis", "big5", "euc_kr"]
    best = charset_normalizer.from_bytes(b"".join(lines), cp_isolation=known).best()
    return best.encoding if best else "cp1252"


def find_separator(lines):
    """The separator that divides the most lines into equally many fields."""

    def judge(separator):
        widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        usual = max(set(widths), key=widths.count)
        return (usual > 1) * widths.count(usual) / len(widths), usual

    return max(",;\t|", key=judge)


def read_text(path):
    """The rows of a text file in portions, all as text; the header is the first row, unless it holds numbers only."""
    encoding = find_encoding(path)
    with open_bytes(path) as file:
        start = file.read(1 << 20).decode(encoding, "replace").splitlines(keepends=True)[:200]
    lines = [line for line in start if line.strip()]
    if not lines:
        raise DataError(f"{path.name} is empty.")
    hint = lines[0].lower().startswith("sep=")  # Excel writes it
    separator = find_separator(lines[hint:])
    rows = [row for row in csv.reader(lines[hint:], delimiter=separator) if row]
    widths = [len(row) for row in rows[1:]]
    usual = max(set(widths), key=widths.count, default=0)
    top = next((number for number, row in enumerate(rows) if sum(map(bool, row)) > 1), 0) if usual > 1 else 0
    if top:
        print(f"The first {top} lines are no rows of the table, and are passed over: {separator.join(rows[0])[:60]}")
    names, rows = rows[top], rows[top:]
    has_header = not all(re.fullmatch(r"\s*-?[\d.,]+\s*", name) for name in names)
    if usual == len(names) + 1:  # R leaves out the name of the first column, others end rows with a separator
        names = [*names, "(end)"] if not any(row[-1] for row in rows[1:]) else ["row", *names]
    if usual > len(names):
        raise DataError(f"{path.name}: the header has {len(names)} names, but the rows have {usual} fields. Mend the header.")
    spelling = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[separator]
    print(f"{path.name}: text, {encoding.removesuffix('-sig')}, separator: {spelling}")
    if not has_header:
        print("Its first row holds numbers, so it is taken for data; the columns are called column 1, column 2, …")
    names = name_columns(names if has_header else [""] * len(names))
    options = {"sep": separator, "dtype": str, "encoding": encoding, "encoding_errors": "replace"}
    options |= {"header": hint + top if has_header else None, "skipinitialspace": True, "na_values": ["?", "-", "--"]}
    with open_bytes(path) as file:
        try:
            yield from pd.read_csv(file, names=names, chunksize=50_000, index_col=False, **options)
        except pd.errors.ParserError as error:
            place = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
            why = f"line {place[2]} has {place[3]} fields, not {place[1]}" if place else str(error).rpartition("error: ")[2]
            raise DataError(f"{path.name}: {why}. Mend the line, or put quotes around text with a {spelling}.") from None


def name_columns(names):
    """Clean names, each only once: XGBoost does not take [, ] and <."""
    clean = [re.sub(r"[\[\]<]", "|", " ".join(str(name).split())) for name in names]
    seen = {}
    for place, name in enumerate(clean):
        clean[place] = name = name if name not in ("", "nan", "None") else f"column {place + 1}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            clean[place] = f"{name} ({seen[name]})"
            print(f"Two columns are called {name!r}: column {place + 1} becomes {clean[place]!r}.")
    return clean


# %% id="read" cellView="form"
# @title Read Excel and Parquet, and choose what to read
import zlib


def read_excel(path, sheet):
    """The rows of a sheet; the header is the first row that is at least half full."""
    try:
        with pd.ExcelFile(path) as book:
            sheets = book.sheet_names
            if sheet and sheet not in sheets:
                raise DataError(f"{path.name} has no sheet {sheet!r}, but {', '.join(sheets)}.")
            chosen = sheet or sheets[0]
            cells = pd.read_excel(book, sheet_name=chosen, header=None, dtype=object, nrows=max_rows + 10)
    except DataError:
        raise
    except ImportError as error:
        raise DataError(f"{path.name} cannot be read here: {error}") from None
    except Exception as error:  # a password, a damaged file
        raise DataError(f"{path.name} cannot be read as Excel: {error}") from None
    print(f"{path.name}: sheet {chosen!r}" + (f" of {', '.join(sheets)} (another: {path.name}#name)" if sheets[1:] else ""))
    cells = cells.dropna(how="all").dropna(how="all", axis=1)
    if cells.empty:
        raise DataError(f"{path.name}: the sheet {chosen!r} is empty.")
    top = int((cells.notna().mean(axis=1) >= 0.5).to_numpy().argmax())
    yield cells.iloc[top + 1 :].set_axis(name_columns(cells.iloc[top]), axis=1)


def read_parquet(path):
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(f"{path.name}: for Parquet, run %pip install pyarrow, then this cell again.") from None

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = name_columns(file.schema_arrow.names)
            for batch in file.iter_batches(50_000):
                rows = pyarrow.Table.from_batches([batch]).rename_columns(names).to_pandas(ignore_metadata=True)
                yield rows
    except pyarrow.ArrowException as error:
        raise DataError(f"{path.name} cannot be read as Parquet: {error}") from None


def choose_file(folder):
    """The table in a folder: the only one, or the one called train, or the largest."""
    kinds = (".csv", ".tsv", ".txt", ".gz", ".data", ".parquet", ".xlsx", ".xlsm", ".xls")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in kinds and path.is_file())
    if not files:
        raise DataError(f"In {folder} there is no table (CSV, TSV, Excel, Parquet).")
    chosen = max(files, key=lambda path: (path.stem.lower() == "train", path.stat().st_size))
    if len(files) > 1:
        print(f"{len(files)} tables: {', '.join(str(path.relative_to(folder)) for path in files[:10])}")
        print(f"This one is used: {chosen.relative_to(folder)}. For another, write its name after a # in data.")
    return chosen


def read_table(address, fewest_columns=2):
    """A table of at most max_rows rows, and fewer if it is wide; of a larger one, a random sample."""
    found, part = find_data(address)
    path = choose_file(found) if found.is_dir() else found
    try:
        rows = sample_rows(read_portions(path, part))
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from None
    if rows.empty:
        raise DataError(f"{path.name} has a header, but no rows.")
    if len(rows.columns) < fewest_columns:
        raise DataError(f"{path.name} has one column only, {rows.columns[0]!r}: its fields must be separated by , ; | or tabs.")
    return rows


def read_portions(path, part):
    """A table in portions; what kind of file it is, its first bytes tell."""
    with open(path, "rb") as file:
        start = file.read(100)
    if not start:
        raise DataError(f"{path.name} is empty.")
    if is_web_page(path):
        raise DataError(f"{path.name} is a web page, not a table. Download the file itself.")
    if start.startswith(b"PAR1"):
        return read_parquet(path)
    if re.match(rb"(?i)(\xef\xbb\xbf)?\s*<(\?xml|table|div|meta|head|style)\b", start):
        raise DataError(f"{path.name} is HTML or XML, whatever its name says. Open it in Excel, and save it as .xlsx or CSV.")
    if re.match(rb"(\xef\xbb\xbf)?\s*(\[\s*)?\{\s*\"", start):
        raise DataError(f"{path.name} is JSON. Make a table of it, for example with pd.read_json(…).to_csv(…).")
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return read_excel(path, part)
    return read_text(path)


def sample_rows(portions):
    """All rows, or a random sample of them: never more than a few portions are in memory."""
    random, kept, keys, count, limit = np.random.default_rng(seed), pd.DataFrame(), np.array([]), 0, 0
    for portion in portions:
        limit = limit or max(100, min(max_rows, 10_000_000 // len(portion.columns)))
        portion.index = range(count + 1, count + 1 + len(portion))
        kept = pd.concat([kept, portion]) if count else portion
        keys = np.append(keys, random.random(len(portion)))
        count += len(portion)
        if len(kept) > limit:
            lowest = np.sort(np.argpartition(keys, limit)[:limit])
            kept, keys = kept.iloc[lowest], keys[lowest]
    if count > len(kept):
        print(f"{count:,} rows, of which {len(kept):,} are used: a random sample, so that it takes minutes, not hours.")
    return kept


# %% id="checks" cellView="form"
# @title Check the parameters
for name, value in {"rounds": rounds, "max_depth": max_depth, "max_rows": max_rows}.items():
    if value < 1:
        raise DataError(f"{name} = {value} does not suit: it must be 1 or more.")
if not 0 < learning_rate <= 1:
    raise DataError(f"learning_rate = {learning_rate} does not suit: it must be above 0, and at most 1.")

# %% id="look"
if not data:
    write_example(results_dir / "flats.csv")
raw = read_table(data or str(results_dir / "flats.csv"))
print(f"{len(raw):,} rows, {len(raw.columns)} columns")
raw.head()

# %% [markdown] id="kinds-text"
# ## What is in the table?
#
# A file says little about its columns, so we look at the values. **Numbers** may be written `1,234.5` or `1.234,5`.
# **Categories** are texts that repeat. **Dates** become year, month and so on later. **Gaps** (*missing values*) need no repair:
# at each question, XGBoost learns for itself on which side the rows without an answer belong.

# %% id="numbers" cellView="form"
# @title Numbers and dates in text
DATE_FORMATS = "ISO8601|%m/%d/%Y|%d/%m/%Y|%d.%m.%Y|%Y/%m/%d|%Y年%m月%d日|%d-%m-%Y|%d-%b-%Y|%Y%m%d".split("|")
DATE_FORMATS += "%m/%d/%y|%d/%m/%y|%d.%m.%y|%d-%b-%y|%d %B %Y|%d %b %Y|%B %d, %Y|%b %d, %Y".split("|")
CURRENCY = "usd|eur|gbp|chf|inr|cny|rmb|元"


def to_numbers(values):
    """Numbers; what is none becomes a gap. A comma is a decimal comma unless it groups digits by threes."""
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64").replace([np.inf, -np.inf], np.nan)
    text = values.astype("string").str.replace(r"[\s$€£¥￥%％'’]", "", regex=True).str.replace("−", "-")
    text = text.str.replace(rf"(?i)^({CURRENCY})|({CURRENCY})$", "", regex=True)
    text = text.str.replace(r"^\((.+)\)$", r"-\1", regex=True)  # so accountants write what is below zero
    with_comma = text[text.str.contains(",", na=False)]
    if len(with_comma) and with_comma.str.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?").all():
        text = text.str.replace(",", "")
    elif len(with_comma):
        text = text.str.replace(".", "").str.replace(",", ".")
    numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    return numbers.replace([np.inf, -np.inf], np.nan)


def to_dates(values):
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.dt.tz_localize(None)
    text = values.astype("string").str.strip()
    days = text.str.replace(r"[ T]\d\d?:\d\d(:\d\d)?(\.\d+)?( ?[AaPp][Mm]|Z|[+-]\d\d:?\d\d)?$", "", regex=True)
    attempts = (pd.to_datetime(days, format=form, errors="coerce") for form in DATE_FORMATS)
    dates = max(attempts, key=lambda dates: dates.notna().sum())
    hours = pd.to_numeric(text.str.extract(r"[ T](\d\d?):\d\d")[0]).fillna(0).astype("int64")
    half = text.str.extract(r" ?([AaPp])[Mm]$")[0].str.lower()
    hours = hours.where(half.isna(), hours % 12 + 12 * half.eq("p").fillna(False).astype("int64"))
    return dates + pd.to_timedelta(hours, unit="h")


def find_kind(values):
    """number, date or category: what at least 95 % of the values are."""
    known = values.dropna()
    if pd.api.types.is_bool_dtype(known) or known.empty:
        return "category"
    if pd.api.types.is_numeric_dtype(known):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(known):
        return "date"
    text = known.astype("string").head(2000)
    codes = text.str.fullmatch(r"0\d+").any()  # 01067 is a postcode, not a number
    if not codes and to_numbers(text).notna().mean() >= 0.95:
        return "number"
    marks = text.str.count(r"[\d/.]")
    return "date" if marks.between(5, 24).mean() >= 0.95 and to_dates(text).notna().mean() >= 0.95 else "category"


def convert(values, kind):
    if kind == "number":
        return to_numbers(values)
    return to_dates(values) if kind == "date" else values.astype("string").str.strip().replace("", pd.NA).astype(object)


def convert_columns(raw, columns):
    """These columns, each converted to its kind; values that are of another kind become gaps, and are counted."""
    table = pd.DataFrame({column: convert(raw[column], kinds[column]) for column in columns})
    for column in columns:
        lost = raw.index[raw[column].notna() & table[column].isna()]
        if len(lost):
            print(f"Column {column!r}: {len(lost)} values are no {kinds[column]}, such as {raw[column][lost[0]]!r} in row {lost[0]}: now gaps.")
    return table


# %% id="kinds"
kinds = {column: find_kind(raw[column]) for column in raw}
table = convert_columns(raw, list(raw))

columns = pd.DataFrame({"kind": kinds, "gaps": table.isna().mean().map("{:.0%}".format), "different values": table.nunique()})
columns["for example"] = [", ".join(str(value) for value in raw[column].dropna().unique()[:3])[:60] for column in raw]
columns

# %% [markdown] id="target-text"
# ## What is to be predicted?
#
# The *target* is a number (**regression**) or one of a few classes (**classification**). The other columns are the *features*.
# Rows without a target teach nothing; their target is predicted at the end.

# %% id="target"
wanted = name_columns([target])[0] if target else ""
alike = [column for column in table if column.lower() == wanted.lower()]
if target and not alike:
    near = [*difflib.get_close_matches(wanted, list(table), 3), *table]
    raise DataError(f"There is no column {target!r}. The columns are {', '.join(dict.fromkeys(near[:40]))}.")
target_name = wanted if wanted in table else alike[0] if alike else table.columns[-1]
if not target:
    print(f"No target is given, so it is the last column, {target_name!r}.")

known = table[target_name].notna()
unknown_rows = table[~known]
rows = table[known].copy()
if kinds[target_name] == "category":
    by_letters = {name.casefold(): name for name in reversed(rows[target_name].value_counts().index)}  # the most frequent spelling
    merged = rows[target_name].map(lambda name: by_letters[name.casefold()])
    if (merged != rows[target_name]).any():
        other = rows[target_name][merged != rows[target_name]].iloc[0]
        print(f"Classes that differ only in capital letters count as one, such as {other!r} and {by_letters[other.casefold()]!r}.")
    rows[target_name] = merged
values = rows[target_name]
if len(unknown_rows):
    print(f"{len(unknown_rows):,} rows have no {target_name!r}: left out, and predicted at the end.")
if len(rows) < 10:
    raise DataError(f"{len(rows)} rows with a value of {target_name!r} are too few: at least 10 are needed.")
if values.nunique() == 1:
    raise DataError(f"Column {target_name!r} is {values.iloc[0]!r} in every row: there is nothing to predict.")
if kinds[target_name] == "date":
    raise DataError(f"Column {target_name!r} holds dates. Choose a column with numbers or classes as target.")
if not 2 <= folds <= len(rows) // 2:
    raise DataError(f"folds = {folds} does not suit {len(rows)} rows: from 2 to {len(rows) // 2} are possible.")

# %% id="task"
if task not in ("auto", "classification", "regression"):
    raise DataError(f'task is "auto", "classification" or "regression", not {task!r}.')
few = values.nunique() <= min(10, len(rows) / 5)
whole = kinds[target_name] == "number" and bool((values % 1 == 0).all())
is_class = task == "classification" or (task == "auto" and (kinds[target_name] == "category" or (few and whole)))
if not is_class and kinds[target_name] != "number":
    raise DataError(f"Column {target_name!r} holds text such as {values.iloc[0]!r}: for regression it must hold numbers.")
if is_class:
    counts = values.value_counts()
    rare = counts[counts < folds].index
    if len(counts) - len(rare) < 2:
        raise DataError(f"Column {target_name!r}: its {len(counts)} different values hardly repeat. Choose another target.")
    if len(rare):
        examples = ", ".join(repr(name) for name in rare[:3])
        print(f"{len(rare)} classes are seen fewer than {folds} times ({examples}): their {counts[rare].sum()} rows are left out.")
    rows = rows[~values.isin(rare)]
print(f"{'Classification' if is_class else 'Regression'}: {target_name!r} of {len(rows):,} rows")

# %% id="target-plot"
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(9, 3))
if is_class:
    bars = rows[target_name].value_counts().head(20)
    ax.bar([str(name) for name in bars.index], bars, color="#40698f")
else:
    ax.hist(rows[target_name], bins=40, color="#40698f")
ax.set(title=f"{target_name}: how often is each value seen?", ylabel="rows")
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown] id="leaks-text"
# ## Which columns may the model see?
#
# A column that is another name for the target gives the answer away (*target leakage*): the score would be perfect, and worthless for new rows.
# An id says nothing about new rows either. Both are left out, as are columns that never change. Name more of them in `leave_out`.

# %% id="leaks"
def describe_flaw(column):
    """Why a column is left out, or ""."""
    if column in asked:
        return "named in leave_out"
    feature, truth = rows[column], rows[target_name]
    known = feature.notna()
    different, share = feature.nunique(), feature.nunique() / max(1, known.sum())
    if different <= 1:
        return "empty" if different == 0 else "the same value in every row"
    pairs = pd.DataFrame({"feature": feature, "truth": truth})[known]
    if len(pairs.drop_duplicates()) == different == pairs["truth"].nunique() and share <= 0.5:
        return "leaks: each of its values belongs to one value of the target"
    if not is_class and kinds[column] == "number" and abs(pairs["feature"].corr(pairs["truth"])) > 0.99999:
        return "leaks: the target in another unit"
    if kinds[column] == "category" and share > 0.5 and different > 20:
        return "an id, a name or free text: another value in nearly every row"
    steps = feature.diff().iloc[1:] if kinds[column] == "number" else pd.Series([0])
    named_id = re.search(r"(?i)(^|[\W_])(id|uuid|key|index|row)$|(?-i:[a-z]I[dD]$)|编号|序号", column)
    if kinds[column] == "number" and share == 1 and len(rows) >= 20 and (named_id or steps.nunique() == 1):
        return "an id: another number in every row"
    return ""


asked = [name.strip() for name in next(csv.reader([str(leave_out)]), []) if name.strip()]
if strange := [name for name in asked if name not in table]:
    raise DataError(f"leave_out names {strange[0]!r}, which is no column. The columns are {', '.join(table.columns[:40])}.")
flaws = {column: describe_flaw(column) for column in table if column != target_name or column in asked}
features = [column for column, flaw in flaws.items() if not flaw and column != target_name]
for column, flaw in flaws.items():
    if flaw:
        print(f"Left out: {column!r}, {flaw}")
if not features:
    raise DataError("No column is left to learn from.")
print(f"{len(features)} features: {', '.join(features[:15])}{', …' if features[15:] else ''}")
copies = int(rows.duplicated().sum())
if copies > 0.05 * len(rows):
    print(f"{copies:,} rows are exact copies of others. If the same thing is in the table twice, remove the copies: otherwise the score is too good.")

# %% [markdown] id="encode-text"
# ## Columns as XGBoost wants them
#
# Numbers stay. Categories get the type `category`, which XGBoost splits by itself: no *one-hot encoding* is needed.
# Of a date it sees the year, the month, the day of the week, the hour, and the days since 2000.

# %% id="encode"
MOST_CATEGORIES = 200
categories = {}
for column in features:
    if kinds[column] == "category":
        categories[column] = rows[column].value_counts().index[:MOST_CATEGORIES].sort_values()
        if rows[column].nunique() > MOST_CATEGORIES:
            print(f"{column!r}: the {MOST_CATEGORIES} most frequent categories are kept, the rarer ones count as gaps.")


def encode(table):
    """The features of any table with these columns; a category that was never seen is a gap."""
    encoded = {}
    for column in features:
        if kinds[column] == "category":
            known = table[column].where(table[column].isin(categories[column]))
            encoded[column] = pd.Categorical(known, categories[column])
        elif kinds[column] == "number":
            encoded[column] = table[column]
        else:
            days = table[column]
            encoded[f"{column}: days"] = (days - pd.Timestamp("2000-01-01")).dt.days
            parts = ["year", "month", "day_of_week", "hour"] if (rows[column].dt.hour > 0).any() else ["year", "month", "day_of_week"]
            encoded |= {f"{column}: {part}": getattr(days.dt, part) for part in parts}
    return pd.DataFrame(encoded, index=table.index)


x = encode(rows)
classes = [int(name) if whole else name for name in sorted(rows[target_name].unique())] if is_class else []
y = rows[target_name].map({name: number for number, name in enumerate(classes)}) if is_class else rows[target_name]
y = y.to_numpy("float64")
print(f"x: {x.shape[0]:,} rows, {x.shape[1]} columns. y: {f'{len(classes)} classes' if is_class else 'numbers'}")
x.head(3)

# %% [markdown] id="baseline-text"
# ## What must it beat?
#
# A *baseline* looks at no feature: it always says the most frequent class, or the mean. A model that is no better has learned nothing.
# We measure the **accuracy** (the share of correct answers) of classes. For numbers we take **R²**: 1 is perfect, 0 is as good as the mean.

# %% id="baseline"
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

metric = "accuracy" if is_class else "R²"


def measure(truth, predictions):
    return float((accuracy_score if is_class else r2_score)(truth, predictions))


usual = float(np.bincount(y.astype(int)).argmax() if is_class else y.mean())
baseline = measure(y, np.full(len(y), usual))
print(f"Baseline: always {classes[int(usual)] if is_class else f'{usual:,.4g}'}: {metric} {baseline:.3f}")

# %% [markdown] id="train-text"
# ## Training
#
# *Gradient boosting* builds small trees one after another, and each one corrects the sum of those before it.
# Too many of them learn chance by heart (*overfitting*). So a part of the rows is kept aside,
# and when 30 more trees have not improved the predictions for these, training stops (*early stopping*).
# Then a new model, with the best number of trees, learns from all rows.

# %% id="train"
from sklearn.model_selection import train_test_split

settings = {"max_depth": max_depth, "learning_rate": learning_rate, "device": device, "seed": seed}
settings["nthread"] = 1 if x.size < 100_000 else 0  # sharing little work takes longer than doing it; 0: all cores
settings |= {"subsample": 0.8, "colsample_bytree": 0.8, "min_child_weight": 1 if is_class else 5}
if is_class and len(classes) > 2:
    settings |= {"objective": "multi:softprob", "num_class": len(classes), "eval_metric": "mlogloss"}
elif is_class:
    settings |= {"objective": "binary:logistic", "eval_metric": "logloss"}
else:
    settings |= {"objective": "reg:squarederror", "eval_metric": "rmse"}


def train(x, y):
    """A booster that learned from all these rows, and the losses of the trial that chose its number of trees."""
    x_learn, x_stop, y_learn, y_stop = train_test_split(x, y, test_size=0.125, random_state=seed)
    learn = xgboost.DMatrix(x_learn, y_learn, enable_categorical=True)
    stop = xgboost.DMatrix(x_stop, y_stop, enable_categorical=True)
    losses = {}
    trial = xgboost.train(
        settings,
        learn,
        rounds,
        evals=[(learn, "learned_from"), (stop, "kept_aside")],
        early_stopping_rounds=30,
        evals_result=losses,
        verbose_eval=False,
    )
    everything = xgboost.DMatrix(x, y, enable_categorical=True)
    return xgboost.train(settings, everything, trial.best_iteration + 1), losses


def predict(booster, x):
    """The probability of each class, or the numbers."""
    answers = booster.predict(xgboost.DMatrix(x, enable_categorical=True))
    return np.column_stack([1 - answers, answers]) if is_class and answers.ndim == 1 else answers


model, losses = train(x, y)
print(f"{model.num_boosted_rounds()} trees a class" if len(classes) > 2 else f"{model.num_boosted_rounds()} trees")

# %% id="losses"
figure, ax = plt.subplots(figsize=(9, 3))
for (part, course), color in zip(losses.items(), ["#40698f", "#b5577b"]):
    ax.plot(range(1, len(course[settings["eval_metric"]]) + 1), course[settings["eval_metric"]], label=part.replace("_", " "), color=color)
ax.axvline(model.num_boosted_rounds(), color="gray", linestyle=":", label="the best number of trees")
ax.set(title="The loss: how wrong are the predictions?", xlabel="trees", ylabel=settings["eval_metric"])
ax.legend(frameon=False)
plt.show()

# %% [markdown] id="folds-text"
# ## How good is it on new rows?
#
# *Cross-validation*: the rows are dealt into groups (*folds*). Each fold once plays the new rows, and a model that learned from the others predicts it.
# So every row is predicted by a model that never saw it.

# %% id="folds"
import time

from sklearn.model_selection import KFold, StratifiedKFold

started = time.perf_counter()
answers = np.zeros((len(y), len(classes)) if is_class else len(y))
scores = []
splitter = (StratifiedKFold if is_class else KFold)(folds, shuffle=True, random_state=seed)
for number, (learn, new) in enumerate(splitter.split(x, y)):
    booster, _ = train(x.iloc[learn], y[learn])
    answers[new] = predict(booster, x.iloc[new])
    scores.append(measure(y[new], answers[new].argmax(axis=1) if is_class else answers[new]))
    print(f"Fold {number + 1}: {metric} {scores[-1]:.3f}, {booster.num_boosted_rounds()} trees")
predictions = answers.argmax(axis=1) if is_class else answers
score = measure(y, predictions)
seconds = time.perf_counter() - started

# %% id="verdict"
print(f"{metric}: {score:.3f} ± {np.std(scores):.3f}. Baseline: {baseline:.3f}")
if not is_class:
    print(f"On average off by {mean_absolute_error(y, predictions):,.4g}; the baseline by {np.abs(y - y.mean()).mean():,.4g}.")
if score <= baseline + np.std(scores) / folds**0.5:
    print("No better than the baseline: these columns tell nothing about the target, or there are too few rows.")
if score > 0.999:
    print("Nearly perfect. Is there a column that would not be known for new rows? Name it in leave_out.")

# %% id="mistakes"
figure, ax = plt.subplots(figsize=(6, 5))
if is_class:
    common = np.argsort(-np.bincount(y.astype(int)))[:12]
    shown = np.isin(y, common) & np.isin(predictions, common)
    table_of_answers = pd.crosstab(y[shown].astype(int), predictions[shown]).reindex(index=common, columns=common, fill_value=0)
    ax.imshow(np.sqrt(table_of_answers), cmap="Blues")
    for (down, right), count in np.ndenumerate(table_of_answers.to_numpy()):
        ax.text(right, down, count, ha="center", va="center", color="white" if count > 0.25 * len(y) / len(common) else "black")
    names = [str(classes[number])[:20] for number in common]
    ax.set_xticks(range(len(common)), names, rotation=45, ha="right")
    ax.set_yticks(range(len(common)), names)
    ax.set(title="Confusion matrix: the diagonal is correct", xlabel="predicted", ylabel="true")
else:
    ax.scatter(predictions, y, s=8, alpha=0.4, color="#40698f")
    ax.axline((y.mean(), y.mean()), slope=1, color="#b5577b")
    ax.set(title="On the line, the prediction is correct", xlabel=f"predicted {target_name}", ylabel=f"true {target_name}")
plt.show()

# %% [markdown] id="contributions-text"
# ## What does each column contribute?
#
# For each row, a prediction is a sum: a start value, and what each feature adds to it (its *SHAP value*).
# The mean size of these contributions says how much the model relies on a column. It says nothing about causes.

# %% id="contributions"
some = x.sample(min(1000, len(x)), random_state=seed)
contributions = model.predict(xgboost.DMatrix(some, enable_categorical=True), pred_contribs=True)
contributions = contributions.reshape(len(some), -1, x.shape[1] + 1)  # rows, classes, features and the start value
sizes = pd.Series(np.abs(contributions[:, :, :-1]).mean(axis=(0, 1)), index=x.columns)
of_column = sizes.groupby([name if name in features else name.rpartition(": ")[0] for name in x.columns]).sum()

top = (100 * of_column / max(of_column.sum(), 1e-12)).sort_values().tail(12)
ax = top.plot.barh(color="#40698f", figsize=(9, 0.6 + 0.35 * len(top)))
ax.bar_label(ax.containers[0], fmt="%.1f %%", padding=3)
ax.set(title="Share of each column in the predictions", xlabel="percent", xlim=(0, 1.15 * top.max() + 1))
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown] id="swarm-text"
# Now each dot is a row. To the right, the feature raises the prediction; to the left, it lowers it.
# Its color says if the feature itself is low (blue) or high (red); categories and gaps are gray.

# %% id="swarm"
focus = int(np.bincount(y.astype(int)).argmax()) if len(classes) > 2 else 0
best = sizes.sort_values().tail(10).index
figure, ax = plt.subplots(figsize=(9, 0.8 + 0.5 * len(best)))
for height, name in enumerate(best):
    shift = contributions[:, focus, x.columns.get_loc(name)]
    place = pd.Series(shift).groupby(np.digitize(shift, np.histogram_bin_edges(shift, 80))).cumcount()
    swarm = height + 0.42 * (-1) ** place * place / max(place.max(), 20)
    is_number = pd.api.types.is_numeric_dtype(some[name])
    has_color = some[name].notna().to_numpy() & is_number
    ax.scatter(shift[~has_color], swarm[~has_color], s=6, color="darkgray")
    if is_number:
        ax.scatter(shift[has_color], swarm[has_color], s=6, c=some[name].rank(pct=True)[has_color], cmap="coolwarm")
ax.axvline(0, color="lightgray", zorder=0)
ax.set_yticks(range(len(best)), best)
meaning = f"towards {classes[focus] if len(classes) > 2 else classes[1]} (log odds)" if is_class else f"{target_name}"
ax.set(title="What each feature adds, row by row", xlabel=f"contribution: {meaning}")
ax.spines[["top", "right", "left"]].set_visible(False)
plt.show()

# %% [markdown] id="one-text"
# And a single row, the one with the highest prediction: how did it come about?

# %% id="one"
row = int(contributions[:, focus].sum(axis=1).argmax())
values_of_row = [f"{value:g}" if isinstance(value, (int, float)) else str(value) for value in some.iloc[row]]
labels = [f"{name} = {value}" for name, value in zip(x.columns, values_of_row)]
parts = pd.Series(contributions[row, focus, :-1], index=labels)
parts = parts.reindex(parts.abs().sort_values().tail(8).index)
ax = parts.plot.barh(color=np.where(parts > 0, "#b5577b", "#40698f"), figsize=(9, 3))
ax.set(title=f"Row {some.index[row]}: from {contributions[row, focus, -1]:,.4g}, the start value, to {contributions[row, focus].sum():,.4g}")
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown] id="save-text"
# ## Keep the model, and use it
#
# Saved, loaded again, and checked: the copy must give the same answers. `predictions.csv` holds a prediction for each row:
# for those with a known target it comes from the cross-validation, so it is an honest one; for the others from the model of all rows.

# %% id="save"
import json

model.save_model(results_dir / "model.json")
about_columns = {"target": target_name, "classes": [str(name) for name in classes], "kinds": {name: kinds[name] for name in features}}
about_columns["categories"] = {name: list(kept) for name, kept in categories.items()}
(results_dir / "columns.json").write_text(json.dumps(about_columns, indent=1, ensure_ascii=False), encoding="utf-8")
copy = xgboost.Booster(model_file=results_dir / "model.json")
np.testing.assert_allclose(predict(copy, x), predict(model, x), rtol=1e-5, atol=1e-5)
print("The saved model answers like the trained one.")


def add_predictions(table, answers, known):
    """The table with a column for the prediction, the probability of a class, and whether the target was known."""
    added = {"prediction": [classes[best] for best in answers.argmax(axis=1)] if is_class else answers}
    added |= {"probability": answers.max(axis=1).round(4)} if is_class else {}
    added["cross_validated"] = known
    names = name_columns([*table.columns, *added])[len(table.columns) :]  # the table may have a column with such a name
    return table.assign(**dict(zip(names, added.values())))


tables = [add_predictions(raw.loc[rows.index], answers, "yes")]
if len(unknown_rows):
    tables.append(add_predictions(raw.loc[unknown_rows.index], predict(model, encode(unknown_rows)), "no"))
predicted = pd.concat(tables).sort_index()
predicted.to_csv(results_dir / "predictions.csv", index_label="row", encoding="utf-8-sig")
predicted.tail(3)

# %% id="new"
if new_data:
    strangers = read_table(new_data, fewest_columns=1)
    if gone := [column for column in features if column not in strangers]:
        raise DataError(f"new_data lacks {len(gone)} columns of the first table: {', '.join(gone[:10])}.")
    new_table = convert_columns(strangers, features)
    for column, seen in categories.items():
        values_of_column = new_table[column].dropna()
        unseen = values_of_column[~values_of_column.isin(seen)]
        if len(unseen):
            print(f"Column {column!r}: {len(unseen)} values were not in the first table, such as {unseen.iloc[0]!r}: they count as gaps.")
    answers_for_new = add_predictions(strangers, predict(model, encode(new_table)), "no")
    answers_for_new.to_csv(results_dir / "new_predictions.csv", index_label="row", encoding="utf-8-sig")
    print(f"{len(strangers):,} new rows are predicted: new_predictions.csv")

results = {
    "problem": "classification" if is_class else "regression",
    "score": round(score, 4),
    "score_std": round(float(np.std(scores)), 4),
    "baseline": round(baseline, 4),
    "used_rows": len(rows),
    "used_columns": len(features),
    "trees": model.num_boosted_rounds(),
    "seconds": round(seconds, 2),
    "device": "gpu" if device == "cuda" else "cpu",
}
if not is_class:
    results["mean_absolute_error"] = round(float(mean_absolute_error(y, predictions)), 4)

# %% [markdown] id="exercises"
# ## Exercises
#
# 1. Set `max_depth = 1`: then each tree asks one question, and no two columns can work together. What does that cost? Look at the score and at the dots.
# 2. Predict another column: set `target`. In the example, `district` is a classification with five classes. Which ones are confused with each other?
# 3. Name the strongest column in `leave_out`. Which column takes its place, and how much worse is the score?
#
# **To look things up:** [XGBoost's parameters](https://xgboost.readthedocs.io/en/stable/parameter.html) ·
# [categories in XGBoost](https://xgboost.readthedocs.io/en/stable/tutorials/categorical.html) ·
# [cross-validation](https://scikit-learn.org/stable/modules/cross_validation.html) ·
# [leakage and other pitfalls](https://scikit-learn.org/stable/common_pitfalls.html) ·
# [SHAP values](https://shap.readthedocs.io/en/latest/example_notebooks/overviews/An%20introduction%20to%20explainable%20AI%20with%20Shapley%20values.html)
#:: endblock

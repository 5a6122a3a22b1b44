import http.client
import io
import urllib.request
from itertools import product

import pandas as pd

TITANIC_URL = "https://raw.githubusercontent.com/vincentarelbundock/Rdatasets/master/csv/datasets/Titanic.csv"
TITANIC_COLUMNS = ["Class", "Sex", "Age", "Survived", "Freq"]
TITANIC_COUNTS = """
    0   0  35   0   0  0 17  0  118 154 387 670    4 13 89  3
    5  11  13   0   1 13 14  0   57  14  75 192  140 80 76 20
"""  # first and second line: died, survived; boys, girls, men, women; each by class: 1st, 2nd, 3rd, crew


def rebuild_titanic():
    """The table that TITANIC_URL holds, from the counts above."""
    kinds = product(["No", "Yes"], ["Child", "Adult"], ["Male", "Female"], ["1st", "2nd", "3rd", "Crew"])
    counts = map(int, TITANIC_COUNTS.split())
    rows = [(group, sex, age, survived, count) for (survived, age, sex, group), count in zip(kinds, counts)]
    return pd.DataFrame(rows, columns=TITANIC_COLUMNS)


def load_titanic():
    """32 rows, one for each class, sex, age and fate: how many of the 2,201 people on board were there?"""
    try:
        with urllib.request.urlopen(TITANIC_URL, timeout=20) as answer:
            table = pd.read_csv(io.BytesIO(answer.read()))
        if not set(TITANIC_COLUMNS) <= set(table):
            raise ValueError(f"it has other columns: {', '.join(table)}")
        if table.groupby("Survived")["Freq"].sum().to_dict() != {"No": 1490, "Yes": 711}:
            raise ValueError("its numbers are wrong")
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"The table on the web cannot be used ({error}), so the copy in this notebook stands in.")
        return rebuild_titanic()
    print("Downloaded", TITANIC_URL)
    return table[TITANIC_COLUMNS]

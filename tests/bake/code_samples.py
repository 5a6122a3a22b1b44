"""Random Python code with strings that are shown and strings that are data, in every way of writing them.

It runs on its own too, with another Python: ``python code_samples.py SEED COUNT`` prints what a translation makes of
the samples, as JSON.
"""

import json
import random
import sys

from colab_starter.bake.code_text import replace_in_code
from colab_starter.bake.errors import TranslationError
from colab_starter.bake.passages import Passage

WORDS = [
    "training",
    "the data",
    "it's",
    'say "hi"',
    "# %% no marker",
    "100 %",
    "数据",
    "épée",
    "a\\\\b",
    "tab\\there",
    "x {y}",
]
FIELDS = [
    "{x}",
    "{x!r}",
    "{x:>4}",
    "{x:{x}}",
    "{x + 1:,}",
    "{d.get(OTHERa key}OTHER)}",
    "{len(s):OTHER>3}",
    "{OTHERyesOTHER if x else s}",
]
FIELDS += ["{OTHER, OTHER.join(s) or OTHERnothing at allOTHER}", "{(lambda y: y)(x)}", "{x != 2}", "{x == 3!s:>6}"]
SHOWN = ["print({0})", "print(x, {0} if x else {1})", "assert x, {0}", "if not x:\n    raise ValueError({0})"]
SHOWN += ["print({0}\n      {1})", "def f():\n    {2}\n    problem = {0}\n    print(f'{{problem}}!')\nf()"]
DATA = [
    "d[{0}] = 1",
    "s = {0} + s",
    "print(d.get(s), file=out)",
    "y = {{{0}: [{1}]}}",
    "print(len({0}))",
    "z = {0} == s",
]
DATA += ["name = {0}\nd[name] = 2\nprint(name)", "w = s.replace({0}, {1})"]
COMMENTS = ["# a comment", "    # indented and 'quoted'", "x = 3  # at the end", "# @title A title", "# %pip install x"]
COMMENTS += ["# type: ignore", 'x = 3  # @param {type:"integer"}', "# %%", "#!ls"]
VARIABLES = ("x", "d", "s", "y", "z", "w", "name")
"""What the samples leave behind, so that their strings may be more than shown."""

TRANSLATED = "译 'one' \"two\" \\three "


def make_sample(chance: random.Random) -> str:
    """A few statements that can be executed: ``x``, ``d``, ``s`` and ``out`` are there."""
    lines = []
    for _ in range(chance.randint(2, 6)):
        if chance.random() < 0.3:
            comment = chance.choice(COMMENTS)
            lines.append(f"if x:\n{comment}\n    pass" if comment.startswith(" ") else comment)
        else:
            statement = chance.choice(SHOWN + DATA)
            lines.append(statement.format(make_string(chance), make_string(chance), '"""Say what it\ndoes."""'))
    return "\n".join(lines) + "\n"


def make_string(chance: random.Random) -> str:
    prefix = chance.choice(["", "", "f", "f", "F", "r", "rf", "fR", "u"])
    quote = chance.choice(["'", '"', "'''", '"""'])
    other = '"' if quote[0] == "'" else "'"
    is_raw, is_f = "r" in prefix.lower(), "f" in prefix.lower()
    parts = []
    for _ in range(chance.randint(1, 4)):
        if is_f and chance.random() < 0.5:
            parts.append(chance.choice(FIELDS).replace("OTHER", other))
            continue
        word = chance.choice(WORDS).replace(quote[0], other if is_raw else "\\" + quote[0])
        word = word.replace("\\t", "t").replace("\\\\", "/") if is_raw else word
        parts.append(word.replace("{", "{{").replace("}", "}}") if is_f else word)
    if not is_raw:
        parts.insert(1, chance.choice(["", "\\n", "\\\n", "\\x41", "\\N{DASH}".replace("DASH", "EN DASH"), "\\u8bd1"]))
    if len(quote) == 3:
        parts.insert(1, chance.choice(["", "\n", " "]))
    return prefix + quote + " ".join(parts) + quote


def translate(passage: Passage) -> "str | None":
    """Put words with all kinds of quotes in front; None where the string cannot hold them."""
    text = passage.text.lstrip()
    try:
        return passage.fit(passage.text[: len(passage.text) - len(text)] + TRANSLATED + text)
    except TranslationError:
        return None


if __name__ == "__main__":
    samples = [make_sample(random.Random(f"{sys.argv[1]}-{number}")) for number in range(int(sys.argv[2]))]
    print(json.dumps([[sample, replace_in_code(sample, translate, used_elsewhere=VARIABLES)] for sample in samples]))

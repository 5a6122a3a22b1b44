import ast
import importlib
import json
import subprocess
import sys

import cookiecutter
import pytest
from jinja2 import DictLoader, Environment
from jinja2.exceptions import UndefinedError

from colab_starter.bake import extension as notebook_extension
from colab_starter.bake.errors import TemplateFaultError
from colab_starter.bake.extension import markdown_text, python_dict
from colab_starter.bake.percent import to_ipynb
from tests.conftest import QUESTIONS, REPOSITORY


def environment(**templates: str) -> Environment:
    files = {name.replace("__", "/") + ".py": text for name, text in templates.items()}
    return Environment(
        loader=DictLoader(files),
        extensions=[notebook_extension.NotebookExtension],
        **QUESTIONS["_jinja2_env_vars"],
    )


def test_one_file_included_twice_is_a_duplicate_id() -> None:
    template = environment(cells__a="# %%\n1\n")
    twice = '#:: filter to_ipynb("none")\n#:: include "cells/a.py"\n#:: include "cells/a.py"\n#:: endfilter\n'
    assert template.loader is not None
    with pytest.raises(TemplateFaultError, match=r"templates/cells/a.py, line 1: the id 'a-0' is taken"):
        template.from_string(twice).render()


def test_an_undefined_name_names_the_template_and_the_line() -> None:
    template = environment(cells__a="# %%\nx = 1\ny = '{{ nothing }}'\n")
    with pytest.raises(UndefinedError, match=r"'nothing' is undefined \(templates/cells/a.py, line 3\)"):
        template.get_template("cells/a.py").render()


def test_a_value_that_looks_like_a_marker_makes_no_cell() -> None:
    template = environment(cells__a='# %%\nname = """{{ name }}"""\n')
    script = template.get_template("cells/a.py").render(name="\n# %% [markdown]\n# injected")
    assert len(json.loads(to_ipynb(script, "none"))["cells"]) == 1


def test_windows_line_ends_in_a_template_come_out_as_plain_newlines() -> None:
    template = environment(cells__a="# %%\r\nx = 1\r\n")
    assert json.loads(to_ipynb(template.get_template("cells/a.py").render(), "none"))["cells"][0]["source"] == ["x = 1"]


def test_markdown_text_stands_on_one_line_and_shows_every_character() -> None:
    assert markdown_text("a\nb  *c* <d> `e` [f] \\") == r"a b \*c\* \<d\> \`e\` \[f\] \\"
    assert markdown_text("$5 or $6, R&D, R&amp;D ~~g~~") == r"\$5 or \$6, R&D, R\&amp;D \~\~g\~\~"


def test_an_old_cookiecutter_is_told_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cookiecutter, "__version__", "2.6.0")
    with pytest.raises(ImportError, match=r"needs cookiecutter >= 2\.7, this is 2\.6\.0"):
        importlib.reload(notebook_extension)


def test_the_extension_imports_nothing_beyond_what_cookiecutter_brings() -> None:
    code = (
        "import cookiecutter.exceptions, jinja2, jinja2.ext, json, re, sys; before = set(sys.modules)\n"
        "import colab_starter.bake.extension\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['colab_starter']"


def test_a_long_dict_is_python_in_lines_of_at_most_96_characters() -> None:
    packages = {f"module{number}": f"package-{number}" for number in range(20)}
    source = python_dict(packages)
    assert ast.literal_eval(source) == packages
    assert max(map(len, source.splitlines())) <= 96


def test_a_short_dict_stays_on_one_line() -> None:
    assert python_dict({}) == "{}"
    assert python_dict({"cv2": "opencv-python-headless"}) == '{"cv2": "opencv-python-headless"}'

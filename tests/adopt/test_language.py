"""``adopt --language``: the new cells in another language, a second time, and what belongs to the user."""

import ast
import json
import re
import tokenize
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from colab_starter.adopt.adopt import Options, adopt
from colab_starter.adopt.cells import NO_NEEDS, bake_added_cells
from colab_starter.adopt.draft import PREFIX
from colab_starter.adopt.machine import FRAMEWORKS
from colab_starter.bake.percent import ACCELERATORS
from colab_starter.cli import run_command
from colab_starter.errors import UnknownChoiceError
from colab_starter.notebook.model import join_source, read_notebook
from tests.adopt.conftest import PYTHON, Adopt
from tests.adopt.test_adopt import change
from tests.adopt.test_wild_notebooks import split_cells
from tests.adopt.wild import make_wild
from tests.check.conftest import notebook_of, text
from tests.support.marks import seeds
from tests.support.same_code import blank_strings

CELLS: list[Any] = [
    text("# Mine"),
    "!pip install einops",
    "lr = 0.1\nepochs = 2",
    "from google.colab import drive\ndrive.mount('/content/drive')",
    "score = lr * epochs\nprint(score)",
]
ENGLISH_PROSE = re.compile(r"[A-Za-z]+ [a-z]+ [a-z]+ [a-z]+")


def write(folder: Path, cells: list[Any] = CELLS, version: tuple[int, int] = (4, 5)) -> Path:
    """A notebook of the cells, in some version of the format."""
    data = notebook_of([*cells], metadata=PYTHON, nbformat=version[0], nbformat_minor=version[1])
    if version < (4, 5):
        for cell in data["cells"]:
            cell["metadata"]["id"] = cell.pop("id")
    if version < (4, 0):
        for cell in (cell for cell in data["cells"] if cell["cell_type"] == "code"):
            cell |= {"input": cell.pop("source"), "language": "python", "collapsed": False}
            del cell["execution_count"]
        data["worksheets"] = [{"cells": data.pop("cells"), "metadata": {}}]
    path = folder / "mine.ipynb"
    path.write_text(json.dumps(data, indent=1))
    return path


def split_ours(content: str) -> tuple[list[str], list[str]]:
    """The texts of the added cells, and those of the user's."""
    cells = split_cells(content)
    return [cell for cell in cells if PREFIX in cell], [cell for cell in cells if PREFIX not in cell]


def find_texts(cell: dict[str, Any]) -> list[str]:
    """The Markdown of a cell, or the strings and comments of its code."""
    source = join_source(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    strings = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    return [
        *(value for value in strings if isinstance(value, str)),
        *(token.string for token in tokens if token.type == tokenize.COMMENT),
    ]


# The first time


def test_the_new_cells_and_the_comments_in_place_of_moved_lines_are_in_the_language(adopt_cells: Adopt) -> None:
    adopted = adopt_cells(CELLS, language="zh-CN")
    assert adopted.form[:3] == [
        "# @title 参数",
        'lr = 0.1  # @param {type:"number"}',
        'epochs = 2  # @param {type:"integer"}',
    ]
    assert adopted.ours["machine-0"].source.startswith("# @title 这是什么机器？\n")
    assert adopted.ours["record-text"].source.startswith("## 结果\n")
    assert adopted.ours["record-numbers"].source == (
        '# 一行记录一个数字，例如：results["accuracy"] = accuracy\nresults = {}\nresults["score"] = score'
    )
    assert adopted.theirs[1:4] == [
        "# 已移到开头的安装单元格：!pip install einops",
        "# 已移到开头的表单：lr = 0.1\n# 已移到开头的表单：epochs = 2",
        "# 已移到开头的存储单元格：from google.colab import drive\n"
        "# 已移到开头的存储单元格：drive.mount('/content/drive')",
    ]


def test_the_comment_on_numbers_names_the_dict_that_there_is(adopt_cells: Adopt) -> None:
    adopted = adopt_cells(["results = [1]\nprint(results)"], language="zh-CN")
    assert (
        adopted.ours["record-numbers"].source
        == '# 一行记录一个数字，例如：recorded["accuracy"] = accuracy\nrecorded = {}'
    )
    assert "`recorded`" in adopted.ours["record-text"].source


@pytest.mark.parametrize("framework", ["", *FRAMEWORKS])
def test_the_code_is_the_same_in_both_languages_and_no_sentence_stays_english(framework: str) -> None:
    needs = NO_NEEDS._replace(apt=["sox"])
    for machine in ACCELERATORS:
        english, chinese = (
            bake_added_cells(language, needs=needs, accelerator=machine, framework=framework, metrics=["rmse"])
            for language in ("en", "zh-CN")
        )
        assert any(ENGLISH_PROSE.search(prose) for cell in english for prose in find_texts(cell))
        for cell, other in zip(english, chinese, strict=True):
            assert {**other, "source": ""} == {**cell, "source": ""}
            source, translated = join_source(cell["source"]), join_source(other["source"])
            assert source != translated
            assert [prose for prose in find_texts(other) if ENGLISH_PROSE.search(prose)] == []
            if cell["cell_type"] == "code":
                assert blank_strings(translated) == blank_strings(source)


@pytest.mark.parametrize("seed", seeds(4, 12))
def test_only_the_comments_in_place_of_moved_lines_differ_in_the_users_cells(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "wild.ipynb"
    path.write_bytes(make_wild(seed).content)
    english, chinese = (adopt(path, Options(language=language)) for language in ("en", "zh-CN"))
    assert english.new == adopt(path, Options()).new
    assert (chinese.form, chinese.moved, chinese.followed, chinese.left, chinese.doubtful) == (
        english.form, english.moved, english.followed, english.left, english.doubtful,
    )  # fmt: skip
    for cell, other in zip(split_ours(english.new)[1], split_ours(chinese.new)[1], strict=True):
        if cell != other:
            lines = [join_source(json.loads(one).get("source", json.loads(one).get("input"))) for one in (cell, other)]
            for line, translated in zip(*(one.split("\n") for one in lines), strict=True):
                assert line == translated or re.sub("^# 已移到[^：]+：", "", translated) == re.sub(
                    "^# moved to [^:]+: ", "", line
                )
    path.write_bytes(chinese.content)
    assert adopt(path, Options()).content == chinese.content


def test_escapes_are_written_as_the_file_has_them_whatever_letter_follows(tmp_path: Path) -> None:
    path = write(tmp_path, [text("# 梯度Descent"), "EPOCHS = 2", "print(EPOCHS)"])
    assert r"\u68af\u5ea6Descent" in path.read_text()
    for language in ("zh-CN", "en", "zh-CN"):
        new = adopt(path, Options(language=language)).new
        assert re.findall(r"\\u[0-9a-f]{0,3}[A-F]", new) == []
        path.write_text(new)
    assert r"\u8868\u5355\uff1aEPOCHS = 2" in new


# A second time


@pytest.mark.parametrize("version", [(3, 0), (4, 4), (4, 5)])
def test_the_second_time_keeps_the_language_and_another_one_renews_the_new_cells_only(
    version: tuple[int, int], tmp_path: Path
) -> None:
    path = write(tmp_path, version=version)
    both = {language: adopt(path, Options(language=language)) for language in ("en", "zh-CN")}
    for language, other in (("en", "zh-CN"), ("zh-CN", "en")):
        path.write_bytes(both[language].content)
        for again in (None, language):
            assert adopt(path, Options(language=again)).content == both[language].content
        renewed = adopt(path, Options(language=other))
        assert split_ours(renewed.new)[0] == split_ours(both[other].new)[0]
        assert split_ours(renewed.new)[1] == split_ours(both[language].new)[1]
        assert (renewed.old_language, renewed.language) == (language, other)
        assert not renewed.moved
        path.write_bytes(renewed.content)
        assert not adopt(path, Options()).changed
        assert adopt(path, Options(language=language)).content == both[language].content


def test_the_language_is_known_from_the_cells_whatever_an_older_version_or_the_user_wrote(adopt_cells: Adopt) -> None:
    first = adopt_cells(CELLS, language="zh-CN")
    path = first.save()
    change(path, "machine-0", "这是什么机器？", "旧版本的标题")
    change(path, "storage-0", "结果存到哪里？", "Where do the results go?")
    change(path, "parameters-0", "# @title 参数", "# @title My own title")
    data = json.loads(path.read_text())
    for cell in data["cells"]:
        cell["metadata"] = {}
    data["cells"] = [cell for cell in data["cells"] if cell["id"] not in ("adopted-install-0", "adopted-record-text")]
    path.write_text(json.dumps(data, indent=1))
    again = adopt_cells(path)
    assert again.adoption.language == "zh-CN"
    assert again.form[0] == "# @title My own title"
    for name in ("machine-0", "storage-0", "record-text"):
        assert again.ours[name].source == first.ours[name].source
    assert again.ours["install-0"].source.startswith("# @title 安装缺少的包\n")


def test_what_the_user_wrote_into_the_form_and_the_numbers_stays_in_another_language(adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS).save()
    change(path, "parameters-0", "lr = 0.1", "# @markdown # @title Parameters\nlr = 0.7")
    change(path, "parameters-0", "use_drive = True", "use_drive = False")
    change(path, "record-numbers", "results = {}", "# One line of mine\nresults = {}")
    english = adopt_cells(path)
    assert not english.adoption.changed
    chinese = adopt_cells(path, language="zh-CN")
    assert chinese.form == ["# @title 参数", *english.form[1:]]
    before, after = (one.ours["record-numbers"].source.split("\n") for one in (english, chinese))
    assert after == ['# 一行记录一个数字，例如：results["accuracy"] = accuracy', *before[1:]]
    change(path, "parameters-0", "# @title Parameters\n", "# @title Mine\n")
    assert adopt_cells(path, language="zh-CN").form[0] == "# @title Mine"


def test_new_lines_move_in_the_language_of_the_cells(adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS, language="zh-CN").save()
    data = json.loads(path.read_text())
    data["cells"][-3:-3] = notebook_of([{**text(""), "cell_type": "code", "source": "!pip install timm", "id": "new"}])[
        "cells"
    ]
    path.write_text(json.dumps(data, indent=1))
    assert "# 已移到开头的安装单元格：!pip install timm" in adopt_cells(path).theirs


# What is told


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call ``colab-starter`` in a folder with ``mine.ipynb``; returns its status and what it printed."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    return lambda *arguments: (run_command(list(arguments), debug=False), *capsys.readouterr())


def test_a_language_that_there_is_not_is_one_line_with_those_that_there_are(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UnknownChoiceError):
        adopt(tmp_path / "mine.ipynb", Options(language="fr"))
    for command in (["adopt", "mine.ipynb"], ["new", "--from", "mine.ipynb"]):
        status, printed, told = run(*command, "--language", "zh-cn")
        assert (status != 0, printed) == (True, "")
        assert told == "colab-starter: unknown language 'zh-cn': did you mean 'zh-CN'? choose one of en, zh-CN\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.ipynb"]


def test_a_dry_run_shows_the_language_and_messages_stay_english(run: Run) -> None:
    _, shown, _ = run("adopt", "mine.ipynb", "--dry-run", "--language", "zh-CN")
    assert "new cell 2: 参数 (" in shown
    assert "\n  Language: zh-CN\n" in shown
    assert "\n  Moved: cell 2, line 1: !pip install einops\n" in shown
    assert "Language" not in run("adopt", "mine.ipynb", "--dry-run")[1]
    assert json.loads(run("adopt", "mine.ipynb", "--language", "zh-CN", "--json")[1])["language"] == "zh-CN"
    _, shown, _ = run("adopt", "mine.adopted.ipynb", "--dry-run", "--language", "en")
    assert "changed cell 2: Parameters (" in shown
    assert "\n  Language: en\n" in shown


def test_cells_in_another_language_replace_those_that_are_there_only_if_asked(run: Run) -> None:
    run("adopt", "mine.ipynb", "--language", "zh-CN")
    status, _, told = run("adopt", "mine.adopted.ipynb", "--language", "en")
    assert status == 1
    assert told == (
        "colab-starter: mine.adopted.ipynb was adopted with --language zh-CN: "
        "--in-place renews its first cells, --output FILE writes a copy\n"
    )
    _, printed, _ = run("adopt", "mine.adopted.ipynb", "--language", "en", "--in-place")
    assert printed.startswith("renewed mine.adopted.ipynb\n")


CHINESE = "# 手写数字识别\n用 Keras 训练一个卷积神经网络，数据集是 MNIST。[徽章](https://colab.research.google.com/x)"


@pytest.mark.parametrize(
    ("words", "options", "is_suggested"),
    [
        (CHINESE, [], True),
        (CHINESE, ["--language", "en"], False),
        ("# 手書き数字\nMNISTのデータセットで、小さなニューラルネットワークを訓練します。", [], False),
        ("# Handwritten digits (手写数字)\nThis trains a small network.", [], False),
        ("", [], False),
    ],
)
def test_a_chinese_notebook_gets_english_cells_unless_asked_and_one_line_says_how(
    words: str, options: list[str], is_suggested: bool, run: Run, tmp_path: Path
) -> None:
    write(tmp_path, [text(words), *CELLS[1:]])
    _, printed, _ = run("adopt", "mine.ipynb", *options)
    line = "  Language: en; --language zh-CN puts the new cells into the notebook's own"
    assert [one for one in printed.splitlines() if "Language" in one] == [line] * is_suggested
    assert "# @title Parameters" in Path("mine.adopted.ipynb").read_text()
    assert "Language" not in run("adopt", "mine.adopted.ipynb")[1]


# Whole projects


def make(run: Run, notebook: str, *options: str) -> Path:
    """The project that ``new --from`` makes in ``made``."""
    status, _, told = run("new", "--from", notebook, "made", *options)
    assert status == 0, told
    (project,) = Path("made").iterdir()
    return project


def first_cells_of(project: Path) -> list[str]:
    (path,) = project.glob("notebooks/*.ipynb")
    return [cell.source for cell in read_notebook(path).cells if cell.id.startswith(PREFIX)]


def test_a_project_in_chinese_has_chinese_first_cells_and_so_are_its_readme_and_its_sweep(run: Run) -> None:
    project = make(run, "mine.ipynb", "--language", "zh-CN")
    assert first_cells_of(project)[0].startswith("# @title 参数\n")
    assert "参数有：lr, epochs。 |" in (project / "README.md").read_text(encoding="utf-8")
    sweep = (project / "sweeps/mine.yaml").read_text(encoding="utf-8")
    assert sweep.startswith("# 同一个 notebook，其中一个参数换几个取值。\ngrid:\n  lr: [0.1, 0.2]\n")


def test_the_project_of_a_notebook_that_is_adopted_already_is_in_its_language(run: Run) -> None:
    run("adopt", "mine.ipynb", "--language", "zh-CN", "--in-place")
    project = make(run, "mine.ipynb")
    assert first_cells_of(project)[0].startswith("# @title 参数\n")
    assert "## 不用浏览器运行" in (project / "README.md").read_text(encoding="utf-8")


def test_an_update_with_another_language_renews_the_first_cells_in_it(run: Run) -> None:
    project = make(run, "mine.ipynb")
    status, printed, _ = run("update", str(project), "--answer", "language=zh-CN", "--force")
    assert status == 0, printed
    assert first_cells_of(project)[0].startswith("# @title 参数\n")
    assert run("update", str(project))[1].startswith("Nothing to change")

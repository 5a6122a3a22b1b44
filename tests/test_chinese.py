"""Chinese texts are well set, and README.zh-CN.md has the same commands, links and rows as README.md."""

import re

import polib
import pytest

from tests.conftest import REPOSITORY
from tests.support.chinese import find_faults

ENGLISH, CHINESE = (
    (REPOSITORY / name).read_text(encoding="utf-8").split("\n\n", 2)[2] for name in ("README.md", "README.zh-CN.md")
)
"""The pages without their titles and the line that leads from one to the other."""


def list_commands(page: str) -> list[str]:
    """The lines of all blocks, without what explains them."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [re.split(r" {3,}(?=\S)", line.lstrip())[0] for block in blocks for line in block.splitlines()]


def list_code(page: str) -> list[str]:
    return sorted(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)))


def list_links(page: str) -> list[str]:
    """Where its links lead, in order; a link within the page by the number of its heading.

    Pictures are all alike: each page has its own.
    """
    headings = ["#" + heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)]
    links = re.findall(r"\]\(([^)\s]+)\)", page)
    links = ["picture" if link.startswith("docs/images/") else link for link in links]
    return [f"heading {headings.index(link)}" if link.startswith("#") else link for link in links]


def list_rows(page: str) -> list[list[str]]:
    """For each row of a table, how many columns it has, and the first."""
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("|")]
    return [[str(len(row)), *re.findall(r"`[^`]+`", row[0])] for row in rows]


def test_both_have_the_same_commands() -> None:
    assert "make demo" in list_commands(ENGLISH)
    assert list_commands(CHINESE) == list_commands(ENGLISH)


def test_both_name_the_same_code() -> None:
    assert "require_gpu" in list_code(ENGLISH)
    assert list_code(CHINESE) == list_code(ENGLISH)


def test_both_link_to_the_same_places_in_the_same_order() -> None:
    assert "CONTRIBUTING.md" in list_links(ENGLISH)
    assert list_links(CHINESE) == list_links(ENGLISH)


def test_their_pictures_are_there() -> None:
    for page in (ENGLISH, CHINESE):
        pictures = re.findall(r"!\[[^]]+\]\((docs/images/[^)]+)\)", page)
        assert pictures
        assert [picture for picture in pictures if not (REPOSITORY / picture).is_file()] == []


def test_their_tables_have_the_same_rows() -> None:
    assert ["4", "`keras`"] in list_rows(ENGLISH)
    assert list_rows(CHINESE) == list_rows(ENGLISH)


def test_each_leads_to_the_other() -> None:
    for page, other in [("README.md", "README.zh-CN.md"), ("README.zh-CN.md", "README.md")]:
        first_lines = (REPOSITORY / page).read_text(encoding="utf-8").split("\n\n")[1]
        assert f"]({other})" in first_lines


def test_the_readme_is_well_set() -> None:
    assert list(find_faults((REPOSITORY / "README.zh-CN.md").read_text(encoding="utf-8"))) == []


def test_the_translations_are_well_set() -> None:
    entries = polib.pofile(str(REPOSITORY / "templates/languages/zh-CN.po"))
    assert len(entries.translated_entries()) > 500
    texts = [re.sub(r"%\(\w+\)s", "{}", entry.msgstr) for entry in entries.translated_entries()]
    assert [fault for text in texts for fault in find_faults(text)] == []


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("no space between Chinese and Latin", "用GPU 训练"),
        ("no space between Chinese and Latin", "在 `data`里"),
        ("no space between Chinese and Latin", "读 {count}行"),
        ("half-width punctuation", "结果,在这里"),
        ("half-width punctuation", "(这里)"),
        ("half-width punctuation", "好了. 下一步"),
        ("a space beside full-width punctuation", "机器， 数据"),
        ("您 instead of 你", "您好"),
        ("bold that Markdown does not see", "这是**“重点”**吗"),
        ("bold that Markdown does not see", "**注意：**先看"),
    ],
)
def test_a_fault_of_the_setting_is_found(fault: str, text: str) -> None:
    assert {found.partition(":")[0] for found in find_faults(text)} == {fault}

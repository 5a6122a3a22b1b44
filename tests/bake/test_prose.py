import random

import pytest

from colab_starter.bake.errors import TranslationError
from colab_starter.bake.passages import Passage, drop_placeholders, placeholder
from colab_starter.bake.prose import replace_in_markdown

DOCUMENT = """\
# A title with `code`

A paragraph
over two lines.

- an item, which goes on
  in the next line
- another
    1. one inside

> a quotation

```
# no heading, but code
```

    indented code

| Notebook | What it does | Open |
|---|:-:|---|
| [Digits](notebooks/keras.ipynb) | reads digits | [![Open in Colab](https://x.org/b.svg)](https://x.org/) |

![only a picture](a.png)
<https://example.org>
"""
PIECES = [
    *DOCUMENT.splitlines(keepends=True),
    "\n",
    "  \n",
    "~~~~\n",
    "#no heading\n",
    "text | with a bar\n",
    "\\| x |\n",
]


def passages(text: str) -> list[str]:
    found: list[str] = []

    def note(passage: Passage) -> None:
        found.append(passage.text)

    assert replace_in_markdown(text, note) == drop_placeholders(text)
    return found


def translate(text: str, translation: str) -> str:
    return replace_in_markdown(text, lambda passage: passage.fit(translation))


def test_each_heading_paragraph_item_and_cell_is_a_passage() -> None:
    assert passages(DOCUMENT) == [
        "A title with `code`",
        "A paragraph\nover two lines.",
        "an item, which goes on\n  in the next line",
        "another",
        "one inside",
        "a quotation",
        "Notebook",
        "What it does",
        "Open",
        "[Digits](notebooks/keras.ipynb)",
        "reads digits",
    ]


def test_a_passage_is_replaced_and_everything_else_stays() -> None:
    new = replace_in_markdown(DOCUMENT, lambda passage: passage.fit(f"译 {passage.text}"))
    assert new.replace("译 ", "") == DOCUMENT
    assert new.count("译 ") == 11


def test_random_markdown_stays_the_same_but_for_its_passages() -> None:
    chance = random.Random(0)
    for _ in range(500):
        text = "".join(chance.choices(PIECES, k=chance.randint(1, 12)))
        count = len(passages(text))
        new = replace_in_markdown(text, lambda passage: passage.fit(f"译 {passage.text}"))
        assert new.replace("译 ", "") == text
        assert new.count("译 ") == count
        assert len(passages(new)) == count


def test_a_value_that_depends_on_the_answers_is_a_placeholder() -> None:
    text = f"Results go to `{placeholder('a|b *c*', 'folder')}`, {placeholder(3, 'count')} files."
    assert passages(text) == ["Results go to `%(folder)s`, %(count)s files."]
    assert translate(text, "%(count)s 个文件在 `%(folder)s`") == "3 个文件在 `a|b *c*`"


def test_a_paragraph_of_placeholders_alone_is_not_offered() -> None:
    assert passages(f"# {placeholder('Digits', 'name')}\n\n`{placeholder('a', 'b')}`") == []


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("a text", ""),
        ("a text", "两\n行"),
        ("a text", "两\n\n段"),
        ("a text", "# 标题"),
        ("a text", "- 列表"),
        ("a text", "```"),
        ("a text", " 空格"),
        ("a text", "表格 | 单元"),
        ("a text", "\x1f"),
        ("run `fit` now", "运行"),
        ("run `fit` now", "运行 `适合`"),
        ("[digits](notebooks/a.ipynb)", "[数字](notebooks/b.ipynb)"),
        ("[digits](notebooks/a.ipynb)", "数字"),
        ("a %(name)s", "一个 %(nam)s"),
        ("a %(name)s", "一个"),
        ("a text", "%(name)s"),
    ],
)
def test_a_translation_that_does_not_fit_is_refused(text: str, translation: str) -> None:
    with pytest.raises(TranslationError):
        translate(text, translation)


def test_a_link_may_lead_to_a_page_in_the_other_language() -> None:
    assert (
        translate("[CNNs](https://d2l.ai/a)", "[卷积神经网络](https://zh.d2l.ai/a)")
        == "[卷积神经网络](https://zh.d2l.ai/a)"
    )


def test_lines_of_a_paragraph_may_be_joined() -> None:
    assert translate("one\ntwo", "一二") == "一二"

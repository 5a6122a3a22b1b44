import pytest

from colab_starter.bake.answers import SLUG_LENGTH, check_answer, normalize_answer, split_packages
from colab_starter.bake.errors import BadAnswerError

BAD = {
    "project_name": ["", "  ", "broken \udcff", "\x07 bell", "nothing \0"],
    "project_slug": [
        "",
        "a/b",
        "..",
        "../x",
        "my slug",
        "x" * 300,
        "-x",
        ".hidden",
        "x.",
        "a\nb",
        "con",
        "LPT1.x",
        "é",
    ],
    "drive_folder": [
        "",
        "../x",
        "a/../b",
        "/abs",
        "a//b",
        "a/",
        ".",
        " ",
        'say "hi"',
        "a'b",
        "a\\b",
        "a\nb",
        "x" * 201,
    ],
    "extra_pip_packages": [
        "; rm -rf /",
        "a;b",
        "$(id)",
        "-r evil",
        "a&b",
        "`id`",
        "git+https://x/y",
        "a|b",
        "a==",
        "a>",
    ],
    "extra_apt_packages": ["; rm -rf /", "Ffmpeg", "--force-yes", "a;b", "$(id)", "x"],
    "github_repository": [
        "digits",
        "a/b/c",
        "a b/c",
        "https://gitlab.com/a/b",
        "https://github.com/a",
        "/b",
        "a/",
        "a/..",
        "-a/b",
        "a/b'",
    ],
    "github_branch": ["", "a b", "a..b", "-x", "x/", 'x"', "x.lock", "a//b", "a\nb"],
}
GOOD = {
    "project_name": ["Digits", "🚀", "猫と犬"],
    "project_slug": ["digits", "my-digits", "a", "My_Digits.2", "x" * SLUG_LENGTH],
    "drive_folder": ["digits", "Colab Notebooks/digits", "数字/2026", "a.b", "🚀"],
    "extra_pip_packages": [
        "",
        "einops",
        "einops timm>=1.0,<2",
        "einops, timm",
        "uvicorn[standard,extra]~=0.30",
        "a==1.*",
    ],
    "extra_apt_packages": ["", "ffmpeg", "libsndfile1 g++", "ffmpeg, sox"],
    "github_repository": [
        "",
        "ada/digits",
        "ada-l/di.gi_ts-2",
        "https://github.com/ada/digits",
        "http://www.github.com/ada/digits.git",
        "github.com/ada/digits/",
    ],
    "github_branch": ["main", "feature/new-cells", "v1.2", "issue#7"],
}


@pytest.mark.parametrize(("question", "answer"), [(question, answer) for question in BAD for answer in BAD[question]])
def test_a_bad_answer_is_one_line_that_names_the_question_and_the_remedy(question: str, answer: str) -> None:
    with pytest.raises(BadAnswerError, match=rf"^{question} '?.* cannot be used: .+") as error:
        check_answer(answer, question)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize(("question", "answer"), [(question, answer) for question in GOOD for answer in GOOD[question]])
def test_a_good_answer_passes(question: str, answer: str) -> None:
    check_answer(answer, question)


@pytest.mark.parametrize(
    ("answer", "packages"),
    [
        ("", []),
        ("  ", []),
        ("einops", ["einops"]),
        ("einops timm>=1.0,<2", ["einops", "timm>=1.0,<2"]),
        ("einops,  timm , rich", ["einops", "timm", "rich"]),
        ("einops einops", ["einops"]),
    ],
)
def test_packages_are_split_at_spaces_and_each_comes_once(answer: str, packages: list[str]) -> None:
    assert split_packages(answer) == packages


@pytest.mark.parametrize(
    ("question", "answer", "normal"),
    [
        ("github_repository", "https://github.com/ada/digits", "ada/digits"),
        ("github_repository", "https://GitHub.com/ada/digits.git", "ada/digits"),
        ("github_repository", "www.github.com/ada/di.gi-ts//", "ada/di.gi-ts"),
        ("github_repository", "ada/digits", "ada/digits"),
        ("github_repository", "", ""),
        ("drive_folder", "My Drive/digits", "digits"),
        ("drive_folder", "MyDrive/Colab Notebooks/digits", "Colab Notebooks/digits"),
        ("drive_folder", "/content/drive/MyDrive/digits", "digits"),
        ("drive_folder", "我的云端硬盘/数字", "数字"),
        ("drive_folder", "My Driveway/digits", "My Driveway/digits"),
        ("drive_folder", "a/My Drive/b", "a/My Drive/b"),
        ("project_slug", "MyDrive", "MyDrive"),
    ],
)
def test_an_address_or_a_path_is_taken_for_what_it_names(question: str, answer: str, normal: str) -> None:
    assert normalize_answer(answer, question) == normal

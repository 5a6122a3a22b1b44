"""The documentation: it builds without a warning, explains every rule, and loads nothing from elsewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from colab_starter import cli
from colab_starter.check.rules import RULES
from colab_starter.run.command import complete_options
from tests.conftest import LESSONS, REPOSITORY

PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "{{cookiecutter.project_slug}}/README.md",
    *sorted(REPOSITORY.glob("docs/*.md")),
]
"""Where a reader finds commands to type."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return folder


def test_every_rule_has_its_section(site: Path) -> None:
    page = (site / "rules/index.html").read_text(encoding="utf-8")
    assert "<!-- rules -->" not in page
    for rule in RULES:
        assert f'<h3 id="{rule.code.lower()}">{rule.code}: {rule.name}' in page


def test_llms_txt_lists_every_page_with_what_it_is_about(site: Path) -> None:
    listed = re.findall(
        r"^- \[[^]]+\]\(([^)]+)\): (.+)$", (site / "llms.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(listed) == len(list(REPOSITORY.glob("docs/*.md")))
    for address, about in listed:
        assert (site / address).is_file()
        assert len(about) > 20


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]* src="?https?:[^>]*>', text), page
        assert not re.findall(r'<link[^>]* rel="?(?:stylesheet|preconnect)[^>]* href="?https?:[^>]*>', text), page


def test_every_picture_is_used_and_small() -> None:
    pages = "".join(
        page.read_text(encoding="utf-8") for page in [*REPOSITORY.glob("docs/*.md"), REPOSITORY / "README.md"]
    )
    for picture in (REPOSITORY / "docs/images").iterdir():
        assert f"images/{picture.name}" in pages
        assert picture.stat().st_size < 130_000


@pytest.mark.parametrize("preset", LESSONS)
def test_every_preset_has_its_row_its_button_and_its_section(preset: str) -> None:
    readme, index, presets = (
        (REPOSITORY / page).read_text(encoding="utf-8") for page in ("README.md", "docs/index.md", "docs/presets.md")
    )
    assert f"\n| `{preset}` | " in readme
    for page in (index, presets):
        assert f"/blob/main/gallery/{preset}.ipynb){{ .md-button" in page
    assert f"\n## {preset}\n" in presets


def test_no_column_of_a_table_lacks_its_head(site: Path) -> None:
    for page in site.rglob("*.html"):
        heads = re.findall(r"<thead>(.*?)</thead>", page.read_text(encoding="utf-8"), re.DOTALL)
        empty = [
            head for head in heads if re.search(r"<th[^>]*>\s*</th>", re.sub(r"<tr>\s*<th[^>]*>\s*</th>", "", head))
        ]
        assert not empty, page


SHELL_WORDS = {"colab-starter", "colab", "cookiecutter", "cruft", "git", "make", "nbdime", "papermill", "pip", "pipx"}
SHELL_WORDS |= {"python", "python3", "ray", "uv", "uvx", ".venv/bin/colab-starter", ".venv/bin/pytest"}


def list_shell_commands() -> dict[str, str]:
    """By where it stands, each command: blocks without a language, code in a line that begins as one, examples of help.

    A block that is no command says so: ```text.
    """
    found: dict[str, str] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        commands = [code for language, code in blocks if language in ("", "sh")]
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
        commands += [span for span in spans if span.split(" ")[0] in SHELL_WORDS]
        commands += [f"colab-starter run nb.ipynb {span}" for span in spans if span.startswith("-p ")]
        found |= {f"{page.relative_to(REPOSITORY)} {number}": command for number, command in enumerate(commands)}
    for module in REPOSITORY.glob("colab_starter/**/*.py"):
        examples = re.findall(r"^ +(colab-starter [^{\n]*)$", module.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {f"{module.relative_to(REPOSITORY)} {number}": command for number, command in enumerate(examples)}
    return found


COMMANDS = list_shell_commands()


@pytest.mark.parametrize("place", COMMANDS)
def test_a_shell_takes_every_command_as_it_stands(place: str) -> None:
    command = COMMANDS[place]
    answer = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, ""), command
    unquoted = re.sub(r"""'[^']*'|"[^"]*"|(?:^|\s)#.*""", "", command)
    assert not re.findall(r"-p\s+\S*[][(){}*?$]", unquoted), f"zsh would expand this; quote it: {command}"


ELSEWHERE = r"--(runtime|kernel|backend|out s3)\b"


def list_runs_of_lessons() -> dict[str, list[str]]:
    """The arguments of each ``colab-starter run notebooks/...`` of a page, by the command as it stands.

    Those that need another machine, kernel or environment are left out.
    """
    lines = [line for command in COMMANDS.values() for line in command.replace("\\\n", " ").splitlines()]
    runs = [line for line in lines if re.match(r"\S*colab-starter run notebooks/[a-z]+\.ipynb", line)]
    return {line: shlex.split(line, comments=True)[1:] for line in runs if not re.search(ELSEWHERE, line)}


RUNS = list_runs_of_lessons()


@pytest.mark.parametrize("command", RUNS)
def test_a_run_of_a_lesson_would_start_as_it_stands(
    command: str, all_lessons: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(all_lessons)
    assert cli.run_command([*complete_options(RUNS[command]), "--dry-run"], debug=True) == 0
    assert capsys.readouterr().out

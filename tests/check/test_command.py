"""The command itself: what it prints, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from colab_starter.check.command import check
from colab_starter.check.rules import RULES
from colab_starter.check.search import find_notebooks
from colab_starter.check.select import select_rules
from colab_starter.errors import ColabStarterError, NothingToCheckError, UnknownRuleError, UnknownRuntimeError
from tests.check.conftest import Write
from tests.conftest import REPOSITORY

FAULT = "x = 1\nimport nothing_like_this"


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(check)
    return app


def run(app: typer.Typer, *arguments: str | Path) -> tuple[int, str]:
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(answer.exception, ColabStarterError):
        raise answer.exception
    return answer.exit_code, answer.stdout


def test_a_clean_notebook_ends_with_0(app: typer.Typer, write: Write) -> None:
    assert run(app, write(["x = 1"])) == (0, "1 notebook checked, nothing found.\n")


def test_a_finding_says_the_file_the_cell_and_the_line_and_ends_with_1(app: typer.Typer, write: Write) -> None:
    path = write(["y = 1", FAULT])
    status, printed = run(app, path)
    assert status == 1
    assert printed.startswith(f"{path}:cell 2:2: CS402 nothing_like_this is not in the Colab runtime latest")
    assert printed.endswith("1 error in 1 of 1 notebook. Why? --explain CODE\n")


def test_json_holds_the_findings_as_objects(app: typer.Typer, write: Write) -> None:
    path = write([FAULT])
    _, printed = run(app, path, "--format", "json")
    (finding,) = json.loads(printed)
    assert finding["path"] == str(path)
    assert (finding["code"], finding["cell"], finding["cell_id"], finding["line"]) == ("CS402", 1, "cell-1", 2)


def test_json_of_nothing_is_an_empty_list(app: typer.Typer, write: Write) -> None:
    assert run(app, write(["x = 1"]), "--format", "json") == (0, "[]\n")


def test_github_gets_workflow_commands_with_the_line_of_the_file(app: typer.Typer, write: Write) -> None:
    path = write(["y = 1", FAULT], name="50% a,b.ipynb")
    _, printed = run(app, path, "--format", "github")
    line = path.read_text().split("\n").index('    "import nothing_like_this"') + 1
    escaped = str(path).replace("%", "%25").replace(",", "%2C")
    assert printed.startswith(f"::error file={escaped},line={line},title=CS402 missing-package::cell 2: nothing_like")


def test_sarif_names_rule_file_and_line(app: typer.Typer, write: Write) -> None:
    path = write([FAULT])
    _, printed = run(app, path, "--format", "sarif")
    (run_of_tool,) = json.loads(printed)["runs"]
    (result,) = run_of_tool["results"]
    place = result["locations"][0]["physicalLocation"]
    assert result["ruleId"] == "CS402"
    assert place["artifactLocation"]["uri"] == path.as_uri()
    assert path.read_text().split("\n")[place["region"]["startLine"] - 1] == '    "import nothing_like_this"'
    assert {rule["id"] for rule in run_of_tool["tool"]["driver"]["rules"]} >= {"CS101", "CS402"}


def test_explain_says_why_and_what_to_write(app: typer.Typer) -> None:
    status, printed = run(app, "--explain", "cs301")
    assert status == 0
    assert printed.startswith("CS301 bare-drive-mount (warning)\n\n")
    assert "waits two minutes" in printed.replace("\n", " ")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_explains_itself(rule: "object", app: typer.Typer) -> None:
    code = getattr(rule, "code", "")
    _, printed = run(app, "--explain", code)
    head, summary, reason = printed.split("\n\n")[:3]
    assert head.startswith(code)
    assert len(summary.split("\n")) <= 2
    assert summary.endswith(".")
    assert reason.strip().endswith(".")


def test_fix_mends_and_checks_again(app: typer.Typer, write: Write) -> None:
    path = write(["!pip install libarchive", FAULT])
    status, printed = run(app, path, "--fix")
    assert status == 1
    assert "CS405" not in printed
    assert "libarchive-c" in path.read_text()


def test_rules_are_selected_and_ignored_by_code_beginning_and_name(app: typer.Typer, write: Write) -> None:
    path = write([FAULT])
    assert run(app, path, "--ignore", "CS4")[0] == 0
    assert run(app, path, "--ignore", "CS101,missing-package")[0] == 0
    assert run(app, path, "--select", "CS1")[0] == 0
    assert run(app, path, "--select", "CS1", "--select", "cs402")[0] == 1


def test_opt_in_rules_run_only_when_named() -> None:
    codes = [rule.code for rule in select_rules(RULES, [], [])]
    assert "CS202" not in codes
    assert "CS202" in [rule.code for rule in select_rules(RULES, ["CS2"], [])]


@pytest.mark.parametrize(
    ("wanted", "hint"), [("CS999", "CS"), ("mising-package", "did you mean missing-package?"), ("xyz", "CS101 to CS7")]
)
def test_an_unknown_rule_is_an_error_with_the_nearest(wanted: str, hint: str, app: typer.Typer, write: Write) -> None:
    for option in ("--select", "--ignore", "--explain"):
        with pytest.raises(UnknownRuleError, match=hint.replace("?", r"\?")):
            run(app, write([""]), option, wanted)


def test_an_unknown_runtime_is_an_error_with_the_known(app: typer.Typer, write: Write) -> None:
    with pytest.raises(UnknownRuntimeError, match=r"2026\.07"):
        run(app, write([""]), "--runtime", "1999.01")


def test_nothing_to_check_is_an_error(app: typer.Typer, tmp_path: Path) -> None:
    with pytest.raises(NothingToCheckError, match="does not exist"):
        run(app, tmp_path / "missing.ipynb")
    with pytest.raises(NothingToCheckError, match="no notebook"):
        run(app, tmp_path)
    assert NothingToCheckError.exit_code == 2


def test_folders_are_searched_but_for_what_is_nobodys_own(write: Write, tmp_path: Path) -> None:
    own = [write([""], name=name) for name in ("a.ipynb", "b/c.ipynb")]
    for name in (".ipynb_checkpoints", ".git", ".venv", "node_modules", "{{cookiecutter.project_slug}}"):
        write([""], name=f"{name}/x.ipynb")
    write("", name="{{ chosen }}.ipynb")
    assert find_notebooks([tmp_path, own[0]]) == own


def test_the_repository_itself_holds_no_stub_of_a_template_as_notebook() -> None:
    found = find_notebooks([REPOSITORY])
    assert not [path for path in found if "{{" in str(path)]


def test_the_command_imports_nothing_heavy_at_the_start() -> None:
    code = "import sys, colab_starter.check.command; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY, env={**os.environ}
    ).stdout.split()
    assert not {"nbformat", "jinja2", "cookiecutter", "colab_starter.notebook.model"} & set(modules)

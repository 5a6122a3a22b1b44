"""The command colab-starter, as users call it: what it prints, where, and with which status it ends."""

import importlib.abc
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from colab_starter.__main__ import main
from colab_starter.bake.generate import read_prompts
from colab_starter.bake.languages import HOW_TO_CHOOSE
from tests.bake.test_generate import EVERY_ANSWER, read_tree
from tests.conftest import PRESETS, QUESTIONS, REPOSITORY, git, run_cookiecutter
from tests.environments import make_environment
from tests.support.commands import Ended, call_command
from tests.support.marks import weekly
from tests.support.processes import PATIENCE

Call = Callable[..., Ended]
COMMAND = [sys.executable, "-m", "colab_starter"]
LESSONS_TABLE = json.loads((REPOSITORY / "templates/lessons.json").read_text(encoding="utf-8"))
COMMANDS = ["", "new", "list", "open", "adopt", "update", "check"]
COMMANDS += ["runtimes list", "runtimes show", "runtimes diff", "runtimes refresh", "runtimes env", "runtimes bisect"]


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The same in this process, which is quicker."""

    def call_here(*arguments: str, **environment: str) -> Ended:
        monkeypatch.chdir(tmp_path)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return call_command(monkeypatch, capsys, *arguments)

    return call_here


class Terminal:
    """The command with a terminal for its input and output."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.screen, side = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "100", "TERM": "dumb"}
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=cwd, env=environment, stdin=side, stdout=side, stderr=side, close_fds=True
        )
        os.close(side)
        self.text = ""

    def wait_for(self, text: str) -> None:
        while text not in self.text:
            self.text += self._read().decode()

    def _read(self) -> bytes:
        assert select.select([self.screen], [], [], PATIENCE)[0], f"nothing more came; what came: {self.text}"
        return os.read(self.screen, 4096)

    def type(self, text: str) -> None:
        os.write(self.screen, text.encode())

    def close(self) -> int:
        """Wait for the command's end; returns its status."""
        while True:
            try:
                part = self._read()
            except OSError:  # Linux says so when the command is gone
                part = b""
            if not part:
                break
            self.text += part.decode()
        os.close(self.screen)
        return self.process.wait(timeout=300)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    answer = call_command(monkeypatch, capsys, *command.split(), "--help")
    assert answer.status == 0, answer.err
    assert "Example" in answer.out
    assert f"colab-starter {command}".rstrip() in answer.out.partition("Example")[2]


def test_without_a_command_it_shows_the_help(call: Call) -> None:
    assert call().out == call("--help").out


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'cookiecutter', 'jinja2', 'nbformat', 'pydantic', 'rich', 'jsonschema', 'urllib.request'}"
    code = f"import sys, colab_starter.cli; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_ctrl_c_while_the_command_is_loaded_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(importlib.abc.MetaPathFinder):
        def find_spec(self, name: str, *_: object) -> None:
            if name == "colab_starter.cli":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "colab_starter.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    monkeypatch.setattr(sys, "argv", ["colab-starter", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def test_version(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).stdout.startswith("colab-starter 0.")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nwe"], "No such command 'nwe'"),
        (["new", "--frce"], "No such option: --frce"),
        (["new", "--name"], "--name"),
        (["open"], "Missing argument"),
        (["open", "missing.ipynb"], "missing.ipynb does not exist; "),
        (["run", "missing.ipynb"], "missing.ipynb does not exist; "),
        (["new", "--name", ""], "project_name '' cannot be used: give your notebooks a title"),
        (["new", "pytorch"], "'pytorch' is a preset: colab-starter new --preset pytorch "),
        (["new", "Keras"], "'Keras' is a preset: colab-starter new --preset keras "),
        (["new", "--preset", "caffe"], "unknown preset 'caffe'"),
        (["new", "--slug", "../x"], "project_slug '../x' cannot be used"),
        (["new", "--pip", "; rm -rf /"], "extra_pip_packages '; rm -rf /' cannot be used"),
    ],
)
def test_wrong_usage_is_one_line_on_stderr_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = call_command(monkeypatch, capsys, *arguments)
    assert answer.status == 2
    assert answer.out == ""
    assert text in answer.err
    assert len(answer.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_one_line_on_stderr_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "alone.ipynb").write_text("{}")
    answer = run("open", "alone.ipynb", cwd=tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith("colab-starter: ")
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--debug", "open", "missing.ipynb"], ["open", "missing.ipynb", "--debug"]])
def test_debug_shows_the_traceback(tmp_path: Path, arguments: list[str]) -> None:
    answer = run(*arguments, cwd=tmp_path)
    assert answer.returncode == 1  # Python's own
    assert "Traceback" in answer.stderr


def test_a_reader_that_closes_early_is_no_error(tmp_path: Path) -> None:
    command = " ".join([*COMMAND, "list"])
    answer = subprocess.run(
        ["sh", "-c", f"{command} | true"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert answer.stderr == ""


def test_every_question_has_an_option(call: Call, tmp_path: Path) -> None:
    assert set(EVERY_ANSWER) == {question for question in QUESTIONS if not question.startswith("_")}
    options = (
        "--language", "zh-CN", "--name", EVERY_ANSWER["project_name"], "--slug", EVERY_ANSWER["project_slug"],
        "--preset", "all",
        "--accelerator", "TPU v5e", "--drive", "--drive-folder", "Colab Notebooks/digits", "--runtime", "2026.04",
        "--pip", "einops", "--pip", "timm>=1.0", "--apt", "ffmpeg libsndfile1",
        "--github", "ada/digits", "--branch", "feature/one",
    )  # fmt: skip
    (tmp_path / "plain").mkdir()
    answers = [f"{question}={answer}" for question, answer in EVERY_ANSWER.items()]
    run_cookiecutter("--no-input", *answers, cwd=tmp_path / "plain").check_returncode()
    assert call("new", "ours", *options).status == 0
    assert read_tree(tmp_path / "ours") == read_tree(tmp_path / "plain")


def test_without_a_terminal_it_takes_the_defaults_and_says_so(tmp_path: Path) -> None:
    answer = run("new", cwd=tmp_path)
    assert answer.returncode == 0
    assert answer.stderr.startswith("No terminal to ask in: taking the default answers")
    assert "papermill notebooks/keras.ipynb" in answer.stdout
    assert (tmp_path / "my-colab-notebooks/notebooks/keras.ipynb").exists()


def test_no_input_asks_nothing_and_says_nothing_of_it(call: Call) -> None:
    answer = call("new", "a folder", "--no-input")
    assert answer.status == 0
    assert answer.err == ""
    assert "cd 'a folder/my-colab-notebooks'" in answer.out


def test_a_terminal_gets_cookiecutters_questions(tmp_path: Path) -> None:
    terminal = Terminal("new", cwd=tmp_path)
    terminal.wait_for("Language / 语言")
    terminal.type("\n")
    terminal.wait_for("Project name, the title of your notebooks (My Colab Notebooks):")
    terminal.type("Digits\n\nblank\n6\ny\nnumbers\n2\neinops\n\nada/digits\n\n")
    assert terminal.close() == 0
    assert "What should the notebook teach?" in terminal.text
    text = (tmp_path / "digits/notebooks/blank.ipynb").read_text()
    for part in ("ada/digits/blob/main", "use_drive = True", "numbers", "einops", "2026.07"):
        assert part in text


def test_after_the_language_is_chosen_it_asks_and_writes_in_it(call: Call, tmp_path: Path) -> None:
    prompts = read_prompts("zh-CN")
    terminal = Terminal("new", cwd=tmp_path)
    terminal.wait_for("Language / 语言")
    terminal.type("2\n")
    terminal.wait_for(prompts["project_name"])
    terminal.type("Digits\n\nblank\n6\n\n\n\n\n\n\n\n")
    assert terminal.close() == 0, terminal.text
    for text in (prompts["preset"]["__prompt__"], prompts["accelerator"]["none"], prompts[HOW_TO_CHOOSE]):
        assert text in terminal.text
    call(
        "new",
        "same",
        "--language",
        "zh-CN",
        "--name",
        "Digits",
        "--preset",
        "blank",
        "--accelerator",
        "none",
    )
    assert read_tree(tmp_path / "digits") == read_tree(tmp_path / "same/digits")


def test_a_wrong_answer_is_asked_for_again_and_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    terminal = Terminal("new", cwd=tmp_path)
    terminal.wait_for("Language")
    terminal.type("en\n")
    terminal.wait_for("Project name")
    terminal.type("Digits\na/b\nmine\ndigits\nkears\nBLANK\n\nperhaps\ny\na/b:c\nMy Drive/numbers\n\n")
    terminal.type("; rm -rf /\n\n$(id)\n\ndigits\nhttps://github.com/ada/digits\na b\nmain\n")
    assert terminal.close() == 0, terminal.text
    for text in (
        "project_slug 'a/b' cannot be used",
        "mine already exists",
        "unknown preset 'kears': did you mean 'keras'?",
        "drive_folder 'a/b:c' cannot be used",
        "extra_pip_packages '; rm -rf /' cannot be used",
        "extra_apt_packages '$(id)' cannot be used",
        "github_repository 'digits' cannot be used",
        "github_branch 'a b' cannot be used",
    ):
        assert terminal.text.count(text) == 1, terminal.text
    assert terminal.text.index("mine already exists") < terminal.text.index("What should the notebook teach?")
    notebook = (tmp_path / "digits/notebooks/blank.ipynb").read_text()
    for part in ("github/ada/digits/blob/main", 'drive_folder = \\"numbers\\"'):
        assert part in notebook


def test_a_folder_may_have_the_name_of_a_preset_if_it_is_written_as_a_path(call: Call, tmp_path: Path) -> None:
    assert call("new", "./pytorch", "--preset", "blank").status == 0
    assert (tmp_path / "pytorch/my-colab-notebooks/notebooks/blank.ipynb").is_file()


@pytest.mark.parametrize("command", ["", "runtimes"])
def test_the_help_cuts_no_description_of_a_command(call: Call, command: str) -> None:
    listed = call(*command.split(), "--help", COLUMNS="80").out.partition("Commands:")[2]
    assert len(listed.splitlines()) > 3
    assert "..." not in listed


def press_ctrl_c(terminal: Terminal) -> None:
    terminal.process.send_signal(signal.SIGINT)


def press_ctrl_d(terminal: Terminal) -> None:
    terminal.type("\x04")


@pytest.mark.parametrize("press", [press_ctrl_c, press_ctrl_d])
def test_stopping_at_a_question_leaves_nothing(tmp_path: Path, press: Callable[[Terminal], None]) -> None:
    terminal = Terminal("new", "somewhere/else", cwd=tmp_path)
    terminal.wait_for("Language")
    time.sleep(0.2)
    press(terminal)
    assert terminal.close() == 130
    assert terminal.text.rstrip().endswith("colab-starter: stopped; nothing was made")
    assert "Traceback" not in terminal.text
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path: Path) -> None:
    answer = subprocess.run(
        ["sh", "-c", f"ulimit -f 16; exec {' '.join(COMMAND)} new --preset keras"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("colab-starter: nothing was made, because something could not be written")
    assert len(answer.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_that_knows_few_letters_is_no_error(tmp_path: Path) -> None:
    answer = run("new", "😀", "--preset", "blank", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert answer.returncode == 0
    assert "\\U0001f600" in answer.stdout


def test_force_says_what_it_replaced(call: Call, tmp_path: Path) -> None:
    assert call("new", "--preset", "blank").status == 0
    (tmp_path / "my-colab-notebooks/notebooks/blank.ipynb").write_text("edited")
    assert "add --force" in call("new", "--preset", "blank").err
    answer = call("new", "--preset", "blank", "--force")
    assert answer.status == 0
    assert "Replaced my-colab-notebooks/notebooks/blank.ipynb; the old version is in blank.ipynb.bak" in answer.out


def test_list_has_one_line_for_each_preset(call: Call) -> None:
    answer = call("list")
    head, *lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines] == PRESETS
    assert head.split()[0] == "PRESET"
    for line, about in [(line, LESSONS_TABLE[line.split()[0]]) for line in lines[:-1]]:
        machine = "CPU" if about["accelerator"] == "none" else about["accelerator"]
        assert line.split()[1:4] == [machine, str(about["cpu_seconds"]), "s"]
        assert line.endswith(f"{about['title']}: {about['summary']}")


def test_list_fits_the_terminal(tmp_path: Path) -> None:
    terminal = Terminal("list", cwd=tmp_path)
    assert terminal.close() == 0
    lines = terminal.text.splitlines()
    assert len(lines) == 1 + len(PRESETS)
    assert max(map(len, lines)) == 100


def test_list_as_json(call: Call) -> None:
    presets = json.loads(call("list", "--json").out)
    assert [preset["name"] for preset in presets] == PRESETS
    for preset in presets[:-1]:
        about = LESSONS_TABLE[preset["name"]]
        assert preset == {"name": preset["name"], **{key: about[key] for key in list(preset)[1:]}}
    assert presets[-1]["cpu_seconds"] == sum(about["cpu_seconds"] for about in LESSONS_TABLE.values())


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook in a repository whose remote is on GitHub."""
    git("init", cwd=tmp_path)
    git("remote", "add", "origin", "git@github.com:ada/digits.git", cwd=tmp_path)
    (tmp_path / "keras.ipynb").write_text("{}")
    return tmp_path / "keras.ipynb"


def test_open_prints_the_address_and_warns_beside_it(call: Call, notebook: Path) -> None:
    answer = call("open", notebook.name)
    assert answer.status == 0
    assert answer.out == "https://colab.research.google.com/github/ada/digits/blob/main/keras.ipynb\n"
    assert answer.err.startswith("colab-starter: warning: keras.ipynb is not pushed yet")


def test_open_browser_starts_the_browser(notebook: Path) -> None:
    browser = notebook.with_name("browser")
    browser.write_text('#!/bin/sh\necho "$1" > opened\n')
    browser.chmod(0o755)
    answer = run("open", "keras.ipynb", "--browser", cwd=notebook.parent, BROWSER=f"{browser} %s")
    assert answer.returncode == 0
    assert notebook.with_name("opened").read_text() == answer.stdout


def test_open_browser_without_a_browser_says_so(notebook: Path, tmp_path: Path) -> None:
    only_git = tmp_path / "bin"
    only_git.mkdir()
    (only_git / "git").symlink_to(str(shutil.which("git")))
    answer = run("open", "keras.ipynb", "--browser", cwd=notebook.parent, PATH=str(only_git), BROWSER="", DISPLAY="")
    assert answer.returncode == 1
    assert "no web browser could be started here; copy the address above into one" in answer.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a wheel that was built from an sdist and installed in a fresh environment."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(build, check=True, capture_output=True)
    return make_environment(folder / "venv", str(next(folder.glob("*.whl")))) / "colab-starter"


@pytest.mark.slow
@pytest.mark.parametrize("preset", [name if name in ("keras", "all") else weekly(name) for name in PRESETS])
def test_a_wheel_makes_the_same_as_plain_cookiecutter(installed: Path, tmp_path: Path, preset: str) -> None:
    for name in ("plain", "ours"):
        (tmp_path / name).mkdir()
    run_cookiecutter("--no-input", f"preset={preset}", cwd=tmp_path / "plain").check_returncode()
    answer = subprocess.run(
        [installed, "new", "--preset", preset], cwd=tmp_path / "ours", capture_output=True, text=True, check=True
    )
    assert answer.stderr == ""
    assert read_tree(tmp_path / "ours") == read_tree(tmp_path / "plain")


SHOW_HELP = """
import contextlib, sys
from colab_starter.__main__ import main
for command in {commands}:
    sys.argv = ["colab-starter", *command.split(), "--help"]
    with contextlib.suppress(SystemExit):
        main()
"""
"""All in one process, which imports the command once."""


@pytest.mark.slow
def test_a_wheel_holds_all_commands_and_finds_nothing_in_its_own_notebooks(installed: Path, tmp_path: Path) -> None:
    show_help = [str(installed.with_name("python")), "-c", SHOW_HELP.format(commands=COMMANDS)]
    helps = subprocess.run(show_help, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert helps.stdout.count("Usage: colab-starter") == len(COMMANDS)
    listed = subprocess.run([installed, "list", "--json"], cwd=tmp_path, check=True, capture_output=True)
    assert [preset["name"] for preset in json.loads(listed.stdout)] == PRESETS
    subprocess.run([installed, "new", "--preset", "all"], cwd=tmp_path, check=True, capture_output=True)
    checked = subprocess.run([installed, "check", "."], cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr

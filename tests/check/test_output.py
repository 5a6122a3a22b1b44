"""What ``check`` prints of many notebooks, and of notes."""

import io
import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from colab_starter.check import progress
from colab_starter.check.checker import Checked
from colab_starter.check.progress import Progress
from colab_starter.check.tally import Tally
from colab_starter.errors import UsageError
from tests.check.conftest import Cells, Write, code
from tests.check.test_command import app, run
from tests.conftest import REPOSITORY

__all__ = ["app"]
FAULT = "import nothing_like_this"
USED = {**code("x = 1"), "execution_count": 3}
WIDGETS = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2, "version_minor": 0}}

STATELESS: list[object] = [{}, None, {"state": {}}, {"application/vnd.jupyter.widget-state+json": {}}]


def test_notes_are_counted_and_fail_nothing(app: typer.Typer, write: Write) -> None:
    write([USED], "b.ipynb", metadata={"widgets": WIDGETS})
    path = write([USED], "a.ipynb").parent
    assert run(app, path) == (
        0,
        "2 notebooks checked, no errors or warnings; 3 notes (no-outputs 2, no-widget-state 1): --strict shows them. "
        "Why? --explain CODE\n",
    )


def test_strict_prints_notes_and_fails_for_them(app: typer.Typer, write: Write) -> None:
    path = write([USED])
    status, printed = run(app, path, "--strict")
    assert status == 1
    assert "cell 1: CS105 1 cell has outputs" in printed
    assert printed.endswith("1 notebook checked, no errors or warnings; 1 note. Why? --explain CODE\n")


def test_a_note_that_is_selected_is_printed_and_fails_nothing(app: typer.Typer, write: Write) -> None:
    status, printed = run(app, write([USED]), "--select", "CS105")
    assert status == 0
    assert "CS105 1 cell has outputs" in printed


def test_notes_beside_errors_are_counted_last(app: typer.Typer, write: Write) -> None:
    write([USED], "a.ipynb")
    status, printed = run(app, write([USED, FAULT], "b.ipynb").parent)
    assert status == 1
    assert printed.endswith(
        "1 error in 1 of 2 notebooks; 2 notes (no-outputs 2): --strict shows them. Why? --explain CODE\n"
    )
    assert "CS105" not in printed


def test_widgets_without_their_state_are_no_note(app: typer.Typer, write: Write) -> None:
    for number, widgets in enumerate(STATELESS):
        status, printed = run(app, write(["x = 1"], f"{number}.ipynb", metadata={"widgets": widgets}))
        assert status == 1
        assert "CS106" in printed


def test_many_doubled_ids_are_one_note(app: typer.Typer, write: Write) -> None:
    cells = [code(f"x = {number}", id="abc") for number in range(20)]
    _, printed = run(app, write(list(cells)), "--strict")
    assert printed.count("CS104") == 1
    assert "cell 1 has the same metadata.id 'abc'; --fix renews it (18 more such cells)" in printed


def test_programs_get_notes_in_their_own_words(app: typer.Typer, write: Write) -> None:
    path = write([USED])
    assert run(app, path, "--format", "github")[1].startswith("::notice file=")
    assert json.loads(run(app, path, "--format", "json")[1])[0]["severity"] == "note"
    (run_of_tool,) = json.loads(run(app, path, "--format", "sarif")[1])["runs"]
    assert run_of_tool["results"][0]["level"] == "note"


def test_statistics_count_the_findings_of_each_rule(app: typer.Typer, write: Write) -> None:
    for number in range(3):
        write([FAULT, USED], f"{number}.ipynb")
    path = write(["!pip install timm>=1.0"], "9.ipynb").parent
    status, printed = run(app, path, "--statistics")
    assert status == 1
    assert printed.splitlines()[:-1] == [
        "3  CS402 [ ] missing-package (error)",
        "3  CS105 [*] no-outputs (note)",
        "1  CS406 [*] unquoted-version (error)",
    ]
    counts = json.loads(run(app, path, "--statistics", "--format", "json")[1])
    assert counts[0] == {"code": "CS402", "name": "missing-package", "severity": "error", "count": 3, "fixable": False}
    with pytest.raises(UsageError, match="take text or json"):
        run(app, path, "--statistics", "--format", "sarif")


def test_quiet_prints_findings_only(app: typer.Typer, write: Write) -> None:
    assert run(app, write(["x = 1"]), "--quiet") == (0, "")
    status, printed = run(app, write([FAULT]), "-q")
    assert (status, printed.count("\n")) == (1, 1)


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_what_is_written_piece_by_piece_is_laid_out_like_a_whole(format: str, app: typer.Typer, write: Write) -> None:
    books: list[list[Cells]] = [[], [[FAULT]], [[FAULT], ["x = 1"], ["print 1", USED]]]
    for contents in books:
        for number, cells in enumerate(contents or [["x = 1"]]):
            folder = write(cells, f"{len(contents)}/{number}.ipynb").parent
        printed = run(app, folder, "--format", format)[1]
        whole = json.loads(printed)
        results = whole if format == "json" else whole["runs"][0]["results"]
        assert len(results) == sum(len(cells) for cells in contents) - (len(contents) > 1)
        assert printed == json.dumps(whole, indent=1) + "\n"


def call(*arguments: str | Path, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "colab_starter", "check", "--no-cache", *map(str, arguments)]
    return subprocess.Popen(command, cwd=REPOSITORY, **options)  # type: ignore[call-overload, no-any-return]


def test_findings_come_before_the_last_notebook_is_read(write: Write, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "z.ipynb")  # it is read when somebody writes
    process = call(write([FAULT], "a.ipynb"), tmp_path / "z.ipynb", stdout=subprocess.PIPE)
    assert process.stdout
    assert b"CS402" in process.stdout.readline()
    with open(tmp_path / "z.ipynb", "w") as file:
        file.write("{")
    assert b"z.ipynb: CS101" in process.communicate()[0]


def test_nobody_reads_on_and_nothing_is_said(write: Write) -> None:
    for number in range(300):
        write([FAULT, "print 1"], f"{number:03}.ipynb")
    folder = write([FAULT], "a.ipynb").parent
    with call(folder, "-j", "2", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made = Terminal()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=made))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_NOT_BEFORE", 0)
    monkeypatch.setattr(progress, "_EVERY", 0)
    return made


def test_progress_is_one_line_that_is_written_over_and_taken_away(terminal: Terminal) -> None:
    tally, shown = Tally(), Progress(2)
    for name in ("a", "b"):
        tally.add(Checked(Path(name)))
        shown.update(tally)
    shown.clear()
    shown.clear()
    assert terminal.getvalue() == ("\r1 of 2 notebooks, 0 findings\x1b[K\r2 of 2 notebooks, 0 findings\x1b[K\r\x1b[K")


def test_progress_is_not_shown_where_it_is_no_use(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    Progress(1).update(Tally())
    Progress(9, wanted=False).update(Tally())
    monkeypatch.setattr(progress, "_NOT_BEFORE", 60)
    Progress(9).update(Tally())
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(progress, "_NOT_BEFORE", 0)
    Progress(9).update(Tally())
    assert terminal.getvalue() == ""
    pipe = io.StringIO()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=pipe))
    Progress(9).update(Tally())
    assert pipe.getvalue() == ""


def test_on_a_real_terminal_the_findings_are_not_mixed_with_the_progress(write: Write, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.ipynb")
    for name in ("a", "b", "y", "z"):
        write([FAULT], f"{name}.ipynb")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    files = [*sorted(tmp_path.glob("[a-b].ipynb")), tmp_path / "m.ipynb", *sorted(tmp_path.glob("[y-z].ipynb"))]
    with call(*files, "-j", "1", stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        printed = read_until(ours, "b.ipynb")
        time.sleep(2 * progress._NOT_BEFORE)  # so that progress is due at the next notebook
        with open(tmp_path / "m.ipynb", "w") as file:
            file.write("{")
        printed += read_until(ours, None)
    assert process.returncode == 1
    assert re.search(r"\d of 5 notebooks, \d+ findings", printed)
    lines = [line.rpartition("\x1b[K")[2] for line in printed.split("\r\n")]
    assert [bool(re.match(r"/.*CS\d{3} ", line)) for line in lines[:5]] == [True] * 5
    assert lines[5].startswith("5 errors in 5 of 5 notebooks")


def read_until(terminal: int, text: str | None) -> str:
    """What a process writes to its terminal, until it has written the text; None for all until it ends."""
    read = b""
    while text is None or text.encode() not in read:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # so Linux says that nobody has it open any more
            part = b""
        if not part:
            os.close(terminal)
            break
        read += part
    return read.decode()

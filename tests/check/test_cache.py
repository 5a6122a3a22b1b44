"""The cache of findings: right or not used, and never a reason to fail."""

import ast
import inspect
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from colab_starter.check import cache as cache_module
from colab_starter.check import checker as checker_module
from colab_starter.check.checker import Checked, Checker, Settings
from colab_starter.check.surroundings import SURROUNDINGS
from colab_starter.runtimes import load_runtime
from tests.check.conftest import ALL_RULES, LATEST, USUAL_RULES, Write, code, text

CODES = tuple(rule.code for rule in USUAL_RULES)
FAULT = "import nothing_like_this"
BADGE = "https://colab.research.google.com/github/ada/lessons/blob/main"


@pytest.fixture
def settings(cache: Path) -> Settings:
    return Settings(CODES, LATEST, cache=cache / "check")


def is_known(settings: Settings, path: Path) -> bool:
    return Checker(settings).look_up(path, True) is not None


def entries_of(settings: Settings) -> list[Path]:
    assert settings.cache
    return [path for path in settings.cache.glob("??/*") if path.is_file()]


def test_the_second_time_no_rule_runs(settings: Settings, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write([FAULT], "a.ipynb"), write(["x = 1"], "b.ipynb"), write("{", "c.ipynb")]
    first = [Checker(settings).check(path, True) for path in paths]
    assert [len(checked.findings) for checked in first] == [1, 0, 1]
    monkeypatch.setattr(checker_module, "check_content", None)
    assert [Checker(settings).check(path, True) for path in paths] == first


def test_a_copy_of_a_notebook_is_known_under_its_own_name(settings: Settings, write: Write) -> None:
    Checker(settings).check(write(["print 1"], "a.ipynb"), True)
    other = write(["print 1"], "b.ipynb")
    known = Checker(settings).look_up(other, True)
    assert known
    assert [finding.path for finding in known.findings] == [str(other)]


def test_whatever_a_verdict_depends_on_makes_another_entry(
    settings: Settings, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(["print 1"])
    Checker(settings).check(path, True)
    assert is_known(settings, path)
    assert not is_known(settings._replace(codes=CODES[1:]), path)
    assert not is_known(settings._replace(runtime=load_runtime("2026.04")), path)
    refreshed = LATEST._replace(packages={**LATEST.packages, "numpy": "9.9"})
    assert not is_known(settings._replace(runtime=refreshed), path)
    monkeypatch.setattr("colab_starter.__version__", "99.0")
    assert not is_known(settings, path)
    monkeypatch.undo()
    write(["print 2"])
    assert not is_known(settings, path)


def test_a_changed_file_of_the_rules_makes_another_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "colab_starter"
    for folder in ("check/rules/data/gone", "notebook", "runtimes/data"):
        (package / folder).mkdir(parents=True)
    monkeypatch.setattr("colab_starter.__file__", str(package / "__init__.py"))
    seen = {cache_module.describe_program()}
    for name in (
        "check/rules/colab.py",
        "check/rules/data/gone.json",
        "notebook/magics.py",
        "runtimes/data/latest.json",
    ):
        (package / name).write_text("x")
        seen.add(cache_module.describe_program())
    assert len(seen) == 5


def test_findings_that_depend_on_the_folder_are_forgotten_when_it_changes(settings: Settings, write: Write) -> None:
    path = write(["import helper_of_mine"])
    assert [finding.code for finding in Checker(settings).check(path, True).findings] == ["CS402"]
    assert is_known(settings, path)
    (path.parent / "helper_of_mine.py").write_text("")
    assert Checker(settings).check(path, True).findings == []
    (path.parent / "helper_of_mine.py").unlink()
    assert len(Checker(settings).check(path, True).findings) == 1


def test_a_badge_is_judged_again_where_the_notebook_has_moved(settings: Settings, write: Write, tmp_path: Path) -> None:
    badge = text(f"[![Open](https://colab.research.google.com/assets/colab-badge.svg)]({BADGE}/one/a.ipynb)")
    first, moved = write([badge], "one/a.ipynb"), write([badge], "two/one/a.ipynb")
    for path in (first, moved):
        assert Checker(settings).check(path, True).findings == []
    renamed = write([badge], "one/b.ipynb")
    assert [finding.code for finding in Checker(settings).check(renamed, True).findings] == ["CS310"]
    clone = tmp_path / "clone"
    clone.mkdir()
    for arguments in (["init"], ["remote", "add", "origin", "https://github.com/ada/lessons"]):
        subprocess.run(["git", *arguments], cwd=clone, check=True, capture_output=True)
    inside = write([badge], "clone/deep/one/a.ipynb")
    assert [finding.code for finding in Checker(settings).check(inside, True).findings] == ["CS310"]


def test_the_lines_of_the_file_are_worked_out_when_a_format_needs_them(settings: Settings, write: Write) -> None:
    path = write([FAULT])
    Checker(settings).check(path, True)
    with_lines = settings._replace(with_lines=True)
    assert not is_known(with_lines, path)
    lines = Checker(with_lines).check(path, True).lines
    assert path.read_text().split("\n")[lines[0] - 1].strip() == f'"{FAULT}"'
    assert is_known(with_lines, path)


DAMAGE = {
    "empty": lambda raw: b"",
    "cut off": lambda raw: raw[: len(raw) // 2],
    "another sign": lambda raw: raw.replace(b"nothing", b"nathing"),
    "rubbish": lambda raw: b"\xff\x00" * 50,
    "other JSON": lambda raw: b"00000000{}",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_as_good_as_none(damage: "object", settings: Settings, write: Write) -> None:
    assert callable(damage)
    path = write([FAULT])
    first = Checker(settings).check(path, True)
    (entry,) = entries_of(settings)
    entry.write_bytes(damage(entry.read_bytes()))
    assert not is_known(settings, path)
    assert Checker(settings).check(path, True) == first
    assert is_known(settings, path)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    settings: Settings, write: Write, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    path = write([FAULT])
    for folder in (tmp_path / "file", tmp_path / "file/below", Path("/proc/cache")):
        checker = Checker(settings._replace(cache=folder))
        assert len(checker.check(path, True).findings) == 1
        checker.close()


def test_nobody_else_can_read_what_findings_quote(settings: Settings, write: Write) -> None:
    Checker(settings).check(write([FAULT]), True)
    (entry,) = entries_of(settings)
    assert entry.parent.stat().st_mode & 0o077 == 0


def test_two_at_once_leave_one_whole_entry(settings: Settings, write: Write) -> None:
    path = write([FAULT])
    both = [Checker(settings), Checker(settings)]
    assert both[0].check(path, True) == both[1].check(path, True)
    assert len(entries_of(settings)) == 1


def test_old_entries_and_too_many_are_removed(
    settings: Settings, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "MOST_ENTRIES", 3)
    paths = [write([f"x = {number}"], f"{number}.ipynb") for number in range(6)]
    now = time.time()
    for age, path in enumerate(paths):
        before = set(entries_of(settings))
        Checker(settings).check(path, True)
        (entry,) = set(entries_of(settings)) - before
        os.utime(entry, (now - 60 * age, now - 60 * age))
    Checker(settings).close()
    assert [is_known(settings, path) for path in paths] == [True, True, True, False, False, False]
    for entry in entries_of(settings):
        os.utime(entry, (now - 40 * 24 * 3600, now - 40 * 24 * 3600))
    assert is_known(settings, paths[0])  # which makes it new again
    Checker(settings).close()  # not twice a day
    assert len(entries_of(settings)) == 3
    assert settings.cache
    os.utime(settings.cache / "pruned", (0, 0))
    Checker(settings).close()
    assert [is_known(settings, path) for path in paths[:3]] == [True, False, False]


LOOKING = {"exists", "glob", "is_dir", "is_file", "iterdir", "listdir", "open", "read_text", "rglob", "scandir", "stat"}


def test_rules_look_at_nothing_besides_the_notebook_that_the_cache_does_not_know() -> None:
    """Else a finding would be told from the cache although it is no longer true."""
    modules = {inspect.getsourcefile(inspect.unwrap(rule.find)) for rule in ALL_RULES}
    assert len(modules) > 4
    for module in modules:
        assert module
        tree = ast.parse(Path(module).read_text())
        looks = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & LOOKING
        assert looks == set(), f"{module}: use notebook.beside, or add to surroundings.py"


def test_every_look_of_a_rule_is_one_that_the_cache_knows(write: Write) -> None:
    assert set(SURROUNDINGS) == {"beside", "checkout"}


def test_a_record_of_a_run_is_known_without_the_cache(settings: Settings, write: Write) -> None:
    path = write([code("x = 1")], metadata={"colab_starter": {"status": "ok"}})
    assert Checker(settings).check(path, False) == Checked(path, is_record=True)
    assert entries_of(settings) == []
    assert not Checker(settings).check(path, True).is_record
    assert json.loads(path.read_text())["metadata"]["colab_starter"]

"""Modules that were imported before a kernel was forked, seen from the notebook."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colab_starter.errors import ColdKernelNeededError
from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.kernels.local import LocalKernel
from tests.run.jobs import receive
from tests.run.kernels.talks import execute

MODULES = {
    "speaks": "import sys, warnings\nprint('hello')\nprint('oops', file=sys.stderr)\nwarnings.warn('old')",
    "marks": "import os\nPID = os.getpid()",
    "parent": "",
    "parent.child": "VALUE = 1",
    "reads": "import os\nVALUE = os.environ.get('SOME_VARIABLE')",
    "sets": "import os; os.environ['SET_BY_A_MODULE'] = '1'",
    "knows": "import os; VALUE = os.environ.get('SET_BY_A_MODULE')",
    "copies": "import os\nVALUE = dict(os.environ)",
    "looks": "import importlib.util\nVALUE = importlib.util.find_spec('optional')",
    "replaces": "import sys, types\nsys.modules['replaces'] = types.SimpleNamespace(VALUE='replaced')",
}
Ask = Callable[..., str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    folder = tmp_path_factory.mktemp("modules")
    (folder / "parent").mkdir()
    for name, source in MODULES.items():
        path = folder / f"{name.replace('.', '/')}.py"
        (folder / "parent/__init__.py" if name == "parent" else path).write_text(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        server = ForkServer(WarmPlan((*MODULES, "sqlite3")), {}, folder / "log")
        yield server
        server.close()


@pytest.fixture
def ask(server: ForkServer, tmp_path: Path) -> Ask:
    """What cells print in a forked kernel; raises ColdKernelNeededError where it refuses."""

    def ask_kernel(*cells: str) -> str:
        with server.fork("tests.run.kernels.talks:talk_or_refuse", (cells, str(tmp_path))) as connection:
            answer = receive(connection)
            receive(connection)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    return ask_kernel


def test_a_module_is_not_there_until_it_is_imported_and_is_not_imported_again(ask: Ask) -> None:
    seen = ask("import sys, os; print('marks' in sys.modules)", "import marks; print(marks.PID != os.getpid())")
    assert seen == "False\nTrue\n"


def test_a_child_is_not_seen_on_its_package_before_it_is_imported(ask: Ask) -> None:
    seen = ask("import parent; print(hasattr(parent, 'child'))", "from parent import child; print(parent.child.VALUE)")
    assert seen == "False\n1\n"


def test_what_an_import_printed_and_warned_of_is_said_when_the_notebook_imports_it(ask: Ask) -> None:
    seen = ask("print('first')", "import speaks")
    assert seen.startswith("first\n")
    assert "hello\n" in seen
    assert "oops\n" in seen
    assert "UserWarning: old" in seen


def test_warnings_of_an_import_can_be_silenced_before_it(ask: Ask) -> None:
    seen = ask("import warnings; warnings.simplefilter('ignore')", "import speaks")
    assert "hello" in seen
    assert "old" not in seen


def test_a_module_that_replaces_itself_is_given_as_it_was_replaced(ask: Ask) -> None:
    assert ask("import replaces; print(replaces.VALUE)") == "replaced\n"


def test_whether_a_module_is_installed_can_be_asked_without_importing_it(ask: Ask) -> None:
    question = "import sys, importlib.util\nprint(importlib.util.find_spec('marks').name, 'marks' in sys.modules)"
    assert ask(question) == "marks False\n"


def test_a_failing_import_has_the_traceback_of_a_cold_kernel(ask: Ask) -> None:
    code = "import importlib, traceback\ntry:\n    importlib.import_module('not.there')\nexcept ImportError:\n"
    seen = ask(code + "    print(traceback.format_exc())")
    assert "No module named 'not'" in seen
    assert "colab_starter" not in seen


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("import os; os.environ['SOME_VARIABLE'] = '1'", "SOME_VARIABLE was set"),
        ("import sys; sys.path.insert(0, '/nowhere')", "sys.path was changed"),
        ("import sys; sys.argv.append('--fast')", "sys.argv was changed"),
        ("import os; os.chdir('/')", "the working directory was changed"),
        ("import sys, types; sys.meta_path.insert(0, types.SimpleNamespace(find_spec=lambda *a: None))", "the hooks"),
        ("import warnings; warnings.simplefilter('error')", "the filters of warnings were changed"),
        ("import sys; sys.setrecursionlimit(4000)", "settings of Python were changed"),
        ("import builtins; builtins.profile = print", "settings of Python were changed"),
    ],
)
def test_an_import_is_refused_where_a_cold_kernel_might_give_something_else(ask: Ask, cell: str, why: str) -> None:
    with pytest.raises(ColdKernelNeededError, match=why) as refusal:
        ask(cell, "import reads")
    assert (refusal.value.module, refusal.value.root) == ("reads", "reads")


def test_a_change_that_comes_after_the_import_is_no_reason_to_refuse(ask: Ask) -> None:
    assert ask("import os, reads; os.environ['SOME_VARIABLE'] = '1'", "import reads; print(reads.VALUE)") == "None\n"


def test_a_stand_in_for_a_module_that_was_missing_is_a_reason_to_refuse_who_looked_for_it(ask: Ask) -> None:
    with pytest.raises(ColdKernelNeededError, match="optional exists now"):
        ask("import sys, types; sys.modules['optional'] = types.SimpleNamespace()", "import looks")


def test_what_a_module_sets_itself_is_no_reason_to_refuse_another_that_does_not_ask_for_it(ask: Ask) -> None:
    seen = ask("import sets, os; print(os.environ['SET_BY_A_MODULE'])", "import marks; print(marks.PID != os.getpid())")
    assert seen == "1\nTrue\n"


def test_what_a_module_sets_itself_is_a_reason_to_refuse_another_that_asks_for_it(ask: Ask) -> None:
    with pytest.raises(ColdKernelNeededError, match="SET_BY_A_MODULE was changed"):
        ask("import knows")  # in the plan's order, it comes after the module that sets it
    with pytest.raises(ColdKernelNeededError, match="SET_BY_A_MODULE was changed"):
        ask("import copies")
    assert ask("import sets, knows; print(knows.VALUE)") == "1\n"


def test_a_library_that_is_loaded_from_its_file_is_refused(ask: Ask) -> None:
    load = "import importlib.util as u\nspec = u.find_spec('_sqlite3')\nu.module_from_spec(spec)"
    with pytest.raises(ColdKernelNeededError, match="loaded without import"):
        ask(load)


def test_a_forked_kernel_begins_with_the_modules_of_a_cold_one(ask: Ask, tmp_path: Path) -> None:
    cell = "import sys; print(*sorted(sys.modules))"
    kernel = LocalKernel.start(None, cwd=str(tmp_path), environment={}, log=tmp_path / "log", warm=False)
    try:
        cold = "".join(one.content["text"] for one in execute(kernel, cell) if one.kind == "stream")
    finally:
        kernel.kill()
    more = {name for name in set(ask(cell).split()) - set(cold.split()) if not name.startswith("encodings.")}
    assert more == set()


def test_a_module_of_python_itself_does_not_mind_the_arguments_and_the_folder(ask: Ask) -> None:
    assert ask("import os, sys; os.chdir('/'); sys.argv = ['script.py']", "import sqlite3; print(1)") == "1\n"

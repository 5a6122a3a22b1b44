"""Fork servers in Pythons that are not ours: what they may import, and kernels of real ones."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.runtimes.pythons import find_python
from colab_starter.runtimes.uv import get_uv, run_uv
from tests.run.kernels.elsewhere import found_by_jupyter, open_server, talk_elsewhere, write_kernelspec
from tests.run.kernels.talks import Talk
from tests.run.kernels.test_forkserver import wait_until_ready
from tests.run.kernels.test_kernel import ERRORS, FACTS, SHOW_FORK, list_files, read_facts

PACKAGE = Path(__file__).parents[3] / "colab_starter"
ROOTS = ["run/kernels/server.py", "run/kernels/guard.py"]
ALLOWED = {"ipykernel", "IPython", "zmq", "threadpoolctl"}
"""What there is besides the standard library; threadpoolctl is loaded from its file where it is missing."""
FOR_WORKERS = "_import_worker"
"""The function that imports what only our own Python needs."""
NEWER = {
    "asyncio": {"Runner", "TaskGroup", "timeout"},
    "builtins": {"BaseExceptionGroup", "ExceptionGroup"},
    "contextlib": {"chdir"},
    "datetime": {"UTC"},
    "enum": {"EnumCheck", "ReprEnum", "StrEnum", "member", "nonmember", "verify"},
    "hashlib": {"file_digest"},
    "itertools": {"batched"},
    "tomllib": {"load", "loads"},
    "typing": {"LiteralString", "Never", "NotRequired", "Required", "Self", "TypeVarTuple", "Unpack", "assert_never"}
    | {"assert_type", "dataclass_transform", "override", "reveal_type"},
    "warnings": {"deprecated"},
}
"""What standard modules have only since Python 3.11."""


class Imports(ast.NodeVisitor):
    """The imports of a module that a fork server elsewhere executes."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        """Module and name; the name is empty for ``import module``."""

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [(name.name, "") for name in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.found += [(node.module or "", name.name) for name in node.names]

    def visit_If(self, node: ast.If) -> None:
        for one in node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else ast.iter_child_nodes(node):
            self.visit(one)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name != FOR_WORKERS:
            self.generic_visit(node)


def read_imports(path: Path) -> list[tuple[str, str]]:
    visitor = Imports()
    visitor.visit(ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 10)))
    return visitor.found


def find_file(module: str) -> Path | None:
    """The file of a module of ours."""
    place = PACKAGE.parent.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def find_needed() -> dict[Path, list[tuple[str, str]]]:
    """The modules of ours that a fork server elsewhere imports, with their imports."""
    needed: dict[Path, list[tuple[str, str]]] = {}
    left = [PACKAGE / root for root in ROOTS]
    while left:
        path = left.pop()
        if path in needed:
            continue
        needed[path] = read_imports(path)
        ours = [(module, name) for module, name in needed[path] if module.partition(".")[0] == "colab_starter"]
        names = {part for module, name in ours for part in (module, f"{module}.{name}")}
        names |= {module.rpartition(".")[0] for module in names}
        left += [file for name in names if (file := find_file(name)) and file != PACKAGE / "__init__.py"]
    return needed


def test_a_server_elsewhere_imports_the_standard_library_of_python_3_10_and_ipykernel_only() -> None:
    needed = find_needed()
    assert {"forked.py", "hidden.py", "process.py", "leaving.py"} <= {path.name for path in needed}
    foreign, too_new = set(), set()
    for path, imports in needed.items():
        for module, name in imports:
            first = module.partition(".")[0]
            if first not in {*sys.stdlib_module_names, *ALLOWED, "colab_starter"}:
                foreign.add(f"{path.name}: {module}")
            if name in NEWER.get(module, ()) or (not name and module == "tomllib"):
                too_new.add(f"{path.name}: {module}.{name}")
    assert foreign == set()
    assert too_new == set()


def test_a_python_3_10_can_import_what_needs_no_ipykernel() -> None:
    python = find_python("3.10")
    if not python:
        pytest.skip("there is no Python 3.10 on this machine")
    modules = [
        ".".join(("colab_starter", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for path, imports in find_needed().items()
        if not {module.partition(".")[0] for module, _ in imports} & {"ipykernel", "IPython", "zmq"}
    ]
    code = (
        "import sys\nours = type(sys)('colab_starter')\nours.__path__ = [sys.argv.pop()]\n"
        f"sys.modules['colab_starter'] = ours\nfor name in {modules}: __import__(name)"
    )
    subprocess.run([str(python), "-I", "-c", code, str(PACKAGE)], check=True)


@pytest.fixture(
    scope="module",
    params=[
        ("3.10", "ipykernel==6.17.1", "ipython==7.34.0", "jupyter-client==7.4.9"),
        ("3.12", "ipykernel==6.29.5"),
        ("3.13", "ipykernel>=7"),
        ("3.14", "ipykernel>=7"),
    ],
    ids=lambda wanted: f"{wanted[0]}-{wanted[1]}",
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """A fork server in a new environment of another Python."""
    version, *packages = request.param
    python = find_python(version)
    if not python:
        pytest.skip(f"there is no Python {version} on this machine")
    folder, uv = tmp_path_factory.mktemp("python"), get_uv()
    run_uv(uv, "venv", "--python", python, str(folder / "environment"))
    run_uv(uv, "pip", "install", "--python", str(folder / "environment"), *packages)
    kernel = write_kernelspec(folder, folder / "environment" / "bin" / "python")
    plan = WarmPlan(("sqlite3", "csv", "missing"), kernel=kernel, may_lack=True)
    with found_by_jupyter(folder), open_server(folder, plan) as server:
        yield wait_until_ready(server)


@pytest.mark.weekly
def test_kernels_of_another_python_are_warm_and_as_cold_ones(server: ForkServer, tmp_path: Path) -> None:
    cells = [
        FACTS,
        *ERRORS,
        "import csv, sqlite3; print(csv.__file__)",
        "await __import__('asyncio').sleep(0)",
        SHOW_FORK,
        "print(b'kernels.server' in open('/proc/self/cmdline', 'rb').read())",
    ]
    warm, cold = (talk_elsewhere(server, Talk(cells, str(tmp_path), warm=warm)) for warm in (True, False))
    assert read_facts(warm) == read_facts(cold)
    assert warm.text.splitlines()[1:-1] == cold.text.splitlines()[1:-1]
    assert (warm.text.splitlines()[-1], cold.text.splitlines()[-1]) == ("True", "False")
    assert (list_files(warm), warm.errors) == (list_files(cold), cold.errors)
    assert (warm.death.exit_code, cold.death.exit_code) == (0, 0)
    assert server.left_out == {}

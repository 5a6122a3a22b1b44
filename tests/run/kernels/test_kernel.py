"""A kernel through ``LocalKernel``: cold and warm ones have to behave alike."""

import gzip
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import KernelSilentError, NoSuchKernelError, StartStoppedError
from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.death import KernelDiedError
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.kernels.local import LocalKernel
from colab_starter.text import strip_colours
from tests.run.kernels.elsewhere import found_by_jupyter, make_environment, open_server, talk_elsewhere
from tests.run.kernels.talks import Answer, Talk, execute, start, talk_through
from tests.support.marks import weekly
from tests.support.ready_servers import ReadyServers

Ask = Callable[..., Answer]
AskBoth = Callable[..., tuple[Answer, Answer]]
Both = Mapping[str, Sequence[Answer]]
MODULES = ("matplotlib.pyplot", "tqdm.auto")

FACTS = """
import json, locale, os, signal, sys, threading
print(json.dumps({
    "argv": sys.argv[1:2], "path": sys.path, "flags": list(sys.flags), "executable": sys.executable,
    "environment": {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"},
    "parent": os.environ["JPY_PARENT_PID"] == str(os.getppid()),
    "session": os.getsid(0) == os.getpid() == os.getpgid(0), "umask": os.umask(0o22), "dh": list(map(str, _dh)),
    "signals": {n: str(signal.getsignal(n)) for n in range(1, 32) if n != signal.SIGINT},
    "mask": list(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "main": [__name__, sys.modules["__main__"].__dict__ is globals()],
    "names": sorted(n for n in globals() if n != "__session__"), "encoding": locale.getpreferredencoding(),
    "thread": threading.current_thread() is threading.main_thread(), "stdin": sys.stdin.read(),
    "filters": len(__import__("warnings").filters) > 0, "excepthook": sys.excepthook.__name__,
}))
"""
DESCRIPTORS = """
import os
names = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
links = [os.readlink(name) for name in names if os.path.lexists(name)]
print(sorted({link.split(":")[0] for link in links}), len([link for link in links if link.startswith("socket")]))
"""
ERRORS = {
    "open": "open('missing')",
    "pathlib": "from pathlib import Path\nPath('missing').read_text()",
    "exec": "exec('def f(:')",
    "import": "import missing",
}
COMPARED = {
    "facts": FACTS,
    "descriptors": DESCRIPTORS,
    **ERRORS,
    "functions": "import io, os; print(open, io.open, os.stat)",
    "a module": "from tqdm.auto import tqdm\nprint(tqdm.__mro__[1].__module__)",
}
"""Cells whose answers warm and cold kernels have to have in common."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    server = ForkServer(WarmPlan(MODULES), {}, tmp_path_factory.mktemp("server") / "log")
    yield server
    server.close()


@pytest.fixture(scope="module")
def kernel_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """A fork server in another environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    kernel = make_environment(folder)
    with found_by_jupyter(folder), open_server(folder, WarmPlan(MODULES, kernel=kernel)) as server:
        yield server


@pytest.fixture(params=["warm", "cold", "elsewhere"])
def ask(request: pytest.FixtureRequest, server: ForkServer, kernel_server: ForkServer, tmp_path: Path) -> Ask:
    """Execute cells in a new kernel."""
    if request.param == "elsewhere":
        return lambda *cells: talk_elsewhere(kernel_server, Talk(cells, str(tmp_path)))
    return lambda *cells: talk_through(server, Talk(cells, str(tmp_path), warm=request.param == "warm"))


@pytest.fixture(scope="module", params=["here", "elsewhere"])
def both(
    request: pytest.FixtureRequest,
    server: ForkServer,
    kernel_server: ForkServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Both:
    """What a warm kernel and a cold one answer to each of the cells ``COMPARED``."""
    folder = str(tmp_path_factory.mktemp("both"))
    cells = list(COMPARED.values())
    warm, cold = (
        talk_elsewhere(kernel_server, Talk(cells, folder, warm=warm))
        if request.param == "elsewhere"
        else talk_through(server, Talk(cells, folder, warm=warm))
        for warm in (True, False)
    )
    return {name: answers for name, *answers in zip(COMPARED, warm.split(), cold.split(), strict=True)}


@pytest.fixture(params=["here", "elsewhere"])
def ask_both(request: pytest.FixtureRequest, server: ForkServer, kernel_server: ForkServer, tmp_path: Path) -> AskBoth:
    """Execute cells in a warm kernel and in a cold one."""
    talk_there, its_server = {"here": (talk_through, server), "elsewhere": (talk_elsewhere, kernel_server)}[
        request.param
    ]

    def ask_kernels(*cells: str) -> tuple[Answer, Answer]:
        warm, cold = (talk_there(its_server, Talk(cells, str(tmp_path), warm=warm)) for warm in (True, False))
        return warm, cold

    return ask_kernels


def test_cells_share_their_variables_the_folder_and_what_the_system_prints_but_no_history(
    ask: Ask, tmp_path: Path
) -> None:
    history = ("print(get_ipython().history_manager.enabled)", "print(In[1])")
    answer = ask(*history, "import os\na = 1", "print(a + 1, os.getcwd())", "os.system('echo from the system')")
    assert answer.text == f"False\n{history[0]}\n2 {tmp_path}\nfrom the system\n"
    assert (answer.death.exit_code, answer.died) == (0, False)
    assert [path.name for path in tmp_path.iterdir()] == ["kernel.log"]


DEATHS = {
    "exit": ("import os; os._exit(9)", 9, None),
    "segfault": ("import ctypes; ctypes.string_at(0)", None, signal.SIGSEGV),
    "kill": ("import os; os.kill(os.getpid(), 9)", None, signal.SIGKILL),
}


@pytest.mark.parametrize(
    ("how", "ask"),
    [
        *((how, "warm") for how in DEATHS),
        *(("segfault", kind) for kind in ("cold", "elsewhere")),
        *(weekly(how, kind) for how in ("exit", "kill") for kind in ("cold", "elsewhere")),
    ],
    indirect=["ask"],
)
def test_a_death_is_told_after_all_that_was_printed(ask: Ask, how: str) -> None:
    cell, exit_code, number = DEATHS[how]
    answer = ask("print('first')", cell)
    assert answer.died
    assert (answer.death.exit_code, answer.death.signal) == (exit_code, number)
    assert answer.text == "first\n"


def test_files_and_threads_and_atexit_handlers_are_ended_in_good_order(ask: Ask, tmp_path: Path) -> None:
    cell = """
import atexit, gzip, threading, time
atexit.register(lambda: open('atexit.txt', 'w').write('kept'))
opened = open('opened.txt', 'w')
opened.write('kept')
zipped = gzip.open('zipped.gz', 'wt')
zipped.write('kept')
threading.Thread(target=lambda: (time.sleep(0.2), open('thread.txt', 'w').write('kept'))).start()
import io, sys
sys.stdout = io.StringIO()
"""
    assert ask(cell).death.exit_code == 0
    assert {path.read_text() for path in tmp_path.glob("*.txt")} == {"kept"}
    assert len(list(tmp_path.glob("*.txt"))) == 3
    assert gzip.decompress((tmp_path / "zipped.gz").read_bytes()) == b"kept"


def test_an_exit_code_does_not_keep_it_from_ending(ask: Ask, tmp_path: Path) -> None:
    """IPython takes the code for whether to keep the kernel."""
    answer = ask("import atexit; atexit.register(lambda: open('ended', 'w'))", "exit(3)")
    assert (answer.death.exit_code, (tmp_path / "ended").exists()) == (0, True)


def test_what_a_notebook_leaves_running_is_killed(ask: Ask) -> None:
    started = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    child = int(ask(started).text)
    assert not Path(f"/proc/{child}").exists()


def test_no_output_is_lost_however_much_there_is(ask: Ask) -> None:
    answer = ask("for i in range(1500): display(i)", "print('x' * 5_000_000)")
    assert len(answer.displayed) == 1500
    assert len(answer.text) == 5_000_001


def read_facts(answer: Answer) -> dict[str, Any]:
    """What the cell above has found, without what is the debugger's: warm kernels have none."""
    facts: dict[str, Any] = json.loads(answer.text.splitlines()[0])
    # ipykernel before 6.18 imports the debugger all the same.
    facts["environment"].pop("PYDEVD_USE_FRAME_EVAL", None)
    return facts


def test_a_warm_kernel_finds_what_a_cold_one_finds(both: Both) -> None:
    warm, cold = both["facts"]
    assert read_facts(warm) == read_facts(cold)


def test_a_warm_kernel_of_a_server_that_was_forked_itself_finds_what_a_cold_one_finds(
    server: ForkServer, ready_servers: ReadyServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such servers save other tests the imports; what was set since then is set in them too."""
    monkeypatch.setenv("SET_SINCE", "yes")
    cell = f"{FACTS}\nimport matplotlib.pyplot, tqdm.auto\nprint(tqdm.__version__)"
    forked = ready_servers.start(WarmPlan(MODULES), {"GIVEN": "value"}, tmp_path / "log")
    try:
        warm = talk_through(forked, Talk([cell], str(tmp_path)))
    finally:
        forked.close()
    variables = {**os.environ, "GIVEN": "value"}
    cold = talk_through(server, Talk([cell], str(tmp_path), warm=False, environment=variables))
    assert read_facts(warm) == read_facts(cold)
    assert warm.text.splitlines()[1:] == cold.text.splitlines()[1:]
    assert (tmp_path / "log").read_text() == ""


def test_a_kernel_is_of_the_class_that_the_configuration_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_kernel.py").write_text(
        "from ipykernel.ipkernel import IPythonKernel\nclass Own(IPythonKernel):\n    motto = 'own'\n"
    )
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_config.py").write_text("get_config().IPKernelApp.kernel_class = 'own_kernel.Own'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    server = ForkServer(WarmPlan(), {}, tmp_path / "log")
    cell = "print(get_ipython().kernel.motto, b'kernels.server' in open('/proc/self/cmdline', 'rb').read())"
    try:
        warm, cold = (talk_through(server, Talk([cell], str(tmp_path), warm=warm)) for warm in (True, False))
    finally:
        server.close()
    assert (warm.text, cold.text) == ("own True\n", "own False\n")


def test_errors_and_functions_look_as_in_a_cold_kernel(both: Both) -> None:
    for name in ERRORS:
        warm, cold = both[name]
        assert list_files(warm) == list_files(cold)
        assert warm.errors == cold.errors != []
    assert [re.sub(" at 0x[0-9a-f]+", "", answer.text) for answer in both["functions"]] == [
        "<function open> <built-in function open> <built-in function stat>\n"
    ] * 2


def list_files(answer: Answer) -> list[str]:
    """The lines of the tracebacks that name a file, and the code of strings."""
    errors = [message.content for message in answer.messages if message.kind == "error"]
    text = strip_colours("\n".join(line for error in errors for line in error["traceback"]))
    return re.findall(r"^ *File .*?(?=:\d|$)|^.*def f.*$", re.sub(r"ipykernel_\d+/\d+", "", text), re.MULTILINE)


def test_a_kernel_has_no_descriptors_of_its_worker(both: Both) -> None:
    warm, cold = both["descriptors"]
    assert warm.text == cold.text


FIGURES = {
    "png": "import matplotlib.pyplot as plt\nplt.plot([1, 2, 1]);",
    "svg": "%config InlineBackend.figure_format = 'svg'\n%matplotlib inline\nimport matplotlib.pyplot as plt\n"
    "import os; os.environ['SOURCE_DATE_EPOCH'] = '0'\nplt.rcParams['svg.hashsalt'] = 'a'\n"
    "plt.figure(figsize=(2, 1))\nplt.plot([1, 2])\nplt.show()",
    "agg": "import matplotlib.pyplot as plt, matplotlib; matplotlib.use('agg'); print(plt.plot([1])[0].figure)",
}


@pytest.mark.parametrize(
    ("kind", "ask_both"),
    [
        *((kind, "here") for kind in FIGURES),
        ("png", "elsewhere"),
        *(weekly(kind, "elsewhere") for kind in ("svg", "agg")),
    ],
    indirect=["ask_both"],
)
def test_figures_appear_as_in_a_cold_kernel(kind: str, ask_both: AskBoth) -> None:
    warm, cold = ask_both(FIGURES[kind])
    assert warm.displayed == cold.displayed
    assert warm.text == cold.text


def test_modules_that_look_for_a_notebook_find_it(both: Both) -> None:
    warm, cold = both["a module"]
    assert warm.text == cold.text == "tqdm.notebook\n"


SHOW_FORK = """
import multiprocessing
def tell():
    print("from a fork", flush=True)
process = multiprocessing.get_context("fork").Process(target=tell)
process.start()
process.join()"""


def test_a_kernel_opens_no_port_and_hears_what_its_forks_print_all_the_same(ask: Ask) -> None:
    list_ports = (  # before psutil 6, net_connections had another name
        "import psutil\nown = psutil.Process()\n"
        "print((own.net_connections if hasattr(own, 'net_connections') else own.connections)('inet'))"
    )
    assert ask(list_ports + SHOW_FORK).text == "[]\nfrom a fork\n"


def test_an_interrupt_stops_the_cell_and_not_the_kernel(tmp_path: Path) -> None:
    kernel = start(Talk((), str(tmp_path), warm=False))
    request = kernel.execute("print('!', flush=True)\nwhile True: pass", stop_on_error=False)  # or it aborts the next
    while not any(message.kind == "stream" for message in kernel.receive(60).messages):
        pass
    kernel.interrupt()
    kinds: list[str] = []
    while "execute_reply" not in kinds:
        kinds += [message.kind for message in kernel.receive(60).messages if message.parent == request]
    assert "error" in kinds
    assert [message.content for message in execute(kernel, "print(1)") if message.kind == "stream"]
    kernel.shutdown()


def test_waiting_ends_at_its_time_or_when_another_thing_is_ready(tmp_path: Path) -> None:
    kernel = start(Talk((), str(tmp_path), warm=False))
    execute(kernel, "1")  # after its last message a kernel says nothing more
    before = time.monotonic()
    assert kernel.receive(0.1) == ([], [])
    assert time.monotonic() - before > 0.05
    read, write = os.pipe()
    with open(read) as reader, open(write, "w"):
        os.write(write, b"!")
        assert kernel.receive(None, [reader]) == ([], [reader])
    kernel.kill()


def write_kernelspec(folder: Path, *command: str) -> None:
    place = folder / "kernels" / "odd"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "odd", "language": "odd"}))


def test_an_unknown_kernel_is_refused_with_the_names_of_those_installed(tmp_path: Path) -> None:
    with pytest.raises(NoSuchKernelError, match=r"no kernel 'nowhere'; installed: .*python3"):
        start(Talk((), str(tmp_path), name="nowhere", warm=False))


def test_a_kernel_that_dies_at_its_start_is_told_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_kernelspec(tmp_path, "sh", "-c", "echo no >&2; exit 7", "{connection_file}")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(KernelDiedError, match="the kernel ended with exit code 7"):
        start(Talk((), str(tmp_path), name="odd", warm=False))
    assert (tmp_path / "kernel.log").read_text() == "no\n"


def test_a_kernel_whose_program_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_kernelspec(tmp_path, "/no/such/program", "{connection_file}")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(NoSuchKernelError, match=r"'odd' cannot be started: .*/no/such/program"):
        start(Talk((), str(tmp_path), name="odd", warm=False))


def test_a_kernel_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_kernelspec(tmp_path, "sleep", "600")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(KernelSilentError):
        LocalKernel.start("odd", cwd=str(tmp_path), environment={}, log=tmp_path / "log", timeout=0.3)


def test_a_start_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_kernelspec(tmp_path, "sleep", "600")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    read, write = os.pipe()
    os.write(write, b"!")
    with open(read) as reader, open(write, "w"), pytest.raises(StartStoppedError):
        LocalKernel.start("odd", cwd=str(tmp_path), environment={}, log=tmp_path / "log", also=[reader])

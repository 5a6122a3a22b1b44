"""What a cell's outputs cost: ``python benchmarks/outputs.py [SHARE [NAME ...]]`` (1, and all of them).

Each cell is executed by ``colab-starter run``, start-up and the executed notebook included, and by a bare client of
jupyter_client that only counts the messages, on the same kind of kernel. SHARE makes them smaller, 0.1 a tenth: what
takes time in proportion has the same ratio, but for the start-up.

What remains is the kernel's own work (0.3 ms a display) and, beside it on another core, 0.1 ms to take the message and
put it into the notebook: a third of that is jupyter_client's reading, which the bare client does as well.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import nbformat
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbformat import v4

COMMAND = Path(sys.executable).with_name("colab-starter")
AIM = 3.0
"""Times what the bare client takes."""
LONGEST = 3600
"""Seconds that a cell may take."""

SCRAP = "{'application/scrapbook.scrap.json+json': {'name': f's{i}', 'data': i, 'encoder': 'json', 'version': 1}}"
CELLS: Mapping[str, tuple[int, str]] = {
    "displays": (100_000, "for i in range(COUNT): display(i)"),
    "scraps": (
        20_000,
        f"for i in range(COUNT): display({SCRAP}, raw=True, metadata={{'scrapbook': {{'name': f's{{i}}'}}}})",
    ),
    "updates": (
        20_000,
        "shown = display(0, display_id=True)\nfor i in range(COUNT): shown.update(i)",
    ),
    "updates of 2,000 displays": (
        20_000,
        "shown = [display(i, display_id=True) for i in range(COUNT // 10)]\n"
        "for i in range(COUNT): shown[i % len(shown)].update(i)",
    ),
    "prints": (100_000, "for i in range(COUNT): print(i, flush=True)"),
    "lines in one print": (1_000_000, "print('\\n'.join(map(str, range(COUNT))))"),
    "carriage returns": (100_000, "for i in range(COUNT): print(f'\\r{i} done', end='', flush=True)"),
    "clear_output": (
        10_000,
        "from IPython.display import clear_output\nfor i in range(COUNT): clear_output(wait=True); display(i)",
    ),
    "displays of 1 MB": (100, "for i in range(COUNT): display({'text/plain': '0123456789' * 100_000}, raw=True)"),
}
"""How often, and the cell; ``display`` and ``print`` send a message each time."""

_KEEP_ALL = "get_ipython().kernel.iopub_socket.io_thread.socket.setsockopt(__import__('zmq').SNDHWM, 0)"
"""A kernel drops messages that a client does not take soon enough; ``run`` tells it not to."""


def main() -> None:
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    for name in sys.argv[2:] or CELLS:
        count, cell = CELLS[name]
        compare(name, max(10, round(count * share)), cell)


def compare(name: str, count: int, cell: str) -> None:
    code = cell.replace("COUNT", str(count))
    bare, messages = time_bare(code)
    ours = time_ours(code)
    print(
        f"{count:>9,} {name:<26} bare {bare:6.1f} s ({messages:,} messages)   colab-starter {ours:6.1f} s   "
        f"{ours / bare:4.1f} times (aim {AIM:g})",
        flush=True,
    )


def time_bare(code: str) -> tuple[float, int]:
    """Seconds with a kernel's start and end, and how many messages came."""
    started = time.perf_counter()
    manager, client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)
    try:
        execute(client, _KEEP_ALL)
        messages = execute(client, code)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    return time.perf_counter() - started, messages


def execute(client: BlockingKernelClient, code: str) -> int:
    request = client.execute(code)
    count = 0
    while True:
        message = client.get_iopub_msg(timeout=LONGEST)
        count += 1
        if message["parent_header"].get("msg_id") == request and message["content"].get("execution_state") == "idle":
            break
    client.get_shell_msg(timeout=LONGEST)
    return count


def time_ours(code: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(code)]), Path(folder, "cell.ipynb"))
        started = time.perf_counter()
        command = [str(COMMAND), "run", "cell.ipynb", "--out", "out"]
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()

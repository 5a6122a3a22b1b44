"""The notebook that is sent to Colab: the cells that are executed, and our own before and after them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbformat import NotebookNode

from colab_starter.run.job import OUTPUT_DIR, Job
from colab_starter.run.kernels import error_hook
from colab_starter.run.worker.executed_notebook import ExecutedNotebook

FOLDER = "/tmp/colab-starter"
"""On Colab's machine: what a session's runs leave there, each until the next one empties it."""

RECORD_TYPE = "application/vnd.colab-starter.record+json"
"""The MIME type of what our own code in the kernel tells."""

_ERROR_HOOK = Path(error_hook.__file__)
_IN_KERNEL = Path(__file__).with_name("in_kernel.py")
_SHELL = '__import__("IPython").core.getipython.get_ipython()'


@dataclass(frozen=True)
class RemotePaths:
    """Where things are on Colab's machine."""

    folder: str
    mark: str = field(default_factory=lambda: f"colab-starter-{secrets.token_hex(8)}")
    """In our own cells and in what they tell, and nowhere else."""

    @property
    def output(self) -> str:
        return f"{self.folder}/output"

    @property
    def archive(self) -> str:
        return f"{self.folder}/{self.mark}.tar.gz"

    @property
    def records(self) -> str:
        """What our code in the kernel has told, a line of JSON each."""
        return f"{self.folder}/{self.mark}.jsonl"

    @property
    def stop(self) -> str:
        """The file that ends the run after the cell that is being executed."""
        return f"{self.folder}/{self.mark}.stop"


def as_contents_path(path: str) -> str:
    """How ``colab upload`` and ``colab download`` call a file: from the root, without its slash."""
    return str(PurePosixPath(path)).lstrip("/")


def make_sent_notebook(notebook: ExecutedNotebook, job: Job, paths: RemotePaths) -> NotebookNode:
    """The cells keep their source as it is; their ids are the indexes of the executed notebook's cells."""
    executable = sorted(notebook.executable)
    settings = _make_settings(notebook, executable, job, paths)
    modules = [path.read_text(encoding="utf-8") for path in (_ERROR_HOOK, _IN_KERNEL)]
    start = "\n".join([*modules, f"start_watch({settings!r})\n"])
    cells = [
        f'exec(compile({start!r}, "<colab-starter>", "exec"), {{"__name__": "colab_starter_in_kernel"}})',
        *(notebook.node.cells[index].source for index in executable),
        f"# {paths.mark}\n{_SHELL}.colab_starter.finish()",
    ]
    ids = ["start", *map(str, executable), "finish"]
    sent: NotebookNode = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id=id_) for source, id_ in zip(cells, ids, strict=True)]
    )
    return sent


def _make_settings(
    notebook: ExecutedNotebook, executable: Sequence[int], job: Job, paths: RemotePaths
) -> dict[str, Any]:
    return {
        "mark": paths.mark,
        "record_type": RECORD_TYPE,
        "allowed": [number for number, index in enumerate(executable, 1) if notebook.allows_error(index)],
        "cell_limit": job.limits.cell,
        "run_limit": job.limits.run,
        "environment": dict(job.environment),
        "folder": paths.folder,
        "stop": paths.stop,
        "records": paths.records,
        "output": paths.output if OUTPUT_DIR in job.parameters else None,
        "archive": paths.archive,
    }

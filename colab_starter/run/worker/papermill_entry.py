"""papermill's engine ``colab-starter``: ``papermill --engine colab-starter in.ipynb out.ipynb``.

papermill imports this module whenever it is imported itself, so nothing heavy is imported at the top.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode


class ColabStarterEngine:
    """Executes notebooks for papermill as ``colab-starter run`` does, with a kernel that starts cold.

    It has IPC sockets, correct statuses, complete files, saves that take at most 5 % of the time, streams assembled
    as they arrive, secrets masked in everything written, and the cause of a kernel's death. It has the interface of
    ``papermill.engines.Engine`` without being a subclass, because papermill imports it while being imported itself.
    """

    @classmethod
    def execute_notebook(
        cls, nb: "NotebookNode", kernel_name: str, output_path: str | None = None, **options: Any
    ) -> "NotebookNode":
        """Execute the notebook in place, and return it.

        ``options`` are those of papermill: ``progress_bar``, ``log_output``, ``stdout_file``, ``stderr_file``,
        ``autosave_cell_every`` (0: save between cells only), ``start_timeout`` and ``execution_timeout``
        (seconds per cell). Without ``output_path`` nothing is saved before the end. Raises nbclient's
        DeadKernelError and CellTimeoutError; an error in a cell is for papermill to raise.
        """
        from colab_starter.run.worker.papermill_engine import PapermillExecution

        return PapermillExecution(nb, output_path, options).run(kernel_name)

    @classmethod
    def nb_kernel_name(cls, nb: "NotebookNode", name: str | None = None) -> str:
        """The kernel to use, chosen as papermill does."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: "NotebookNode", language: str | None = None) -> str:
        """The language of the notebook, determined as papermill does."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))

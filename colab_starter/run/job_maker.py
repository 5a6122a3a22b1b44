"""Making the jobs that a backend executes from the runs of a batch."""

from dataclasses import replace
from pathlib import Path

from colab_starter.run.batch import Batch
from colab_starter.run.job import OUTPUT_DIR, OUTPUT_FOLDER, Job, StartedCold, WarmPlan
from colab_starter.run.sweep.runs import Run
from colab_starter.run.warm.plan import plan_warm


def check_kernel(batch: Batch) -> None:
    """Raise NoSuchKernelError, which names the installed kernels, if that of the runs is not installed."""
    from jupyter_core.paths import jupyter_path

    name = batch.kernel_name
    if not any(Path(folder, name, "kernel.json").is_file() for folder in jupyter_path("kernels")):
        # Imported here because jupyter_client takes longer to import than everything else.
        from colab_starter.run.kernels.kernelspecs import find_kernelspec

        find_kernelspec(name)


def plan_run(batch: Batch, run: Run) -> WarmPlan | None:
    """What to preload before the run's kernel is forked; None starts it cold."""
    overlay = batch.need.make_overlay(run)
    if batch.options.cold or (overlay and overlay.is_of_one_run):
        return None
    plan = plan_warm(
        batch.notebook,
        run.parameters,
        modules=batch.options.warm,
        kernel=batch.options.kernel,
        cwd=str(batch.cwd),
    )
    if plan and plan.kernel and not batch.options.backend.runs_here:
        return None
    return plan and replace(plan, overlay=overlay)


class JobMaker:
    """Makes the jobs of a batch."""

    def __init__(self, batch: Batch, source: Path) -> None:
        """``source`` is the copy of the notebook in the batch's folder that the runs execute."""
        self._batch = batch
        is_far = batch.store.is_remote and batch.options.backend.reads_store_directly
        self._folder = batch.store.name if is_far else str(batch.folder)
        self._source = f"{self._folder}/{source.name}"
        self._cwd = str(batch.cwd)
        self.cold: dict[str, str] = {}
        """Modules that turned out not to be worth preloading, and why; nothing after them is planned."""

    def note_cold(self, event: StartedCold) -> None:
        """Learn from a run that had to be restarted cold."""
        self.cold.setdefault(event.module, event.why)

    def _plan(self, run: Run) -> WarmPlan | None:
        plan = None if "" in self.cold else plan_run(self._batch, run)
        for module in self.cold:
            plan = plan and plan.cut_before(module)
        return plan

    def make_job(self, run: Run, attempt: int) -> Job:
        """Make the job for one attempt at a run."""
        options = self._batch.options
        folder = f"{self._folder}/{run.id}"
        own = {OUTPUT_DIR: f"{folder}/{OUTPUT_FOLDER}"} if self._batch.has_output_dir else {}
        return Job(
            run=run.id,
            attempt=attempt,
            notebook=self._source,
            output=f"{folder}/{options.notebook.name}",
            parameters={**run.parameters, **own},
            cwd=self._cwd,
            kernel=options.kernel,
            warm=self._plan(run),
            overlay=self._batch.need.make_overlay(run),
            limits=options.limits,
            secrets=tuple(options.secrets),
            metric_patterns=tuple(options.metrics),
            typed=(str(options.notebook), f"{self._batch.typed_out}/{run.id}/{options.notebook.name}"),
        )

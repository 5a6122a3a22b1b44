"""``export --to mlflow``, read back by MlflowClient from SQLite.

MLflow brings 30 packages that nothing else here needs, so the tests' environment lacks it, and these tests are skipped
there. ``make test-all`` runs them in an environment that has it: see the last test.
"""

import math
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import WrongOptionError
from colab_starter.export.mlflow import ADDRESS, choose_tracking
from colab_starter.run.job import Point
from colab_starter.run.outcome import Outcome, Status
from tests.conftest import REPOSITORY
from tests.export.conftest import Export
from tests.export.sweeps import PRUNED, Sample, SampleSweep, end, rise, sample_sweep, write_points

HAS_MLFLOW = find_spec("mlflow") is not None
needs_mlflow = pytest.mark.skipif(
    not HAS_MLFLOW, reason="needs MLflow: make test-all runs it in an environment with it"
)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow has some
PACKAGES = ["mlflow-skinny>=3", "sqlalchemy", "alembic"]
"""The least of MLflow that has a database."""


@pytest.fixture(autouse=True)
def _no_own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, because it takes seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    close_databases()
    return path


@pytest.fixture
def client(tmp_path: Path, empty_database: Path) -> Iterator[Any]:
    """Reads the database that ``export`` takes for the sweep in ``tmp_path / "keras"``."""
    from mlflow import MlflowClient

    (tmp_path / "keras").mkdir()
    database = shutil.copy(empty_database, tmp_path / "keras")
    yield MlflowClient(tracking_uri=f"sqlite:///{database}")
    close_databases()


def close_databases() -> None:
    """MLflow keeps its connections, and offers no way to close them."""
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    with suppress(AttributeError):
        _tracking_store_registry._get_store_with_resolved_uri.cache_clear()


def read_runs(client: Any, name: str = "keras") -> dict[tuple[str, str], Any]:
    """The runs of an experiment, by our ID and attempt."""
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id])
    return {(run.data.tags["colab_starter.run"], run.data.tags["colab_starter.attempt"]): run for run in runs}


@needs_mlflow
def test_each_run_has_its_parameters_metrics_tags_and_status(tmp_path: Path, export: Export, client: Any) -> None:
    sample = sample_sweep()
    folder = sample.write(tmp_path / "keras")
    answer = export(folder, "--to", "mlflow")
    address = f"sqlite:///{folder / 'mlflow.db'}"
    assert answer == (0, f"{address} (6 runs, 12 values)\nmlflow ui --backend-store-uri {address}\n", "")
    runs = read_runs(client)
    assert {*runs} == {(run.id, "1") for run in sample.runs}
    statuses = [runs[run.id, "1"].info.status for run in sample.runs]
    assert statuses == ["FINISHED", "FINISHED", "KILLED", "FAILED", "KILLED", "RUNNING"]
    first = runs[sample.runs[0].id, "1"]
    assert first.data.params == {"learning_rate": "0.1", "units": "16", "optimizer": "adam"}
    assert first.data.metrics == {"accuracy": 0.9, "test.loss": 0.4}
    assert first.data.tags.items() >= {"status": "ok", "metric.model": "CNN", "host": "mill"}.items()
    assert runs[sample.runs[2].id, "1"].data.tags["cause"] == PRUNED
    assert first.info.start_time <= first.info.end_time
    assert first.info.run_name == sample.runs[0].id
    history = client.get_metric_history(first.info.run_id, "accuracy")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.5), (2, 0.7), (3, 0.9)]
    assert {abs(metric.timestamp - first.info.start_time) < 600_000 for metric in history} == {True}


@needs_mlflow
def test_exporting_again_adds_what_is_new_and_nothing_twice(tmp_path: Path, export: Export, client: Any) -> None:
    folder = sample_sweep().write(tmp_path / "keras")
    export(folder, "--to", "mlflow")
    running = sample_sweep().runs[5].id
    write_points(folder, running, 1, [Point("accuracy", 2, 0.45), Point("loss", 1, 0.3)])
    assert export(folder, "--to", "mlflow").status == 0
    runs = read_runs(client)
    assert len(client.search_runs([client.get_experiment_by_name("keras").experiment_id])) == len(runs) == 6
    found = runs[running, "1"]
    history = client.get_metric_history(found.info.run_id, "accuracy")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.4), (2, 0.45)]
    assert found.data.metrics["loss"] == 0.3


@needs_mlflow
def test_a_later_attempt_is_a_run_of_its_own_and_ends_the_earlier_one(
    tmp_path: Path, export: Export, client: Any
) -> None:
    run = Sample("a-000000000000", {"n": 1}, None, rise(0.1))
    folder = SampleSweep([run]).write(tmp_path / "keras")
    export(folder, "--to", "mlflow")
    SampleSweep([Sample(run.id, {"n": 1}, end(), rise(0.5), attempt=2)]).write(folder)
    export(folder, "--to", "mlflow")
    runs = read_runs(client)
    assert {key: found.info.status for key, found in runs.items()} == {
        (run.id, "1"): "KILLED",
        (run.id, "2"): "FINISHED",
    }
    assert runs[run.id, "2"].data.metrics == {"accuracy": 0.5}


@needs_mlflow
def test_odd_names_and_values_arrive(tmp_path: Path, export: Export, client: Any) -> None:
    names = ["a:b", "a_b", "a/b", "../x", "/y", ".", "z//z", "über", "n" * 300, "status", "a?b", ""]
    metrics: dict[str, Any] = {name: float(number) for number, name in enumerate(names)}
    metrics |= {"odd": math.nan, "big": 10**400}
    given: dict[str, Any] = {**dict.fromkeys(names, "v" * 10_000), "none": None, "list": [1, "a"]}
    points = [Point("loss", 0.5, 1.0), Point("loss", 1.5, math.inf), Point("loss", 1.5, math.inf)]
    outcome = Outcome(Status.OK, metrics={"text": "x" * 10_000, **metrics})
    run = Sample("a-000000000000", given, outcome, points)
    folder = SampleSweep([run]).write(tmp_path / "keras")
    answer = export(folder, "--to", "mlflow")
    assert (answer.status, answer.err) == (0, "")
    [found] = read_runs(client).values()
    assert sorted(value for value in found.data.metrics.values() if value < 1000) == [*map(float, range(len(names)))]
    assert math.isnan(found.data.metrics["odd"])
    assert len(found.data.params) == len(names) + 5
    assert {len(value) for value in found.data.params.values() if value[0] == "v"} == {500}
    assert [metric.step for metric in client.get_metric_history(found.info.run_id, "loss")] == [0, 1, 2]
    assert found.data.tags["status"] == "ok"


@needs_mlflow
def test_the_executed_notebooks_are_kept_on_request(tmp_path: Path, export: Export, client: Any) -> None:
    sample = sample_sweep()
    folder = sample.write(tmp_path / "keras")
    export(folder, "--to", "mlflow")
    first = read_runs(client)[sample.runs[0].id, "1"].info.run_id
    assert client.list_artifacts(first) == []
    for _ in range(2):
        assert export(folder, "--to", "mlflow", "--artifacts").status == 0
    assert [file.path for file in client.list_artifacts(first)] == ["keras.ipynb"]
    downloaded = Path(client.download_artifacts(first, "keras.ipynb", str(tmp_path)))
    assert downloaded.read_bytes() == (folder / sample.runs[0].id / "keras.ipynb").read_bytes()
    assert not Path("mlruns").exists()


@needs_mlflow
def test_another_sweep_of_the_same_name_and_with_the_same_runs_is_not_taken_for_this_one(
    tmp_path: Path, export: Export, client: Any
) -> None:
    for name in ("one", "two"):
        folder = SampleSweep([Sample("a-000000000000", {}, end(score=1))]).write(tmp_path / name / "keras")
        export(folder, "--to", "mlflow", "-o", f"sqlite:///{tmp_path / 'keras/mlflow.db'}")
    experiment = client.get_experiment_by_name("keras")
    assert len(client.search_runs([experiment.experiment_id])) == 2


@needs_mlflow
def test_what_mlflow_refuses_is_one_line(tmp_path: Path, export: Export) -> None:
    folder = sample_sweep().write(tmp_path / "keras")
    (tmp_path / "broken.db").write_text("no database")
    answer = export(folder, "--to", "mlflow", "-o", tmp_path / "broken.db")
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.splitlines()[-1].startswith(f"colab-starter: MLflow at sqlite:///{tmp_path / 'broken.db'}: ")
    close_databases()


@needs_mlflow
def test_a_server_that_is_not_there_is_one_line(tmp_path: Path, export: Export) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        answer = export(sample_sweep().write(tmp_path / "keras"), "--to", "mlflow", "-o", address)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.splitlines()[-1].startswith(f"colab-starter: MLflow at {address}: ")
    assert answer.err.endswith("; fix that and give the same command again, or name another place with -o\n")


def test_the_users_own_server_comes_before_a_database_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_tracking(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:5000")
    assert choose_tracking(None, tmp_path) == "http://127.0.0.1:5000"
    assert choose_tracking("sqlite:///x.db", tmp_path) == "sqlite:///x.db"
    assert choose_tracking(str(tmp_path / "x.db"), None) == f"sqlite:///{tmp_path / 'x.db'}"


@pytest.mark.parametrize("place", ["mlruns", "./x/y", "file:///tmp/mlruns", "file:mlruns"])
@pytest.mark.parametrize("is_typed", [True, False])
def test_the_file_store_is_refused(monkeypatch: pytest.MonkeyPatch, place: str, is_typed: bool) -> None:
    monkeypatch.setenv(ADDRESS, place)
    with pytest.raises(
        WrongOptionError, match=f"^{'-o' if is_typed else ADDRESS} {place} would be MLflow's file store"
    ):
        choose_tracking(place if is_typed else None, Path("runs"))


def test_a_sweep_in_a_store_needs_a_place_for_the_database() -> None:
    with pytest.raises(WrongOptionError, match=r"-o sqlite:///mlflow\.db or MLFLOW_TRACKING_URI"):
        choose_tracking(None, None)


def test_without_mlflow_one_line_says_how_to_get_it(
    tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colab_starter.export.mlflow.find_spec", lambda name: None)
    answer = export(sample_sweep().write(tmp_path), "--to", "mlflow")
    assert answer.err == "colab-starter: --to mlflow needs MLflow; run: pip install mlflow\n"


@pytest.mark.weekly
@pytest.mark.skipif(HAS_MLFLOW, reason="this is the environment with MLflow")
def test_all_of_this_passes_with_mlflow(tmp_path: Path) -> None:
    venv.create(tmp_path / "made")
    python = tmp_path / "made/bin/python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *PACKAGES]
    subprocess.run(install, check=True)
    site = next((tmp_path / "made").glob("lib/python*/site-packages"))
    (site / "of-the-tests.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    command = [str(python), "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", __file__]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, env={**os.environ})
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "skipped" not in answer.stdout

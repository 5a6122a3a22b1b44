"""The same sweep on every backend gives the same table, but for where and when its runs were executed."""

import csv
import subprocess
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from tests.run.backends.colab_rig import ColabRig, install_colab
from tests.run.backends.contract import COMMAND, PATIENCE
from tests.run.backends.jupyter_rig import JupyterRig
from tests.run.backends.ray_rig import RayRig

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]  # Ray finds all clusters of this machine

WHERE_AND_WHEN = {"seconds", "peak_memory_mb", "host", "started", "ended"}
SCRAP = "application/scrapbook.scrap.json+json"
DECLARE = 'rate = 0.1\nseed = 0\nname = "sgd"\noutput_dir = "."'
TRAIN = f"""\
from pathlib import Path
from IPython.display import display
loss = 1 / (seed - 2) + rate
Path(output_dir, "model.txt").write_text(f"{{name}} {{loss}}")
display({{"{SCRAP}": {{"name": "loss", "data": loss, "encoder": "json"}}}}, raw=True)"""
SWEEP = ["-p", "rate=0.1,1e-3", "-p", "seed=range(6)", "-p", "name=it's 漢"]


def run_sweep(folder: Path, arguments: Sequence[str]) -> Path:
    """Its folder; two of the twelve runs fail, those that divide by zero."""
    folder.mkdir()
    declare = v4.new_code_cell(DECLARE, metadata={"tags": ["parameters"]})
    nbformat.write(v4.new_notebook(cells=[declare, v4.new_code_cell(TRAIN)]), folder / "nb.ipynb")
    command = [COMMAND, "run", "nb.ipynb", *SWEEP, "--out", "out", *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert (result.returncode, result.stderr) == (1, ""), result.stdout + result.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def outs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By the name of the backend, the sweep's folder."""
    folder = tmp_path_factory.mktemp("sweeps")
    made = {"local": run_sweep(folder / "local", ["-j", "2"])}
    cluster = RayRig([{"num_cpus": 1}, {"num_cpus": 1}])
    try:
        made["ray"] = run_sweep(folder / "ray", ["--backend", "ray", "--address", cluster.address])
    finally:
        cluster.close()
    with JupyterRig(folder / "server") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_TOKEN", server.token)
        made["jupyter"] = run_sweep(folder / "jupyter", ["--backend", "jupyter", "--server", server.url, "-j", "2"])
    with ColabRig(folder / "rig", install_colab()):
        made["colab"] = run_sweep(folder / "colab", ["--backend", "colab", "--sessions", "2"])
    return made


def read_table(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row.pop(name) for row in rows for name in WHERE_AND_WHEN)
    return rows


@pytest.mark.parametrize("backend", ["ray", "jupyter", "colab"])
def test_the_table_is_that_of_this_machine(outs: dict[str, Path], backend: str) -> None:
    here = read_table(outs["local"])
    assert [row["status"] for row in here] == (["ok"] * 2 + ["failed"] + ["ok"] * 3) * 2
    assert here[2]["cause"] == "ZeroDivisionError: division by zero (cell In[3], line 3)"
    assert read_table(outs[backend]) == here


@pytest.mark.parametrize("backend", ["ray", "jupyter", "colab"])
def test_the_files_of_the_runs_are_those_of_this_machine(outs: dict[str, Path], backend: str) -> None:
    files = {name: {path.parts[-3]: path.read_text() for path in out.glob("*/output/*")} for name, out in outs.items()}
    assert len(files["local"]) == 10
    assert files[backend] == files["local"]

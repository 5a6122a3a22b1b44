"""A sweep on a Ray cluster whose nodes see nothing of this machine's disk but the notebook's folder."""

import csv
import io
import json
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from colab_starter.run.storage.objects import Objects
from tests.run.backends.contract import COMMAND
from tests.run.storage.rig import BUCKET, FaultyEndpoint

OUT = f"s3://{BUCKET}/a/sweep"


@pytest.mark.weekly
@pytest.mark.slow
@pytest.mark.xdist_group("ray")  # which finds all clusters of this machine
def test_runs_on_ray_go_to_a_store(s3: FaultyEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")  # Ray's sockets need a short path
    tagged = v4.new_code_cell("n = 1\noutput_dir = '.'", metadata={"tags": ["parameters"]})
    cell = v4.new_code_cell("open(f'{output_dir}/file', 'w').write(str(n))\nprint(n)")
    nbformat.write(v4.new_notebook(cells=[tagged, cell]), tmp_path / "nb.ipynb")
    command = [COMMAND, "run", "nb.ipynb", "-p", "n=1,2", "--out", OUT, "--backend", "ray", "--address", "local", "-q"]
    for _ in range(2):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    store = Objects(OUT)
    rows = list(csv.DictReader(io.StringIO(store.read("results.csv").decode())))
    assert [(row["n"], row["status"], row["attempts"]) for row in rows] == [("1", "ok", "1"), ("2", "ok", "1")]
    for row in rows:
        made = json.loads(store.read(row["notebook"]))
        assert made["metadata"]["papermill"]["output_path"] == f"{OUT}/{row['notebook']}"
        assert store.read(f"{row['run']}/output/file").decode() == row["n"]
    assert not list(tmp_path.glob("*/"))

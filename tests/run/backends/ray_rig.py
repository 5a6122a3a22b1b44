"""A real Ray cluster on this machine, of several nodes, in a process of its own so that Ray stays out of the tests'."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from colab_starter.run import shims

_CLUSTER = """\
import json, os, signal, sys
import psutil
from ray._private.node import Node
from ray.cluster_utils import Cluster
Node.start_api_server = lambda self, **options: setattr(self, "_webui_url", None)
first, *others = json.loads(sys.argv[1])
bare = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
cluster = Cluster(initialize_head=True, head_node_args={**first, **bare})
nodes = [cluster.add_node(**options) for options in others]
print(cluster.address, flush=True)
for line in sys.stdin:
    verb, number = line.split()
    if verb == "kill":
        cluster.remove_node(nodes[int(number)], allow_graceful=False)
        print("[]", flush=True)
    else:
        (raylet,) = nodes[int(number)].all_processes["raylet"]
        processes = [raylet.process.pid, *(child.pid for child in psutil.Process(raylet.process.pid).children())]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        print(json.dumps(processes), flush=True)
cluster.shutdown()
"""
"""Without what nobody asks here: Ray starts the dashboard's process even where there is to be no dashboard."""
_STORE = 80 * 2**20


class RayRig:
    """``nodes`` are what the nodes have, such as ``{"num_cpus": 2, "num_gpus": 1}``; the first one is the head."""

    def __init__(self, nodes: Sequence[dict[str, Any]], settings: Mapping[str, str] | None = None) -> None:
        """``settings`` are Ray's own, such as ``{"RAY_health_check_period_ms": "1000"}``."""
        self._folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # Ray's sockets need a short path
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [shims.FOLDER, os.environ.get("PYTHONPATH")])),
            "RAY_TMPDIR": self._folder,
            "RAY_USAGE_STATS_ENABLED": "0",
            **(settings or {}),
        }
        options = [{"object_store_memory": _STORE, **node} for node in nodes]
        log = Path(self._folder, "rig.log")
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CLUSTER, json.dumps(options)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                start_new_session=True,
            )
        self.address = self._read_line()
        assert self.address, log.read_text()

    def _read_line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def kill_node(self, number: int) -> None:
        """Of the nodes behind the head, from 0."""
        self._ask(f"kill {number}")

    def silence_node(self, number: int) -> list[int]:
        """Stop Ray's processes of a node, as if its network broke; returns them."""
        return self._ask(f"silence {number}")

    def _ask(self, question: str) -> list[int]:
        assert self._process.stdin
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        processes: list[int] = json.loads(self._read_line())
        return processes

    def close(self) -> None:
        self._process.communicate(timeout=300)
        shutil.rmtree(self._folder, ignore_errors=True)


def find_ray_process(task: str) -> int:
    """The process of Ray's that executes the task of this name."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = path.read_bytes().rstrip(b"\0 ").decode()
        except OSError:
            continue
        if title == f"ray::{task}":
            return int(path.parent.name)
    raise AssertionError(f"no process executes {task}")

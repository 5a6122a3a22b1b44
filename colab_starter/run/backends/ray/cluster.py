"""Joining a Ray cluster, and finding out how many runs it has room for."""

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import ray

from colab_starter.errors import RayClusterError
from colab_starter.run.backends.cpus import count_cores
from colab_starter.run.backends.ray.messages import Needs
from colab_starter.run.backends.ray.safety import (
    LOOPBACK,
    check_has_token,
    check_is_private,
    describe_lack_of_token,
    keep_to_this_machine,
)

ANSWER_LIMIT = 10.0
"""Seconds that a cluster has to accept a connection."""
STORE = 100_000_000
"""Bytes of memory for Ray's objects on a cluster that is started here; runs exchange hardly any."""

Node = Mapping[str, Any]
_nodes: Any = ray.nodes


def connect(address: str | None, *, is_insecure_allowed: bool) -> str:
    """Join the cluster, or start one that only this machine can reach. Raises RayClusterError.

    A cluster of several machines without a token must be explicitly allowed. Returns a notice for the user.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    try:
        if address == "local":
            return _start()
        elif address and address != "auto":
            _check_is_there(address)
            _join(address)
        else:
            notice = _join_or_start(must_be_there=address == "auto")
            if notice is not None:
                return notice
    except RayClusterError:
        raise
    except Exception as error:
        raise RayClusterError(f"no Ray cluster at {address or 'this machine'}: {_describe(error)}") from error
    if not is_insecure_allowed:
        check_has_token(_list_addresses())
    return ""


def _join_or_start(*, must_be_there: bool) -> str | None:
    """A notice about a cluster that was started; None for one that was joined."""
    try:
        _join("auto")
    except ConnectionError:
        if must_be_there:
            raise
        return _start()
    return None


def _check_is_there(address: str) -> None:
    """Raise OSError if the cluster cannot be reached; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), ANSWER_LIMIT).close()


def _join(address: str) -> None:
    ray.init(address=address, log_to_driver=False, configure_logging=False)


def _start() -> str:
    keep_to_this_machine()
    ray.init(
        address="local",
        _node_ip_address=LOOPBACK,
        num_cpus=count_cores(),
        include_dashboard=False,
        object_store_memory=STORE,
        log_to_driver=False,
        configure_logging=False,
    )
    check_is_private(_list_addresses())
    return describe_lack_of_token()


def _list_addresses() -> list[str]:
    return [str(node["NodeManagerAddress"]) for node in list_nodes()]


def _describe(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    if lines and "AF_UNIX path" in lines[0]:
        return "the path of its temporary folder is too long for sockets; set RAY_TMPDIR to a short one, such as /tmp"
    if lines and lines[0].startswith("Failed to connect to Ray cluster"):
        return "it refuses this machine; set RAY_AUTH_MODE and the token (~/.ray/auth_token) to those of the cluster"
    return lines[0][:300] if lines else type(error).__name__


def list_nodes() -> list[Node]:
    """The living nodes."""
    return [node for node in _nodes() if node["Alive"]]


def settle_gpus(needs: Needs, nodes: Sequence[Node]) -> float:
    """How many GPUs a run needs on this cluster."""
    if needs.gpus is not None and needs.gpus >= 1:
        return needs.gpus
    has_gpus = any(node["Resources"].get("GPU") for node in nodes)
    return (1 if needs.gpus is None else needs.gpus) if has_gpus else 0


def count_places(nodes: Sequence[Node], cpus: float, gpus: float) -> int:
    """How many runs the nodes have room for at once, regardless of other load."""
    return sum(_count_places_on(node["Resources"], cpus, gpus) for node in nodes)


def _count_places_on(resources: Mapping[str, float], cpus: float, gpus: float) -> int:
    places = [int(resources.get("CPU", 0) // cpus)]
    if gpus >= 1:
        places.append(int(resources.get("GPU", 0) // gpus))
    elif gpus:
        places.append(int(resources.get("GPU", 0)) * int(1 / gpus))
    return min(places)

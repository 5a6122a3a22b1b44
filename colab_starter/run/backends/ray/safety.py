"""Restricting access to a Ray cluster: to this machine if started here, to token holders if it has several machines.

Anyone who can reach a cluster without tokens can run code on it as the user who started it.
"""

import os
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from secrets import token_hex
from typing import Any

import ray
from packaging.version import Version
from ray._private import ray_constants

from colab_starter.errors import RayClusterError

_raylet: Any = ray._raylet

LOOPBACK = "127.0.0.1"
TOKENS_SINCE = Version("2.52")
"""Older versions of Ray have no access control."""
PROBE_LIMIT = 30.0
"""Seconds for a process that queries the cluster without a token."""

_ASK_WITHOUT_TOKEN = """\
import sys
from ray._raylet import GcsClient
GcsClient(address=sys.argv[1]).get_all_node_info(timeout=10)
"""


def keep_to_this_machine() -> None:
    """Make the next cluster started here listen only on loopback, with its own token if Ray supports tokens.

    Otherwise Ray would listen on all addresses, and keep the token in a file that others may be able to read.
    RAY_AUTH_MODE and a token set by the user are kept.
    """
    # Ray replaces a given loopback address unless clusters are disabled. It has no option for that.
    ray_constants.ENABLE_RAY_CLUSTER = False
    is_chosen = os.environ.keys() & {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}
    if Version(ray.__version__) >= TOKENS_SINCE and not is_chosen:
        os.environ["RAY_AUTH_TOKEN"] = token_hex(32)
        with suppress(AttributeError):  # Ray may have read the file while it looked for a cluster
            _raylet.AuthenticationTokenLoader.instance().reset_cache()


def describe_lack_of_token() -> str:
    """A warning that other users of this machine can reach the cluster started here; empty if it has a token."""
    if Version(ray.__version__) < TOKENS_SINCE:
        return f"Ray {ray.__version__} has no tokens, so other users of this machine can run code as you meanwhile"
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        return "Ray runs without a token, so other users of this machine can run code as you meanwhile"
    return ""


def check_is_private(addresses: Collection[str]) -> None:
    """Raise RayClusterError if a cluster that was started here is not on loopback after all."""
    if set(addresses) != {LOOPBACK}:
        ray.shutdown()
        raise RayClusterError(
            f"Ray {ray.__version__} would listen on {', '.join(sorted(addresses))}, open to everyone; "
            "start a cluster yourself (ray start --head), and give --address auto"
        )


def check_has_token(addresses: Collection[str]) -> None:
    """Raise RayClusterError if a cluster of several machines grants access without a token."""
    machines = len(set(addresses))
    if machines < 2 or (Version(ray.__version__) >= TOKENS_SINCE and _refuses_strangers()):
        return
    raise RayClusterError(
        f"the Ray cluster has {machines} machines and no token: whoever reaches one of them can run code as you; "
        f"start it with Ray {TOKENS_SINCE} or newer and RAY_AUTH_MODE=token on all machines, "
        "or add --insecure-cluster if nobody else is in its network"
    )


def _refuses_strangers() -> bool:
    """Whether the cluster refuses a process without a token; that this one has a token does not prove it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    with suppress(subprocess.TimeoutExpired):
        asked = subprocess.run(
            [sys.executable, "-c", _ASK_WITHOUT_TOKEN, ray.get_runtime_context().gcs_address],
            env={**environment, "RAY_AUTH_MODE": "disabled"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_LIMIT,
        )
        return asked.returncode != 0 and "UNAUTHENTICATED" in asked.stderr.upper()
    return False

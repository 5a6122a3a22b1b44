"""Who listens on this machine, and what a stranger in the network reaches of it."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]
import pytest

_CONNECT = """\
import socket, sys
for port in map(int, sys.argv[2:]):
    try:
        socket.create_connection((sys.argv[1], port), 2).close()
        print(port)
    except OSError:
        pass
"""


class Listener(NamedTuple):
    address: str
    port: int
    program: str

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach it."""
        found = ip_address(self.address)
        return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def list_listeners(mark: str) -> list[Listener]:
    """What the processes listen on, by TCP or UDP, that have this in their environment."""
    found = set()
    for connection in psutil.net_connections("inet"):
        is_open = connection.status == psutil.CONN_LISTEN or (
            connection.type == socket.SOCK_DGRAM and not connection.raddr
        )
        if is_open and connection.pid and _has(connection.pid, mark.encode()):
            found.add(Listener(connection.laddr.ip, connection.laddr.port, psutil.Process(connection.pid).name()))
    return sorted(found)


def _has(pid: int, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


class Surroundings(NamedTuple):
    """Who listens, and which of the ports take a connection from another address."""

    listeners: list[Listener]
    reached: list[int]
    obstacle: str
    """Why nobody could try to reach them; usually empty."""

    def check_is_private(self, *, has_listeners: bool) -> None:
        """Fail where anybody else reaches something; skip where nobody could try."""
        assert bool(self.listeners) == has_listeners
        assert [listener for listener in self.listeners if not listener.is_private] == []
        if self.obstacle:
            pytest.skip(self.obstacle)
        assert self.reached == []


def look_around(mark: str) -> Surroundings:
    """Of the processes that have this in their environment."""
    listeners = list_listeners(mark)
    try:
        with make_stranger() as stranger:
            return Surroundings(listeners, stranger.reach([listener.port for listener in listeners]), "")
    except pytest.skip.Exception as skipped:
        return Surroundings(listeners, [], str(skipped))


class Stranger(NamedTuple):
    """A network of its own, with a cable to this machine."""

    name: str
    address: str
    """Of this machine, as it is seen from there."""

    def reach(self, ports: Collection[int]) -> list[int]:
        """Those of the ports that take a connection."""
        command = ["ip", "netns", "exec", self.name, sys.executable, "-c", _CONNECT, self.address, *map(str, ports)]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        return [int(line) for line in said.stdout.split()]


@contextmanager
def make_stranger() -> Iterator[Stranger]:
    """Skips where no network can be made, and fails where the stranger would not reach an open port."""
    if not shutil.which("ip") or os.geteuid():
        pytest.skip("NOT tested from another address: that needs root and the program ip")
    name, subnet = f"stranger-{os.getpid()}", f"10.213.{os.getpid() % 250}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"NOT tested from another address: no network can be made here ({made.stderr.strip()})")
    try:
        cable = f"st{os.getpid()}"
        for line in (
            f"link add {cable} type veth peer name eth0 netns {name}",
            f"addr add {subnet}.1/24 dev {cable}",
            f"link set {cable} up",
            f"-n {name} addr add {subnet}.2/24 dev eth0",
            f"-n {name} link set eth0 up",
        ):
            subprocess.run(["ip", *line.split()], check=True)
        stranger = Stranger(name, f"{subnet}.1")
        with socket.create_server(("0.0.0.0", 0)) as door:
            port = door.getsockname()[1]
            assert stranger.reach([port]) == [port]
        yield stranger
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)

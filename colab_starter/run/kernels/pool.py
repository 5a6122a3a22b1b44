"""A pool of fork servers, one for each set of modules that runs need preloaded."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from colab_starter.run.job import WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer, ServerState

MOST_SERVERS = 3
"""How many sets of preloaded modules are kept in memory; the least recently used is dropped first."""
MOST_FAILURES = 2
"""How often a fork server may die before its runs are forked from one that preloads nothing."""


class ForkServerPool:
    """Starts a fork server for a plan on first use, and again if it has died."""

    def __init__(self, start: Callable[[WarmPlan], ForkServer]) -> None:
        """``start`` makes a server; ``find`` raises its errors."""
        self._start = start
        self._servers: dict[WarmPlan, ForkServer] = {}
        """In order of last use, the most recent last."""
        self._failures: Counter[WarmPlan] = Counter()

    def __iter__(self) -> Iterator[ForkServer]:
        return iter(self._servers.values())

    def __len__(self) -> int:
        return len(self._servers)

    def find(self, plan: WarmPlan, busy: Iterable[ForkServer]) -> ForkServer:
        """The server for a plan; servers that are not ``busy`` may be closed to make room for a new one."""
        server = self._servers.get(plan)
        if server and server.poll() is ServerState.DEAD:
            self.discard(server)
            server = None
        without_modules = WarmPlan(overlay=plan.overlay, kernel=plan.kernel)
        if server is None and self._failures[plan] >= MOST_FAILURES and plan != without_modules:
            return self.find(without_modules, busy)
        if server is None:
            self._make_room(list(busy))
            server = self._start(plan)
        self._servers[plan] = self._servers.pop(plan, server)
        return server

    def discard(self, dead: ForkServer) -> None:
        """Remove a server that has died; its other workers die with it. A server not in the pool is ignored."""
        for plan in [plan for plan, server in self._servers.items() if server is dead]:
            del self._servers[plan]
            self._failures[plan] += 1
            dead.close()

    def close(self) -> None:
        """End all servers and what was forked from them."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def _make_room(self, busy: list[ForkServer]) -> None:
        idle = [plan for plan, server in self._servers.items() if server not in busy]
        for plan in idle[: max(0, len(self._servers) - MOST_SERVERS + 1)]:
            self._servers.pop(plan).close()

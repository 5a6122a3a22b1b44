"""The program of ``ready_servers``: a fork server that has done its imports, and forks one for each client."""

import os

from colab_starter.run.kernels import server, system


def main() -> None:
    """Serve one client in each fork; as a client of its own it has whoever asks for them, by its stdin."""
    adopt_orphans = system.adopt_orphans

    def begin_to_serve() -> None:
        system.adopt_orphans = adopt_orphans
        _fork_for_clients()
        adopt_orphans()

    system.adopt_orphans = begin_to_serve  # called once everything is imported, before stdin is read
    server.main()


def _fork_for_clients() -> None:
    """Return in a new session of a fork whose stdin is its client; its parent is gone, so whoever adopts it has it."""
    from multiprocessing import reduction  # what is imported before the server traces its imports is not hidden
    from multiprocessing.connection import Connection

    requests: Connection[int, int] = Connection(os.dup(0))
    while True:
        try:
            client = reduction.recv_handle(requests)
        except EOFError:
            os._exit(0)
        if between := os.fork():
            os.close(client)
            os.waitpid(between, 0)
            requests.send(0)
        elif pid := os.fork():
            requests.send(pid)
            os._exit(0)
        else:
            requests.close()
            os.setsid()
            os.dup2(client, 0)
            os.close(client)
            return

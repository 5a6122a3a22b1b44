"""One coordinator a sweep, where there is no lock."""

import json
import threading
import time
from typing import Any

import pytest

from colab_starter.errors import LedgerWriteError, SweepBusyError
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.storage import lease as leases
from colab_starter.run.storage.journal import ObjectJournal, read_lines
from colab_starter.run.storage.lease import Lease
from colab_starter.run.storage.objects import Objects
from tests.run.storage.rig import BUCKET, FaultyEndpoint

OK = Outcome(Status.OK, seconds=1)


def test_a_second_coordinator_of_this_machine_is_refused_at_once(memory: Objects, lease: Lease) -> None:
    with pytest.raises(SweepBusyError, match=r"^memory://\w+ is being worked on by process \d+ on .*another --out"):
        Lease(memory)
    lease.release()
    second = Lease(memory)
    assert second.number == lease.number + 1
    second.release()


def hold_elsewhere(objects: Objects, **facts: Any) -> None:
    """A lease of another machine."""
    holder = {"token": "x", "pid": 1, "host": "far", "machine": "far", "released": False, **facts}
    objects.write(".lock/00000007.json", json.dumps(holder).encode())


def test_another_machine_that_renews_its_lease_holds_the_sweep(
    memory: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LOOK", 0.05)
    hold_elsewhere(memory, time=1)
    timer = threading.Timer(0.2, hold_elsewhere, [memory], {"time": 2})
    timer.start()
    with pytest.raises(SweepBusyError, match="by process 1 on far"):
        Lease(memory)
    timer.join()


def test_another_machine_that_does_not_is_taken_for_dead(
    memory: Objects, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(leases, "LOOK", 0.05)
    monkeypatch.setattr(leases, "STALE", 0.2)
    hold_elsewhere(memory)
    lease = Lease(memory)
    assert lease.number == 8
    assert "whether process 1 on far is still working on it" in capsys.readouterr().err
    monkeypatch.setattr(leases, "STALE", 60)
    lease.release()


def test_who_lost_the_lease_writes_no_more(memory: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEWAL", 0.02)
    lease = Lease(memory)
    journal = ObjectJournal(memory, lease)
    hold_elsewhere(memory)
    wait_until_lost(lease)
    with pytest.raises(LedgerWriteError, match="taken over by another colab-starter"):
        journal.append(b"1")
    lease.release()
    assert json.loads(memory.read(".lock/00000007.json"))["host"] == "far"
    assert read_lines(memory) == []


def wait_until_lost(lease: Lease) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            lease.check()
        except LedgerWriteError:
            return
        time.sleep(0.01)
    raise AssertionError("it was not lost")


def test_of_many_that_want_a_lease_at_once_one_gets_it(s3: FaultyEndpoint) -> None:
    taken: list[Lease] = []
    refused: list[str] = []

    def take() -> None:
        try:
            taken.append(Lease(Objects(f"s3://{BUCKET}/lr")))
        except SweepBusyError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 5)
    taken[0].release()

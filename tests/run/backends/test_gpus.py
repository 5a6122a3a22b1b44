import pytest

from colab_starter.errors import WrongOptionError
from colab_starter.run.backends.gpus import GpuPlaces, GpuShare, find_gpus, read_listing, read_share, set_visible

TWO = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-00000000-d268-c3f3-1b07-005d5ae1dc3f)
"""
SLICED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)
  MIG 3g.20gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
  MIG 3g.20gb     Device  1: (UUID: MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-00000000-d268-c3f3-1b07-005d5ae1dc3f)
"""


@pytest.mark.parametrize(
    ("choice", "visible", "found"),
    [
        ("none", "0,1", []),
        ("0, 1", "", ["0", "1"]),
        ("GPU-5c89852c", "", ["GPU-5c89852c"]),
        ("auto", "2,3", ["2", "3"]),
        ("auto", "", []),
        ("auto", "-1", []),
        ("auto", "0,-1,1", ["0"]),
    ],
)
def test_gpus_are_those_named_or_those_visible(choice: str, visible: str, found: list[str]) -> None:
    assert find_gpus(choice, {"CUDA_VISIBLE_DEVICES": visible}) == found


@pytest.mark.parametrize("choice", ["", ",", "0,0"])
def test_names_of_gpus_that_make_no_sense_are_refused(choice: str) -> None:
    with pytest.raises(WrongOptionError, match="--gpus"):
        find_gpus(choice)


@pytest.mark.parametrize(
    ("listing", "found"),
    [
        (TWO, ["0", "1"]),
        (SLICED, ["MIG-c7384736-a75d-5afc-978f-d2f1294409fd", "MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d", "1"]),
        ("No devices were found\n", []),
    ],
)
def test_the_driver_is_understood(listing: str, found: list[str]) -> None:
    assert read_listing(listing) == found


@pytest.mark.parametrize(
    ("text", "share"),
    [("1", GpuShare()), ("2", GpuShare(gpus=2)), ("0.5", GpuShare(runs_per_gpu=2)), ("0.33", GpuShare(runs_per_gpu=3))],
)
def test_a_share_is_whole_gpus_or_a_part_of_one(text: str, share: GpuShare) -> None:
    assert read_share(text) == share


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "half", "nan", "inf", ""])
def test_other_shares_are_refused(text: str) -> None:
    with pytest.raises(WrongOptionError, match="--gpus-per-run"):
        read_share(text)


def test_runs_get_the_gpus_that_are_used_least() -> None:
    places = GpuPlaces(["0", "1"], GpuShare(runs_per_gpu=2))
    assert places.capacity == 4
    assert [places.take() for _ in range(4)] == [("0",), ("1",), ("0",), ("1",)]
    places.give_back(["1"])
    assert places.take() == ("1",)


def test_a_run_of_two_gpus_has_them_for_itself() -> None:
    places = GpuPlaces(["0", "1", "2"], GpuShare(gpus=2))
    assert places.capacity == 1
    assert places.take() == ("0", "1")


def test_more_gpus_a_run_than_there_are_is_an_error() -> None:
    with pytest.raises(WrongOptionError, match="more than the 1"):
        GpuPlaces(["0"], GpuShare(gpus=2))


def test_without_gpus_there_is_no_limit_and_a_run_sees_none() -> None:
    places = GpuPlaces([], GpuShare(gpus=2))
    assert places.capacity is None
    assert set_visible(places.take(), {}) == {"CUDA_VISIBLE_DEVICES": ""}


def test_gpus_are_counted_as_the_driver_counts_them() -> None:
    assert set_visible(["1"], {}) == {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert set_visible(["1"], {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}) == {"CUDA_VISIBLE_DEVICES": "1"}

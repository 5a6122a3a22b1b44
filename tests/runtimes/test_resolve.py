"""What uv's complaints are taken to mean, and which pins an environment gets."""

import pytest

from colab_starter.runtimes import load_runtime
from colab_starter.runtimes.resolve import Exceptions, Request, Resolution, find_exceptions, write_overrides
from colab_starter.runtimes.uv import UvError

UNSATISFIABLE = "error: No solution found when resolving dependencies\n  cause: Because {}, we can conclude that ...\n"
COMPLAINTS = {
    "no version": (UNSATISFIABLE.format("there is no version of six==99.1 and you require six==99.1"), "changed"),
    "no wheel for this Python": (
        UNSATISFIABLE.format("six==1.0 has no wheels with a matching Python ABI tag (e.g., `cp312`)"),
        "changed",
    ),
    "unknown": (UNSATISFIABLE.format("six was not found in the package registry and you require six==1.0"), "missing"),
    "not to be built": ("error: Failed to build `six==1.0`\n  cause: The build backend returned an error\n", "missing"),
    "not to be downloaded": ("error: Failed to download `six==1.0`\n  cause: HTTP status 404\n", "missing"),
}
"""uv 0.13's own words, and where the package belongs."""


@pytest.mark.parametrize("kind", COMPLAINTS)
def test_the_package_that_uv_complains_of_is_found(kind: str) -> None:
    output, where = COMPLAINTS[kind]
    exceptions = Exceptions({}, {})
    assert exceptions.blame(UvError(output), {"six": "1.0"})
    assert {"missing": exceptions.missing, "changed": exceptions.changed}[where].keys() == {"six"}
    assert all(
        "\n" not in why and "conclude" not in why for why in {**exceptions.missing, **exceptions.changed}.values()
    )


def test_a_version_that_is_missing_twice_takes_the_package_away() -> None:
    exceptions = Exceptions({}, {})
    for _ in range(2):
        assert exceptions.blame(UvError(COMPLAINTS["no version"][0]), {"six": "1.0"})
    assert exceptions.missing.keys() == {"six"}
    assert not exceptions.blame(UvError(COMPLAINTS["unknown"][0]), {"six": "1.0"}), "it would go round for ever"


@pytest.mark.parametrize(
    "output",
    [
        "error: Request failed after 3 retries\n  cause: Failed to fetch: https://x/simple/six/\n",
        UNSATISFIABLE.format("six was not found in the cache") + "hint: ... because the network was disabled\n",
        UNSATISFIABLE.format("ipykernel was not found in the package registry and you require ipykernel"),
        "error: something new\n",
    ],
)
def test_no_package_is_blamed_for_the_network_or_for_what_no_kernel_can_do_without(output: str) -> None:
    exceptions = Exceptions({}, {})
    assert not exceptions.blame(UvError(output), {"six": "1.0"})
    assert exceptions == Exceptions({}, {})


def test_torch_is_left_out_where_the_index_of_its_builds_cannot_be_reached() -> None:
    exceptions = Exceptions({}, {})
    assert exceptions.blame(UvError("error: ...\n  cause: Failed to fetch: https://x/whl/cpu/torch/\n"), {})
    assert "cannot be reached" in exceptions.missing["torch"]


@pytest.mark.parametrize("name", ["2025.07", "2026.04", "latest"])
def test_pins_are_those_of_the_freeze_without_gpu_builds(name: str) -> None:
    runtime = load_runtime(name)
    request = Request(runtime, frozenset(["torch", "google-colab"]), {"numpy": "1.26.4"})
    lines = write_overrides(request, find_exceptions(request))
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert pins["torch"] == runtime.packages["torch"].partition("+")[0]
    assert pins["numpy"] == "1.26.4"
    assert pins["jedi" if "jedi" in runtime.also else "parso"]
    assert not any("+" in version for version in pins.values())
    never = {line.partition(" ;")[0] for line in lines if ";" in line}
    assert "google-colab" in never
    assert any(package.startswith("nvidia-") for package in never)
    assert "nvidia-ml-py" not in never
    assert len(pins) > 550, "the kernel's own packages have to be pinned as well"


def test_a_resolution_is_read_back() -> None:
    kept = Resolution("3.12", {"six": "1.0"}, {"gdal": "no"}, {})
    assert Resolution.from_json(kept.to_json()) == kept

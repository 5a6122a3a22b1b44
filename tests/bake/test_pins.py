import json

import pytest

from colab_starter.bake.pins import pin_requirements
from colab_starter.runtimes import LATEST, load_runtime, runtime_names
from colab_starter.runtimes.table import pip_constraints
from tests.conftest import REPOSITORY

LESSONS = json.loads((REPOSITORY / "templates/lessons.json").read_text(encoding="utf-8"))
PACKAGES = sorted(
    {package for about in LESSONS.values() for package in [*about["pip"].values(), *about.get("also", [])]}
)


@pytest.mark.parametrize("runtime", [name for name in runtime_names() if name != LATEST])
def test_the_pins_are_those_of_the_runtime_s_constraints(runtime: str) -> None:
    pinned = [requirement for requirement in pin_requirements(PACKAGES, runtime) if "==" in requirement]
    assert set(pinned) <= set(pip_constraints(load_runtime(runtime)))
    assert {pin.partition("==")[0] for pin in pinned} == set(PACKAGES) & set(load_runtime(runtime).packages)
    assert {"keras", "tensorflow", "torch", "numpy", "scikit-learn"} <= {pin.partition("==")[0] for pin in pinned}


def test_a_build_for_gpus_is_pinned_by_its_version_alone() -> None:
    assert load_runtime("2025.07").packages["torch"] == "2.6.0+cu124"
    assert pin_requirements(["torch"], "2025.07") == ["torch==2.6.0"]


def test_the_latest_runtime_pins_nothing() -> None:
    assert pin_requirements(["torch", "einops>=0.8"], LATEST) == ["torch", "einops>=0.8"]


@pytest.mark.parametrize("kept", ["torch>=2", "torch==2.1", "torch[opt]<3", "papermill", "no_such_thing"])
def test_a_version_of_one_s_own_and_an_unknown_package_stay_as_they_are(kept: str) -> None:
    assert pin_requirements([kept], "2025.07") == [kept]


@pytest.mark.parametrize("spelling", ["Scikit_Learn", "scikit.learn", "scikit-learn[docs]"])
def test_a_package_is_found_however_its_name_is_spelled(spelling: str) -> None:
    assert pin_requirements([spelling], "2025.07") == [f"{spelling}==1.6.1"]

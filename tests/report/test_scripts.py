"""The JavaScript of the pages: its modules are clean, and the committed bundles are made of them."""

import shutil
from pathlib import Path

import pytest

from colab_starter.report.page import read_script
from tools.renew_page import BUNDLES, ENTRY_POINTS, SCRIPTS, bundle_scripts, find_problems, find_stale_bundles, main


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A copy of the modules, to be changed."""
    return Path(shutil.copytree(SCRIPTS, tmp_path / "scripts"))


@pytest.mark.weekly  # `make lint`, which `make test` begins with, calls the same
def test_the_modules_are_clean_and_the_bundles_up_to_date() -> None:
    assert main(["--check"]) is None


def test_the_bundles_are_up_to_date() -> None:
    assert find_stale_bundles(SCRIPTS, BUNDLES) == []


FAULTS = {
    'const   spaces = "";\nexport { spaces };': "not formatted",
    "function unused() {}": "no-unused-vars",
    "export const distance = collater.compare(1, 2);": "Cannot find name 'collater'",
    'import { longest } from "./values.js";\n\nexport const most = longest;': "has no exported member 'longest'",
    'import { data } from "./data.js";\n\nexport const names = data.nmaes;': "Property 'nmaes' does not exist",
}


def test_faults_in_modules_are_found(scripts: Path) -> None:
    for number, lines in enumerate(FAULTS):
        (scripts / f"fault{number}.js").write_text(f"{lines}\n")
    problems = find_problems(scripts)
    assert [problem for problem in FAULTS.values() if problem not in problems] == []


def test_a_bundle_is_stale_when_one_of_its_modules_has_changed(scripts: Path) -> None:
    decoding = scripts / "bytes.js"
    decoding.write_text(decoding.read_text().replace("atob(", "globalThis.atob("))
    assert find_stale_bundles(scripts, BUNDLES) == ["figures.js", "report.js"]


def test_a_bundle_that_is_missing_or_left_over_is_found(tmp_path: Path) -> None:
    bundle_scripts(SCRIPTS, tmp_path)
    (tmp_path / "frame.js").unlink()
    (tmp_path / "old.js").touch()
    assert find_stale_bundles(SCRIPTS, tmp_path) == ["frame.js", "old.js"]


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_a_bundle_stands_alone_in_a_script_element(entry_point: str) -> None:
    bundle = read_script(entry_point.removesuffix(".js"))
    assert bundle.strip()
    assert not [text for text in ("</script", "<script", "<!--", "\nimport ", "\nexport ") if text in bundle.lower()]

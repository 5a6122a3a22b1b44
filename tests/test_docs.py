"""The documentation: it builds without a warning, explains every rule, and loads nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from colab_starter.check.all_rules import RULES
from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return folder


def test_every_rule_has_its_section(site: Path) -> None:
    page = (site / "rules/index.html").read_text(encoding="utf-8")
    assert "<!-- rules -->" not in page
    for rule in RULES:
        assert f'<h2 id="{rule.code.lower()}">{rule.code}: {rule.name}' in page


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]* src="?https?:[^>]*>', text), page
        assert not re.findall(r'<link[^>]* rel="?(?:stylesheet|preconnect)[^>]* href="?https?:[^>]*>', text), page


def test_every_picture_is_used_and_small() -> None:
    pages = "".join(
        page.read_text(encoding="utf-8") for page in [*REPOSITORY.glob("docs/*.md"), REPOSITORY / "README.md"]
    )
    for picture in (REPOSITORY / "docs/images").iterdir():
        assert f"images/{picture.name}" in pages
        assert picture.stat().st_size < 130_000

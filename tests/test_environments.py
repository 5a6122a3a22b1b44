import subprocess
from pathlib import Path

from tests.environments import make_environment


def test_an_environment_holds_a_package_and_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    programs = make_environment(tmp_path / "made", "cookiecutter")
    code = "import cookiecutter, jinja2, markupsafe, requests, urllib3, yaml"
    subprocess.run([programs / "python", "-c", code], check=True, capture_output=True)
    for module in ("pip", "numpy", "pytest", "nbformat"):
        assert subprocess.run([programs / "python", "-c", f"import {module}"], capture_output=True).returncode == 1
    shown = subprocess.run([programs / "cookiecutter", "--version"], check=True, capture_output=True, text=True)
    assert shown.stdout.startswith("Cookiecutter 2.")

"""Shell lines that do not do what they seem to: their faults, and their neighbours that are fine."""

import json

import pytest

from colab_starter.check.fixes import fix_file
from tests.check.conftest import ALL_RULES, LATEST, Write, findings_in


def found_in(write: Write, source: str, code: str, runtime: str = "latest") -> list[tuple[int, str]]:
    findings = findings_in(write([source]), runtime)
    return [(finding.line, finding.message) for finding in findings if finding.code == code]


LOST = {
    "!cd data": "%cd",
    "! cd /content/repo": "%cd",
    "!cd {folder}": "%cd",
    "!cd a && cd b": "%cd",
    "%%capture\n!cd data": "%cd",
    "!export DATA=/content/data": "%env DATA=",
    "!export A=1 B=2": "%env A=",
    "!source ~/.bashrc": "&&",
    "!. venv/bin/activate": "&&",
    "!alias ll='ls -l'": "&&",
    "!conda activate old": "conda run",
    "!DATA=/content/data": "%env DATA=",
}


@pytest.mark.parametrize("source", LOST)
def test_a_shell_line_that_only_sets_something_is_lost(source: str, write: Write) -> None:
    ((line, message),) = found_in(write, source, "CS315")
    assert line == source.count("\n") + 1
    assert LOST[source] in message


@pytest.mark.parametrize(
    "source",
    [
        "%cd data",
        "cd data",
        "!cd data && make",
        "!cd data; ls",
        "!export A=1; python train.py",
        "!source venv/bin/activate && pip list",
        "!(cd data && tar xf a.tar)",
        "%%bash\ncd data\nexport A=1\nsource x\nmake",
        "%%shell\ncd data\nmake",
        "%%writefile run.sh\ncd data",
        "!export",
        "!cd",
        "!A=1 make",
        "!echo cd data",
        "%env DATA=/content/data",
        "# !cd data",
        "text = '''\n!cd data\n'''",
    ],
)
def test_a_shell_line_that_does_more_or_is_no_line_of_its_own_is_fine(source: str, write: Write) -> None:
    assert found_in(write, source, "CS315") == []


@pytest.mark.parametrize(
    "source",
    [
        "!conda install -c conda-forge lightgbm",
        "!conda create -n old python=3.9",
        "%conda install rdkit",
        "!mamba list",
    ],
)
def test_conda_is_not_on_colab(source: str, write: Write) -> None:
    ((line, message),) = found_in(write, source, "CS420")
    assert line == 1
    assert "no conda" in message


def test_without_conda_only_the_first_line_is_told_and_that_it_would_wait(write: Write) -> None:
    source = "!conda install -c conda-forge lightgbm\n!conda create -n old python=3.9"
    ((line, message),) = found_in(write, source, "CS420")
    assert line == 1
    assert "-y" in message


SETS_UP = "%pip install -q condacolab\nimport condacolab\ncondacolab.install()\n"
ASKS = {
    "!conda install -c conda-forge rdkit": "!conda install -y -c conda-forge rdkit",
    "!mamba create -n old python=3.9": "!mamba create -y -n old python=3.9",
    "!conda update --all && ls": "!conda update -y --all && ls",
}


@pytest.mark.parametrize("source", ASKS)
def test_conda_that_asks_is_told_and_a_fix_answers(source: str, write: Write) -> None:
    ((line, message),) = found_in(write, SETS_UP + source, "CS420")
    assert (line, "-y" in message) == (4, True)

    path = write([SETS_UP + source])
    fix_file(path, [rule for rule in ALL_RULES if rule.code == "CS420"], LATEST)
    assert "".join(json.loads(path.read_text())["cells"][0]["source"]).endswith(ASKS[source])


@pytest.mark.parametrize(
    "source",
    [
        SETS_UP + "!conda install -y rdkit",
        SETS_UP + "!conda install rdkit --yes",
        SETS_UP + "%conda install rdkit",
        SETS_UP + "!yes | conda install rdkit",
        SETS_UP + "!conda config --set always_yes true\n!conda install rdkit",
        SETS_UP + "!conda list",
        "!wget https://repo.anaconda.com/miniconda/Miniconda3-latest-Linux-x86_64.sh\n!conda install -y rdkit",
        "import shutil\nif shutil.which('conda'):\n    !conda install -y rdkit",
        "# !conda install rdkit",
        "!pip install conda-pack",
        "!which conda",
        "!which conda || echo none",
    ],
)
def test_conda_that_is_set_up_and_does_not_ask_is_fine(source: str, write: Write) -> None:
    assert found_in(write, source, "CS420") == []


GONE = {
    "!apt-get install -y python-opengl": "python3-opengl",
    "!apt install -y xvfb python-opengl ffmpeg": "nor anything else",
    "!sudo apt-get -qq install libav-tools > /dev/null": "ffmpeg",
    "!apt-get update && apt-get install -y python-pip": "python3-pip",
    "%%bash\napt-get install -y libprotobuf9v5": "libprotobuf23",
    "!apt-get install -y libjasper-dev": "take it out",
    "!apt-get install -y gcc-4.8": "gcc-11",
    "!apt-get install -y libssl1.1=1.1.1": "libssl3",
}


@pytest.mark.parametrize("source", GONE)
def test_a_package_that_ubuntu_has_dropped_is_told_with_its_successor(source: str, write: Write) -> None:
    ((_, message),) = found_in(write, source, "CS422")
    assert GONE[source] in message


@pytest.mark.parametrize(
    "source",
    [
        "!apt-get install -y python3-opengl ffmpeg",
        "!apt-get remove -y python-opengl",
        "!apt-get install -y python-is-python3",
        "!add-apt-repository -y ppa:a/b\n!apt-get install -y gcc-4.8",
        "!pip install python-opengl",
        "# !apt-get install -y python-opengl",
    ],
)
def test_other_packages_of_ubuntu_are_fine(source: str, write: Write) -> None:
    assert found_in(write, source, "CS422") == []


HIDDEN = (
    "import os\nos.system('pip install einops')",
    "import os\nos.system('pip3 install -q einops')",
    "import os, sys\nos.system(f'{sys.executable} -m pip install einops')",
    "import os\ndef install():\n    os.system('python -m pip install einops')",
)


@pytest.mark.parametrize("source", HIDDEN)
def test_pip_by_os_system_hides_its_failure(source: str, write: Write) -> None:
    ((line, _),) = found_in(write, source, "CS423")
    assert line == source.count("\n") + 1


@pytest.mark.parametrize(
    "source",
    [
        "import os\nassert os.system('pip install einops') == 0",
        "import os\nif os.system('pip install einops'):\n    raise SystemExit",
        "import os\ncode = os.system('pip install einops')",
        "import os\nos.system('ls')",
        "import os\nos.system('echo pip')",
        "import os\nos.system('pip list')",
        "import os\nos.system(command)",
        "%pip install einops",
    ],
)
def test_os_system_whose_result_is_used_or_that_installs_nothing_is_fine(source: str, write: Write) -> None:
    assert found_in(write, source, "CS423") == []

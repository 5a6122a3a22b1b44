"""What the command line and a file ask for becomes the runs that were meant, or one error before anything starts."""

import math
from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import ParameterError
from colab_starter.notebook.model import Notebook, read_notebook
from colab_starter.run.sweep import build
from colab_starter.run.sweep.build import build_runs
from colab_starter.run.sweep.types import ValueType
from tests.conftest import REPOSITORY
from tests.run.notebooks import notebook_of

CELL = """epochs = 3
lr = 0.1
name = "a"
fast = False
layers = [32]
pair = (1, 2)
options = {}
limit = None
depth: int | None = None
mode: int | str = "auto"
level: Literal[1, 2, "max"] = 1
backend = "jax"  # @param ["jax", "torch"]
compile: bool | str = "auto"
names = {"a"}
output_dir = "out"
"""


def one_value(option: str) -> Any:
    (run,) = build_runs(notebook_of(CELL), [option]).runs
    (value,) = run.values()
    return value


def fault_of(notebook: Notebook, *options: str, file: Path | None = None, allow_unknown: bool = False) -> str:
    with pytest.raises(ParameterError) as caught:
        build_runs(notebook, options, file, allow_unknown)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("epochs=5", 5),
        ("epochs= 5 ", 5),
        ("epochs=-1_000", -1000),
        ("epochs=010", 10),
        ("lr=1", 1.0),
        ("lr=1e-3", 0.001),
        ("lr=inf", math.inf),
        ("lr=-.inf", -math.inf),
        ("name=", ""),
        ("name= ", " "),
        ("name=3", "3"),
        ("name=3.10", "3.10"),
        ("name=true", "true"),
        ("name=None", "None"),
        ("name=no", "no"),
        ("name=010", "010"),
        ("name=2026-01-01", "2026-01-01"),
        ("name='a,b'", "a,b"),
        ("name=it's", "it's"),
        ("name=range(1,3)", "range(1,3)"),
        ("name=[a,b]", "[a,b]"),
        ("name=C:\\new", "C:\\new"),
        ("name=#fff", "#fff"),
        ("name=a\nb", "a\nb"),
        ("name=x = {1}; import os", "x = {1}; import os"),
        ("fast=true", True),
        ("fast=TRUE", True),
        ("fast=False", False),
        ("fast=yes", True),
        ("fast=off", False),
        ("layers=[32,64]", [32, 64]),
        ("layers=['a', \"b,c\"]", ["a", "b,c"]),
        ("layers=(1,2)", [1, 2]),
        ("layers=[]", []),
        ("pair=[3,4]", (3, 4)),
        ("pair=(3,)", (3,)),
        ("options={'a': [1,2]}", {"a": [1, 2]}),
        ("names=['x','y']", {"x", "y"}),
        ("names={'x'}", {"x"}),
        ("limit=3", 3),
        ("limit=1e-3", 0.001),
        ("limit=none", "none"),
        ("limit=None", None),
        ("limit=null", None),
        ("limit=true", True),
        ("limit=yes", "yes"),
        ("limit='3'", "3"),
        ("limit=abc", "abc"),
        ("limit=[1, 'a']", [1, "a"]),
        ("limit=010", "010"),
        ("limit=3 # three", "3 # three"),
        ("limit=...", "..."),
        ("limit=os.system('ls')", "os.system('ls')"),
        ("limit=1e400", "1e400"),
        ("limit=", ""),
        ("limit=a b", "a b"),
        ("depth=3", 3),
        ("depth=None", None),
        ("mode=3", 3),
        ("mode=3.5", "3.5"),
        ("mode='3'", "3"),
        ("level=2", 2),
        ("level=max", "max"),
        ("level='max'", "max"),
        ("backend=torch", "torch"),
        ("compile=true", True),
        ("compile=on", "on"),
    ],
)
def test_a_value_gets_the_type_that_the_notebook_wants(option: str, value: Any) -> None:
    found = one_value(option)
    assert (type(found), found) == (type(value), value)


def test_nan_is_a_float() -> None:
    assert math.isnan(one_value("lr=nan"))


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("epochs=2.5", "epochs must be an int, not 2.5"),
        ("epochs=1e3", "epochs must be an int, not 1e3"),
        ("epochs=true", "epochs must be an int"),
        ("epochs='3'", "remove its quotes"),
        ("epochs=", "not ''"),
        ("epochs=None", "must be an int, not None"),
        ("epochs=" + "9" * 5000, "must be an int"),
        ("epochs=range(0,1,0.5)", "must be an int, not 0.0"),
        ("epochs=range(0)", "epochs has no value in range(0)"),
        ("epochs=range(200000)", "epochs has 200,000 values"),
        ("lr=fast", "lr must be a float, not fast"),
        ("lr=1e400", "lr must be a float, not 1e400"),
        ("lr='0,1'", "remove its quotes"),
        ("fast=1", "write true or false"),
        ("fast=2", "write true or false"),
        ("layers=32", "write it as in Python, with texts in quotes"),
        ("layers=[relu,tanh]", "with texts in quotes"),
        ("names=[[1]]", "names must be a set"),
        ("level=3", "level must be one of 1 | 2 | 'max', not 3"),
        ("level='1'", "must be one of"),
        ("backend=tensorflow", "backend must be one of 'jax' | 'torch', not tensorflow"),
        ("name=\udcff", "contains bytes that are not UTF-8"),
        ("limit=" + "[" * 60 + "]" * 60, "nested more than 50 deep"),
        ("epoch=3", "epoch is not a parameter of train.ipynb; did you mean epochs?"),
        ("LR=3", "did you mean lr?"),
        ("zzz=3", "it has epochs, lr, name"),
        ("a b=3", "'a b' is not a valid Python name"),
        ("class=3", "'class' is not a valid Python name"),
        ("x\nimport os=3", "is not a valid Python name"),
        ("=3", "'' is not a valid Python name"),
        ("output_dir=x", "output_dir is set for each run"),
        ("epochs", "write NAME=VALUE"),
        ("name='a", "is not closed"),
    ],
)
def test_a_value_or_name_that_does_not_fit_is_refused_with_the_remedy(option: str, told: str) -> None:
    assert told in fault_of(notebook_of(CELL), option)


def test_all_faults_are_told_at_once_up_to_five() -> None:
    told = fault_of(notebook_of(CELL), "epochs=a,b", "lr=x", "nam=1", "level=9", "fast=2", "backend=q", "name='")
    assert told.count("; ") >= 5
    assert told.endswith("; and 3 more")
    assert "epochs must be an int, not a; epochs must be an int, not b" in told


def test_without_parameters_there_is_one_run_with_the_defaults() -> None:
    assert build_runs(notebook_of(CELL)).runs == [{}]
    assert build_runs(notebook_of()).runs == [{}]


def test_a_grid_is_multiplied_the_last_axis_fastest() -> None:
    runs = build_runs(notebook_of(CELL), ["lr=0.1,1", "epochs=range(2)"]).runs
    assert runs == [
        {"lr": 0.1, "epochs": 0},
        {"lr": 0.1, "epochs": 1},
        {"lr": 1.0, "epochs": 0},
        {"lr": 1.0, "epochs": 1},
    ]


def test_repeated_runs_are_dropped_and_counted() -> None:
    sweep = build_runs(notebook_of(CELL), ["lr=0.1,0.10,1e-1,1", "name=a,a"])
    assert (len(sweep.runs), sweep.dropped) == (2, 6)
    assert build_runs(notebook_of(CELL), ["limit=1,1.0,true"]).dropped == 0


YAML = """fixed: {epochs: 2, fast: yes}
grid:
  lr: [1e-3, 0.1]
  name: [no, 'b']
  layers: [[1], [2, 3]]
list:
  - {lr: 7, epochs: 9}
  - {limit: 2026-01-01, options: {a: [1e-3, x, yes]}}
"""


def test_a_yaml_file_gives_its_grid_then_its_list_with_what_is_fixed(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(YAML)
    runs = build_runs(notebook_of(CELL), sweep_file=tmp_path / "s.yaml").runs
    assert len(runs) == 8 + 2
    assert runs[0] == {"epochs": 2, "fast": True, "lr": 0.001, "name": "no", "layers": [1]}
    assert runs[1] == {"epochs": 2, "fast": True, "lr": 0.001, "name": "no", "layers": [2, 3]}
    assert runs[8] == {"epochs": 9, "fast": True, "lr": 7.0}
    assert runs[9] == {"epochs": 2, "fast": True, "limit": "2026-01-01", "options": {"a": [0.001, "x", "yes"]}}


def test_an_option_replaces_the_name_in_the_file_and_multiplies(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(YAML)
    sweep = build_runs(notebook_of(CELL), ["lr=5,6", "layers=[9]", "epochs=1"], tmp_path / "s.yaml")
    assert sweep.dropped == 0
    assert len(sweep.runs) == 2 * 2 + 2 + 2
    assert {run["lr"] for run in sweep.runs} == {5.0, 6.0}
    assert all(run["epochs"] == 1 and run["layers"] == [9] for run in sweep.runs)
    assert [run["lr"] for run in sweep.runs[:2]] == [5.0, 6.0]


def test_a_file_with_fixed_values_only_is_one_run(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("fixed: {epochs: 2}\ngrid:\nlist:\n  - {}\n")
    assert build_runs(notebook_of(CELL), sweep_file=tmp_path / "s.yaml").runs == [{"epochs": 2}]
    (tmp_path / "s.yaml").write_text("fixed: {epochs: 2}\n")
    assert build_runs(notebook_of(CELL), sweep_file=tmp_path / "s.yaml").runs == [{"epochs": 2}]


def test_a_csv_file_gives_a_run_a_row_and_empty_cells_leave_the_default(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text('epochs,lr,name,fast,layers\n5,,3,TRUE,"[1, 2]"\n,1,"a,b",,\n,,,,\n')
    assert build_runs(notebook_of(CELL), sweep_file=tmp_path / "s.csv").runs == [
        {"epochs": 5, "name": "3", "fast": True, "layers": [1, 2]},
        {"lr": 1.0, "name": "a,b"},
        {},
    ]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("s.yaml", "grid:\n  epochs: [1, 2.5]\n", "s.yaml, line 2: epochs must be an int, not 2.5"),
        ("s.yaml", "grid:\n  epochs:\n    - 1\n    - '2'\n", "s.yaml, line 4: epochs must be an int, not '2'"),
        ("s.yaml", "grid:\n  lr: 0.1, 0.2\n", "lr must be a float, not 0.1, 0.2"),
        ("s.yaml", "grid:\n  layers: [1, 2]\n", "layers must be a list, not 1"),
        ("s.yaml", "fixed:\n  lr: [0.1, 0.2]\n", "to try several values, list them under grid:"),
        ("s.yaml", "fixed:\n  name:\n", "name must be a str, not null; write ''"),
        ("s.yaml", "fixed:\n  output_dir: x\n", "output_dir is set for each run"),
        ("s.yaml", "fixed:\n  epoch: 1\n", "line 2: epoch is not a parameter"),
        ("s.csv", "lr,epochs\n1,2\n2,x\n", "s.csv, line 3: epochs must be an int, not x"),
        ("s.csv", 'lr;epochs\n"0,1";2\n', "use a decimal point"),
        ("s.csv", "output_dir,lr\nx,1\n", "output_dir is set for each run"),
    ],
)
def test_faults_in_files_are_told_with_their_lines(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    assert told in fault_of(notebook_of(CELL), file=tmp_path / name)


def test_a_range_may_stand_in_a_grid_of_yaml(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("grid:\n  epochs: range(1, 4)\n  lr: [range(2), 5]\n")
    runs = build_runs(notebook_of(CELL), sweep_file=tmp_path / "s.yaml").runs
    assert [run["lr"] for run in runs[:3]] == [0.0, 1.0, 5.0]
    assert len(runs) == 9


def test_unknown_names_pass_when_they_are_allowed() -> None:
    sweep = build_runs(notebook_of(CELL), ["momentum=0.9,high"], allow_unknown=True)
    assert sweep.runs == [{"momentum": 0.9}, {"momentum": "high"}]
    assert "is not a valid Python name" in fault_of(notebook_of(CELL), "a-b=1", allow_unknown=True)


def test_without_a_parameters_cell_the_error_says_how_to_get_one() -> None:
    fault = fault_of(notebook_of(), "n=7")
    assert "colab-starter adopt gives it one" in fault
    assert "add the tag parameters" in fault
    assert build_runs(notebook_of(), ["n=7"], allow_unknown=True).runs == [{"n": 7}]


def test_a_notebook_of_another_language_takes_parameters_only_unchecked() -> None:
    notebook = notebook_of("n <- 1", kernelspec={"name": "ir", "language": "R"})
    assert "--allow-unknown" in fault_of(notebook, "n=2")
    assert build_runs(notebook, ["n=2"], allow_unknown=True).runs == [{"n": 2}]


def test_a_value_computed_from_a_given_one_is_an_error_that_says_what_to_move() -> None:
    notebook = notebook_of("n = 1\nm = n * 10")
    assert "m is computed from n in the parameters cell" in fault_of(notebook, "n=5")
    assert "move line 2 to the next cell" in fault_of(notebook, "n=5")
    assert build_runs(notebook, ["n=5", "m=3"]).runs == [{"n": 5, "m": 3}]
    assert build_runs(notebook, ["m=3"]).runs == [{"m": 3}]
    assert build_runs(notebook).runs == [{}]


def test_one_row_of_a_list_that_leaves_a_value_stale_is_enough(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("n,m\n1,2\n3,\n")
    assert "m is computed from n" in fault_of(notebook_of("n = 1\nm = n * 10"), file=tmp_path / "s.csv")


def test_what_is_computed_from_output_dir_is_always_stale() -> None:
    assert "path is computed from output_dir" in fault_of(notebook_of('output_dir = "x"\npath = output_dir + "/log"'))


def test_a_name_that_a_second_parameters_cell_sets_again_is_an_error() -> None:
    notebook = notebook_of("n = 1\nm = 1", "n = 2")
    assert "n is set again in cell 2" in fault_of(notebook, "n=5")
    assert build_runs(notebook, ["m=5"]).runs == [{"m": 5}]
    assert "output_dir is set again in cell 2" in fault_of(notebook_of("output_dir = ''", "output_dir = 'a'"))


def test_a_parameter_without_a_default_must_be_given() -> None:
    assert "n has no default" in fault_of(notebook_of("n: int"))
    assert build_runs(notebook_of("n: int"), ["n=1"]).runs == [{"n": 1}]


@pytest.mark.parametrize(
    ("options", "file", "told"),
    [
        ([f"{name}=range(10000)" for name in ("epochs", "lr", "limit")], "", "has 1,000,000,000,000 runs"),
        ([f"{name}=range(100000)" for name in ("epochs", "lr", "limit", "n")], "", "has more than 10^15 runs"),
        (["epochs=range(10)"], "list: [" + "{n: 1}, " * 20_000 + "]", "has 200,000 runs"),
        (["epochs=range(10)"], "grid: {n: [" + "1, " * 20_000 + "]}", "has 200,000 runs"),
        ([], "grid: {epochs: range(1000), n: [range(500), range(500)]}", "has 1,000,000 runs"),
        (["epochs=" + ",".join("7" * 400), "n=" + ",".join("7" * 400)], "", "has 160,000 runs"),
    ],
)
def test_a_sweep_too_large_to_be_meant_is_counted_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], file: str, told: str
) -> None:
    monkeypatch.setattr(ValueType, "read", None)
    path = tmp_path / "s.yaml"
    path.write_text(file)
    with pytest.raises(ParameterError) as caught:
        build_runs(notebook_of(f"{CELL}\nn = 1"), options, path if file else None)
    assert told in str(caught.value)


def test_a_wrong_name_is_looked_into_once_however_many_rows_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def find_none(name: str, known: object) -> str:
        asked.append(name)
        return ""

    monkeypatch.setattr(build, "suggest", find_none)
    (tmp_path / "s.csv").write_text("epoch\n" + "1\n" * 1000)
    with pytest.raises(ParameterError, match=r"epoch is not a parameter of .* and 995 more"):
        build_runs(notebook_of(CELL), [], tmp_path / "s.csv")
    assert asked == ["epoch"]


def test_the_order_of_the_runs_is_the_same_every_time(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(YAML)
    first = build_runs(notebook_of(CELL), ["level=1,2,max"], tmp_path / "s.yaml")
    assert build_runs(notebook_of(CELL), ["level=1,2,max"], tmp_path / "s.yaml") == first


SWEEPS = sorted((REPOSITORY / "{{cookiecutter.project_slug}}/sweeps").iterdir())


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.name.split("'")[1])
def test_the_sweep_of_every_preset_fits_its_notebook(tmp_path: Path, path: Path) -> None:
    copy = tmp_path / path.name.split("'")[1]  # the template has it as {{ chosen('keras.yaml') }}
    copy.write_bytes(path.read_bytes())
    sweep = build_runs(read_notebook(REPOSITORY / "gallery" / f"{copy.stem}.ipynb"), sweep_file=copy)
    assert len(sweep.runs) > 1
    assert sweep.dropped == 0

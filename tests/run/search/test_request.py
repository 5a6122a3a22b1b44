"""What a search was asked to do, by options and files; all faults are told at once."""

from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
import pytest

from colab_starter.errors import SearchLibraryError, WrongOptionError
from colab_starter.run.batch import Options, prepare_batch
from colab_starter.run.search.pruners import PrunerChoice, read_pruner
from colab_starter.run.search.request import Search, SearchOptions
from colab_starter.run.sweep.build import Space
from colab_starter.run.sweep.ranges import Axis, Choices, Range

CELL = """lr = 0.1
units = 32
batch_size = 32
optimizer = "adam"  # @param ["adam", "sgd"]
dropout = 0.2  # @param {type:"slider", min:0, max:0.5, step:0.1}
epochs = 3
"""


@pytest.fixture
def options(tmp_path: Path) -> Options:
    cell = nbformat.v4.new_code_cell(CELL, metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.write(notebook, tmp_path / "nb.ipynb")
    return Options(notebook=tmp_path / "nb.ipynb", out=tmp_path / "runs")


def search_of(options: Options, *parameters: str, file: str = "", **search: Any) -> Search | None:
    sweep = None
    if file:
        sweep = options.notebook.with_name("sweep.yaml")
        sweep.write_text(file)
    asked = replace(options, parameters=parameters, sweep=sweep, search=SearchOptions(**search))
    return prepare_batch(asked).search


def faults_of(options: Options, *parameters: str, **search: Any) -> list[str]:
    with pytest.raises(WrongOptionError) as caught:
        search_of(options, *parameters, **search)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value).split("; ")


def test_ranges_lists_and_single_values_make_the_space(options: Options) -> None:
    search = search_of(
        options,
        "lr=1e-4..1e-1 log",
        "batch_size=32,64",
        "epochs=5",
        "units=range(16, 64, 16)",
        maximize=("a",),
        trials=9,
    )
    axes: dict[str, Axis] = {
        "lr": Range(1e-4, 0.1, log=True),
        "batch_size": Choices((32, 64)),
        "units": Choices((16, 32, 48)),
    }
    assert search == Search(Space({"epochs": 5}, axes), {"a": "maximize"}, trials=9)


def test_forms_of_the_notebook_give_ranges(options: Options) -> None:
    every = search_of(options, "lr=0..1", minimize=("loss",), time="1h", forms=("all",))
    assert every
    assert every.space.axes == {
        "lr": Range(0.0, 1.0),
        "optimizer": Choices(("adam", "sgd")),
        "dropout": Range(0.0, 0.5, step=0.1),
    }
    assert (every.seconds, every.size) == (3600.0, None)
    named = search_of(options, maximize=("a",), trials=3, forms=("dropout",))
    assert named
    assert (dict(named.space.axes), named.size) == ({"dropout": Range(0.0, 0.5, step=0.1)}, 6)


FILE = """fixed: {epochs: 2}
grid:
  lr: [0.1, 0.01]
search:
  lr: {low: 1e-4, high: 1e-1, log: true}
  units: 16..64 step 16
  batch_size: [32, 64]
maximize: accuracy
trials: 30
prune: true
seed: 7
"""


def test_a_file_with_a_grid_and_a_search_is_a_grid_unless_a_search_is_asked_for(options: Options) -> None:
    assert search_of(options, file=FILE) is None
    search = search_of(options, file=FILE, trials=5)
    assert search
    assert search.space.axes == {
        "lr": Range(1e-4, 0.1, log=True),
        "units": Range(16, 64, step=16),
        "batch_size": Choices((32, 64)),
    }
    assert search.space.fixed == {"epochs": 2}
    assert (search.trials, search.seed, search.pruner) == (5, 7, PrunerChoice("median"))
    assert search_of(options, file=FILE.replace("grid:\n  lr: [0.1, 0.01]\n", "")) == replace(search, trials=30)


@pytest.mark.parametrize(
    ("word", "is_on"), [("true", True), ("True", True), ("yes", True), ("OFF", False), ("no", False)]
)
def test_a_file_may_say_yes_and_no_in_all_words_of_yaml(options: Options, word: str, is_on: bool) -> None:
    file = f"search: {{lr: {{low: 0.1, high: 1, log: {word}}}}}\nmaximize: a\nfor: 1h\nprune: {word}\nenqueue: {word}\n"
    search = search_of(options, file=file)
    assert search
    assert search.space.axes == {"lr": Range(0.1, 1.0, log=is_on)}
    assert (search.pruner, search.enqueue) == (PrunerChoice("median") if is_on else None, is_on)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("trials: 0", "trials: 0 in the sweep file leaves nothing to do"),
        (f"trials: {'9' * 5000}", "trials: 9{20}... in the sweep file is too large"),
        ("trials: 5\nenqueue: perhaps", "enqueue: in the sweep file is true or false, not perhaps"),
        ("trials: 5\nseed: 4294967296", "--seed 4294967296 is not between 0 and 4,294,967,295"),
    ],
)
def test_a_setting_in_a_file_that_cannot_be_meant_is_told(options: Options, settings: str, told: str) -> None:
    with pytest.raises(WrongOptionError, match=told):
        search_of(options, "lr=0..1", file=f"maximize: a\n{settings}\n")


def test_a_mapping_with_low_and_high_is_never_taken_for_a_text(options: Options) -> None:
    with pytest.raises(WrongOptionError, match="line 1: optimizer must be one of 'adam'"):
        search_of(options, "lr=0..1", file="search: {optimizer: {low: 1, high: 2}}\nmaximize: a\ntrials: 3\n")


def test_a_file_with_nothing_but_an_objective_is_a_search_of_the_ranges_given_beside_it(options: Options) -> None:
    search = search_of(options, "lr=0..1", file="maximize: a\ntrials: 3\n")
    assert search == Search(Space({}, {"lr": Range(0.0, 1.0)}), {"a": "maximize"}, trials=3)


def test_options_replace_what_the_file_says(options: Options) -> None:
    search = search_of(
        options, "units=8", "lr=0.5,0.6", file=FILE, minimize=("loss",), prune="hyperband", seed=0, sampler="random"
    )
    assert search
    assert search.space.fixed == {"epochs": 2, "units": 8}
    assert search.space.axes["lr"] == Choices((0.5, 0.6))
    assert (search.objectives, search.seed, search.sampler) == ({"loss": "minimize"}, 0, "random")
    assert search.pruner == PrunerChoice("hyperband")


def test_all_faults_are_told_at_once(options: Options) -> None:
    assert faults_of(options, "lr=1..0", "unit=3", sampler="foo", prune="bad", time="soon") == [
        "say what to search for: --maximize METRIC or --minimize METRIC",
        "--sampler foo is not known",
        "there are tpe, random, cmaes, gp, grid",
        "--for 'soon' is not a duration",
        "write 30, 90s, 10m or 2h",
        "--prune bad is not a pruner",
        "write median, percentile=25, hyperband, threshold=0.5, or --prune alone for the median",
        "lr has the range 1.0..0.0, which is empty",
        "write the lower end first",
        "unit is not a parameter of nb.ipynb",
        "did you mean units? (--allow-unknown accepts it)",
    ]


@pytest.mark.parametrize(
    ("parameters", "search", "told"),
    [
        (["lr=0..1"], {"maximize": ("a",)}, "say how long to search: --trials N, --for TIME, or both"),
        (["lr=0.5"], {"maximize": ("a",), "trials": 3}, "there is nothing to search"),
        (["lr=0..1"], {"maximize": ("a",), "minimize": ("a",), "trials": 3}, "a cannot be maximized and minimized"),
        (["lr=0..1"], {"maximize": ("a", "b"), "trials": 3, "prune": "median"}, "--prune needs a single objective"),
        (["lr=0..1"], {"maximize": ("a", "b"), "trials": 3, "sampler": "cmaes"}, "--sampler cmaes needs a single"),
        (["lr=0..1"], {"maximize": ("a",), "sampler": "grid"}, "--sampler grid needs values to try, and lr has inf"),
        (["lr=0..1"], {"maximize": ("a",), "trials": 3, "forms": ("lr",)}, "lr is given by -p or the file and by"),
        (["lr=0.5,0.5"], {"maximize": ("a",), "trials": 3}, "there is nothing to search"),
        (["lr=0..1,2"], {"maximize": ("a",), "trials": 3}, "lr has the range 0.0..1.0 beside other values"),
        (["lr=2,0..1"], {"maximize": ("a",), "trials": 3}, "lr has the range 0.0..1.0 beside other values"),
        (["lr=0..1"], {"maximize": (" ",), "trials": 3}, "--maximize and --minimize need the name of a metric"),
        (["lr=0..1"], {"maximize": ("a",), "trials": 3, "seed": 2**32}, "--seed 4294967296 is not between 0 and"),
        (["lr=0..1"], {"maximize": ("a",), "trials": 3, "prune": ""}, "--prune  is not a pruner"),
        (["lr=0..1"], {"maximize": ("a",), "time": ""}, "--for '' is not a duration"),
        (["lr=0..1"], {"maximize": ("a",), "trials": 3, "sampler": ""}, "--sampler  is not known"),
        (
            ["units=1..9999", "epochs=1..9999"],
            {"maximize": ("a",), "sampler": "grid"},
            "--sampler grid would try 99,980,001 combinations, and at most 1,000,000 are taken",
        ),
        (["units=1..9_999_999"], {"maximize": ("a",), "trials": 3, "sampler": "gp"}, "--sampler gp takes at most"),
        (["lr=0..1", "units=8,16"], {"maximize": ("a",), "trials": 3, "sampler": "cmaes"}, "--sampler cmaes needs two"),
        ([], {"maximize": ("a",), "trials": 3, "forms": ("epochs",)}, "epochs has no form that bounds it"),
        ([], {"maximize": ("a",), "trials": 3, "forms": ("nope",)}, "nope is not a parameter of nb.ipynb"),
    ],
)
def test_a_search_that_cannot_be_meant_is_told(
    options: Options, parameters: list[str], search: dict[str, Any], told: str
) -> None:
    assert faults_of(options, *parameters, **search)[0].startswith(told)


def test_a_range_without_a_search_is_a_fault(options: Options) -> None:
    with pytest.raises(Exception, match="lr is a range; add what to search for: --maximize METRIC or --minimize"):
        search_of(options, "lr=0..1")


@pytest.mark.parametrize("text", ["median=3", "percentile", "percentile=0", "percentile=100", "threshold=x", "", "nan"])
def test_a_pruner_that_is_none_is_told_with_those_that_are(text: str) -> None:
    with pytest.raises(WrongOptionError, match="is not a pruner; write median, percentile=25"):
        read_pruner(text)


def test_without_optuna_one_line_says_what_to_install(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("colab_starter.run.search.request.version", find)
    with pytest.raises(SearchLibraryError, match=r"needs Optuna: pip install 'colab-starter\[search\]'"):
        search_of(options, "lr=0..1", maximize=("a",), trials=3)
    monkeypatch.setattr("colab_starter.run.search.request.version", lambda name: "4.8.0")
    with pytest.raises(SearchLibraryError, match="needs Optuna 5 or later: pip install -U optuna"):
        search_of(options, "lr=0..1", maximize=("a",), trials=3)

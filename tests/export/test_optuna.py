"""``export --to optuna``, read back by ``optuna.load_study``."""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from colab_starter.export.space import describe_space
from colab_starter.run.job import Point
from colab_starter.run.literals import to_json
from tests.export.conftest import Export
from tests.export.sweeps import PRUNED, SOURCE, Sample, SampleSweep, end, sample_sweep

RATES = {"low": 1e-3, "high": 0.5, "log": True}
SEARCH = {
    "objectives": {"accuracy": "maximize"},
    "sampler": "tpe",
    "space": {"learning_rate": RATES, "units": {"low": 16, "high": 256, "step": 16}},
}


@pytest.fixture
def load() -> Iterator[Any]:
    """Load the only study in a database; closed afterwards, as its connections would otherwise be left open."""
    opened = []

    def load_study(path: Path) -> optuna.Study:
        storage = RDBStorage(f"sqlite:///{path}")
        opened.append(storage)
        return optuna.load_study(study_name=None, storage=storage)

    yield load_study
    for storage in opened:
        storage.remove_session()
        storage.engine.dispose()


def test_a_search_becomes_a_study_with_its_space_and_its_trials(tmp_path: Path, export: Export, load: Any) -> None:
    sample = sample_sweep(**SEARCH)
    folder = sample.write(tmp_path / "keras")
    answer = export(folder, "--to", "optuna")
    made = folder / "optuna.db"
    assert answer == (0, f"{made} (6 runs, 12 values)\noptuna-dashboard sqlite:///{made}\n", "")
    study = load(made)
    assert (study.study_name, study.direction.name, study.metric_names) == ("keras", "MAXIMIZE", ["accuracy"])
    assert [trial.number for trial in study.trials] == [*range(6)]
    states = ("COMPLETE", "COMPLETE", "PRUNED", "FAIL", "FAIL", "RUNNING")
    assert tuple(trial.state.name for trial in study.trials) == states
    for trial, run in zip(study.trials, sample.runs, strict=True):
        assert trial.params == run.parameters
        assert trial.distributions == {
            "learning_rate": FloatDistribution(1e-3, 0.5, log=True),
            "units": IntDistribution(16, 256, step=16),
        }
        assert trial.intermediate_values == {step: value for _, step, value in run.points}
        assert trial.user_attrs["run"] == run.id
    assert [trial.value for trial in study.trials[:3]] == [0.9, 0.8, 0.3]
    assert study.best_trial.number == 0
    assert study.trials[2].user_attrs["cause"] == PRUNED
    assert study.trials[0].user_attrs["test.loss"] == 0.4
    assert study.trials[0].datetime_start <= study.trials[0].datetime_complete


def test_a_study_can_be_gone_on_with(tmp_path: Path, export: Export, load: Any) -> None:
    export(sample_sweep(**SEARCH).write(tmp_path), "--to", "optuna")
    study = load(tmp_path / "optuna.db")
    trial = study.ask({"learning_rate": FloatDistribution(1e-3, 0.5, log=True)})
    study.tell(trial, 0.95)
    assert (trial.number, study.best_value) == (6, 0.95)


def test_a_grid_takes_its_distributions_from_its_values(tmp_path: Path, export: Export, load: Any) -> None:
    grid = [
        {"rate": 0.1, "units": 8, "kind": "a", "flag": True, "seed": 2**60},
        {"rate": 0.0001, "units": 16, "kind": "b", "flag": False, "seed": 1},
        {"rate": 0.001, "units": 16, "kind": "a", "layers": [1, 2]},
    ]
    runs = [Sample(f"a-{number:012x}", given, end(loss=1 / (number + 1))) for number, given in enumerate(grid)]
    answer = export(SampleSweep(runs).write(tmp_path), "--to", "optuna", "--minimize", "loss")
    assert answer.status == 0
    study = load(tmp_path / "optuna.db")
    assert study.best_trial.number == 2
    assert study.direction.name == "MINIMIZE"
    assert study.trials[0].distributions == {
        "rate": FloatDistribution(0.0001, 0.1, log=True),
        "units": IntDistribution(8, 16),
        "kind": CategoricalDistribution(("a", "b")),
        "flag": CategoricalDistribution((True, False)),
        "seed": CategoricalDistribution((str(2**60), "1")),
    }
    assert study.trials[2].params == {"rate": 0.001, "units": 16, "kind": "a", "layers": "[1, 2]"}


def test_two_objectives_make_a_pareto_front(tmp_path: Path, export: Export, load: Any) -> None:
    folder = sample_sweep().write(tmp_path)
    assert export(folder, "--to", "optuna", "--maximize", "accuracy", "--minimize", "test.loss").status == 0
    study = load(folder / "optuna.db")
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert [trial.values for trial in study.best_trials] == [[0.9, 0.4]]
    assert [trial.state.name for trial in study.trials[:3]] == ["COMPLETE", "COMPLETE", "PRUNED"]


def test_runs_that_no_search_suggested_come_after_its_trials_and_widen_its_ranges(
    tmp_path: Path, export: Export, load: Any
) -> None:
    before = Sample("b-000000000000", {"learning_rate": 5.0, "units": 20}, end(accuracy=0.1))
    trials = sample_sweep(**SEARCH).runs
    SampleSweep([before, *trials], SEARCH).write(tmp_path)
    export(tmp_path, "--to", "optuna")
    study = load(tmp_path / "optuna.db")
    assert [trial.user_attrs["run"] for trial in study.trials] == [*(run.id for run in trials), before.id]
    assert study.trials[0].distributions == {
        "learning_rate": FloatDistribution(1e-3, 5.0, log=True),
        "units": IntDistribution(16, 256),
    }


def test_the_trials_of_an_edited_notebook_begin_at_0_and_the_older_runs_come_after(
    tmp_path: Path, export: Export, load: Any
) -> None:
    folder = sample_sweep(**SEARCH).write(tmp_path)
    older = (folder / "ledger.jsonl").read_text().replace(SOURCE, "f" * 16).replace('"lr=', '"old=')
    (folder / "ledger.jsonl").write_text(older + (folder / "ledger.jsonl").read_text())
    export(folder, "--to", "optuna")
    runs = [trial.user_attrs["run"] for trial in load(folder / "optuna.db").trials]
    assert [run.partition("=")[0] for run in runs] == ["lr"] * 6 + ["old"] * 6


def test_a_run_without_the_objective_has_failed_for_the_study(tmp_path: Path, export: Export, load: Any) -> None:
    runs = [Sample("a-000000000000", {"n": 1}, end(score=math.nan)), Sample("b-000000000000", {"n": 2}, end())]
    runs += [Sample("c-000000000000", {"n": 3}, end(score=2))]
    export(SampleSweep(runs).write(tmp_path), "--to", "optuna", "--maximize", "score")
    assert [trial.state.name for trial in load(tmp_path / "optuna.db").trials] == ["FAIL", "FAIL", "COMPLETE"]


def test_exporting_again_replaces_the_study(tmp_path: Path, export: Export, load: Any) -> None:
    folder = sample_sweep(**SEARCH).write(tmp_path)
    for _ in range(2):
        assert export(folder, "--to", "optuna").status == 0
    assert len(load(folder / "optuna.db").trials) == 6
    assert not list(folder.glob(".optuna*"))


def test_a_file_that_ends_in_log_is_a_journal(tmp_path: Path, export: Export) -> None:
    folder = sample_sweep(**SEARCH).write(tmp_path / "keras")
    answer = export(folder, "--to", "optuna", "-o", tmp_path / "study.log")
    assert answer.out.endswith(f"\noptuna-dashboard {tmp_path / 'study.log'}\n")
    study = optuna.load_study(
        study_name="keras", storage=JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    )
    assert [trial.value for trial in study.get_trials(states=[TrialState.COMPLETE])] == [0.9, 0.8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [],
            "--to optuna needs an objective: --maximize NAME or --minimize NAME (recorded: accuracy, test.loss)",
        ),
        (["--maximize", "acuracy"], "no run has recorded a number named acuracy; did you mean accuracy?"),
        (["--maximize", "model"], "no run has recorded a number named model; recorded: accuracy, test.loss"),
        (
            ["--maximize", "accuracy", "--minimize", "accuracy"],
            "accuracy cannot be both maximized and minimized; give one of the options",
        ),
        (
            ["--maximize", "accuracy", "-o", "postgresql://x/y"],
            "-o postgresql://x/y is not a file; give one, such as optuna.db or optuna.log; "
            "optuna.copy_study copies the study from there into any database",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, export: Export, arguments: list[str], message: str) -> None:
    answer = export(sample_sweep().write(tmp_path), "--to", "optuna", *arguments)
    assert (answer.status, answer.err) == (2, f"colab-starter: {message}\n")
    assert not (tmp_path / "optuna.db").exists()


def draw_value(random_: random.Random, depth: int = 0) -> Any:
    """A value that a parameter may have."""
    kinds = [
        lambda: random_.choice([None, True, False, 0, 1, 1.0, 0.0, -1, "1", "True", "", "nan"]),
        lambda: random_.randint(-5, 5) * 10 ** random_.randint(0, 20),
        lambda: random_.uniform(-1, 1) * 10.0 ** random_.randint(-300, 300),
        lambda: random_.choice([math.nan, math.inf, -math.inf, 5e-324, 2**53, 2**53 + 1, 10**400]),
        lambda: random_.choice(["sgd", "ä ☃", "a" * 3000, b"\x00\xff"]),
        lambda: [draw_value(random_, depth + 1) for _ in range(random_.randint(0, 3))] if depth < 2 else (),
    ]
    return random_.choice(kinds)()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_values_a_parameter_has_its_distribution_holds_them(seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(60):
        values = [draw_value(random_) for _ in range(random_.randint(1, 6))]
        if random_.random() < 0.5:
            values = [value for value in values if type(value) in (int, float)] or [1]
        choices: dict[str, Any] = {"choices": [to_json(draw_value(random_)) for _ in range(random_.randint(1, 3))]}
        low: float = random_.choice([0, 1, 0.5, -3])
        scale: dict[str, Any] = random_.choice([{}, {"log": True}, {"step": random_.choice([0.25, 1, 2, 0])}])
        declared = random_.choice([{}, {}, choices, {"low": low, "high": low + random_.choice([0, 4]), **scale}])
        space = describe_space([{"x": value} for value in values], {"x": declared})
        for value in values:
            told = space.convert("x", value)
            distribution = space.distributions["x"]
            assert distribution._contains(distribution.to_internal_repr(told)), (value, values, declared)
            optuna.trial.create_trial(value=1.0, params={"x": told}, distributions={"x": distribution})


def test_the_steps_of_a_series_are_whole_for_optuna(tmp_path: Path, export: Export, load: Any) -> None:
    points = [Point("a", 0.5, 1.0), Point("a", 1, math.nan), Point("a", 1.5, 3.0)]
    export(
        SampleSweep([Sample("a-000000000000", {"n": 1}, end(), points)]).write(tmp_path),
        "--to",
        "optuna",
        "--maximize",
        "a",
    )
    [trial] = load(tmp_path / "optuna.db").trials
    assert trial.intermediate_values.keys() == {0, 1, 2}
    assert (trial.value, math.isnan(trial.intermediate_values[1])) == (3.0, True)


def test_without_optuna_one_line_says_how_to_get_it(
    tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colab_starter.export.optuna.find_spec", lambda name: None)
    answer = export(sample_sweep().write(tmp_path), "--to", "optuna")
    assert answer.err == 'colab-starter: --to optuna needs Optuna; run: pip install "colab-starter[search]"\n'


def test_a_trial_whose_run_has_not_started_waits(tmp_path: Path, export: Export, load: Any) -> None:
    folder = sample_sweep(**SEARCH).write(tmp_path)
    lines = (folder / "ledger.jsonl").read_text().splitlines(keepends=True)
    last = [line for line in lines if '"trial"' in line][-1]
    (folder / "ledger.jsonl").write_text(
        "".join(lines) + last.replace('"number": 5', '"number": 6').replace("lr=0.05", "lr=9")
    )
    export(folder, "--to", "optuna")
    assert load(folder / "optuna.db").trials[6].state is TrialState.WAITING

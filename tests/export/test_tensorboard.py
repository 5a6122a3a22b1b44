"""``export --to tensorboard``, read back by TensorBoard itself."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.plugins.hparams.list_session_groups import Handler

from colab_starter.run.job import Point, PointsRecorded
from colab_starter.run.observers.tensorboard import TensorBoardWriter
from colab_starter.run.secrets import Mask
from colab_starter.run.sweep.runs import Run
from tests.export.conftest import Export
from tests.export.sweeps import Sample, SampleSweep, end, rise, sample_sweep, write_points
from tests.support.events import list_scalars, open_events, read_scalars


def read_session(folder: Path, part: str) -> Any:
    """What the HParams plugin is told of a run: ``session_start_info`` or ``session_end_info``."""
    content = open_events(folder).SummaryMetadata(f"_hparams_/{part}").plugin_data.content
    return getattr(plugin_data_pb2.HParamsPluginData.FromString(content), part)


def list_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_series_of_each_run_are_scalars_by_step(tmp_path: Path, export: Export) -> None:
    sample = sample_sweep()
    folder = sample.write(tmp_path / "keras")
    answer = export(folder, "--to", "tensorboard")
    made = folder / "tensorboard"
    assert answer == (0, f"{made} (6 runs, 12 values)\ntensorboard --logdir {made}\n", "")
    for run in sample.runs:
        if run.points:
            assert read_scalars(made / run.id, "accuracy") == [(step, value) for _, step, value in run.points]
    assert read_scalars(made / sample.runs[0].id, "test.loss") == [(0, 0.4)]
    assert sorted(path.name for path in made.iterdir()) == sorted(run.id for run in sample.runs)


def test_the_hparams_plugin_shows_parameters_metrics_and_how_each_run_ended(tmp_path: Path, export: Export) -> None:
    sample = sample_sweep()
    export(sample.write(tmp_path / "keras"), "--to", "tensorboard", "-o", tmp_path / "logs")
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "logs")).Reload()
    context = Context(_Plugins(MultiplexerDataProvider(multiplexer, str(tmp_path / "logs"))))
    experiment = context.experiment_from_metadata(
        RequestContext(), "", True, context.hparams_metadata(RequestContext(), ""), []
    )
    assert {info.name.tag for info in experiment.metric_infos} == {"accuracy", "test.loss"}
    request = api_pb2.ListSessionGroupsRequest(
        slice_size=100,
        include_metrics=True,
        allowed_statuses=[*api_pb2.Status.values()],
        col_params=[api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos],
    )
    found = {group.name: group for group in Handler(RequestContext(), context, "", request).run().session_groups}
    statuses = [api_pb2.Status.Name(found[run.id].sessions[0].status) for run in sample.runs]
    expected = ["SUCCESS", "SUCCESS", "SUCCESS", "FAILURE", "FAILURE", "UNKNOWN"]
    assert statuses == [f"STATUS_{status}" for status in expected]
    first = found[sample.runs[0].id]
    assert first.hparams["learning_rate"].number_value == 0.1
    assert first.hparams["units"].number_value == 16
    assert first.hparams["optimizer"].string_value == "adam"
    assert "output_dir" not in first.hparams
    assert {value.name.tag: round(value.value, 6) for value in first.metric_values} == {
        "accuracy": 0.9,
        "test.loss": 0.4,
    }


class _Plugins:
    """The part of TensorBoard's context that its HParams plugin reads."""

    def __init__(self, provider: MultiplexerDataProvider) -> None:
        self.data_provider = provider


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (True, "bool_value", True),
        (3, "number_value", 3.0),
        (1e-5, "number_value", 1e-5),
        ("sgd", "string_value", "sgd"),
        (None, "string_value", "None"),
        ([1, "a"], "string_value", '[1, "a"]'),
        (math.nan, "string_value", "nan"),
        (math.inf, "string_value", "inf"),
        (10**400, "string_value", str(10**400)),
        ("ä\n☃", "string_value", "ä\n☃"),
    ],
)
def test_parameters_of_every_type_are_shown(
    tmp_path: Path, export: Export, value: Any, kind: str, shown: object
) -> None:
    SampleSweep([Sample("a-000000000000", {"x": value}, end())]).write(tmp_path)
    assert export(tmp_path, "--to", "tensorboard").status == 0
    found = read_session(tmp_path / "tensorboard/a-000000000000", "session_start_info").hparams["x"]
    assert (found.WhichOneof("kind"), getattr(found, kind)) == (kind, shown)


def test_exporting_again_adds_what_is_new_and_nothing_twice(tmp_path: Path, export: Export) -> None:
    sample = sample_sweep()
    folder = sample.write(tmp_path)
    export(folder, "--to", "tensorboard")
    before = list_files(folder / "tensorboard")
    reader = open_events(folder / "tensorboard" / sample.runs[5].id)
    write_points(folder, sample.runs[5].id, 1, [Point("accuracy", 2, 0.45)])
    export(folder, "--to", "tensorboard")
    assert list_files(folder / "tensorboard") == before
    assert list_scalars(reader.Reload()) == [
        (1, 0.4),
        (2, 0.45),
    ]
    assert read_scalars(folder / "tensorboard" / sample.runs[5].id, "accuracy") == [(1, 0.4), (2, 0.45)]


def test_what_a_running_sweep_itself_is_writing_is_left_to_it(tmp_path: Path, export: Export) -> None:
    sample = sample_sweep()
    folder = sample.write(tmp_path)
    running = sample.runs[5]
    writer = TensorBoardWriter(folder / "tensorboard", Mask())
    writer.started(Run(running.id, dict(running.parameters)), 1, "")
    export(folder, "--to", "tensorboard")
    writer.points_recorded(PointsRecorded(running.id, (Point("accuracy", 7, 0.7),)))
    writer.close()
    made = folder / "tensorboard" / running.id
    assert read_scalars(made) == [(7, 0.7)]
    export(folder, "--to", "tensorboard")
    assert read_scalars(made) == [(1, 0.4)]


def test_a_later_attempt_takes_the_place_of_an_earlier_one(tmp_path: Path, export: Export) -> None:
    run = Sample("a-000000000000", {"n": 1}, None, rise(0.1, 0.2, 0.3))
    folder = SampleSweep([run]).write(tmp_path / "one")
    export(folder, "--to", "tensorboard", "-o", tmp_path / "logs")
    again = SampleSweep([Sample(run.id, {"n": 1}, end(), rise(0.5, 0.6), attempt=2)]).write(tmp_path / "two")
    write_points(again, run.id, 1, rise(0.1, 0.2, 0.3))
    export(again, "--to", "tensorboard", "-o", tmp_path / "logs")
    assert read_scalars(tmp_path / "logs" / run.id, "accuracy") == [(1, 0.5), (2, 0.6)]
    assert [path.stat().st_size > 0 for path in sorted((tmp_path / "logs" / run.id).iterdir())] == [False, True]


def test_values_that_are_no_numbers_and_fractional_steps_arrive(tmp_path: Path, export: Export) -> None:
    points = [Point("loss", 0.5, math.nan), Point("loss", 1, math.inf), Point("loss", 1.5, -2.0)]
    outcome = end(history=[3, 2.5], flag=True)
    SampleSweep([Sample("a-000000000000", {}, outcome, points)]).write(tmp_path)
    export(tmp_path, "--to", "tensorboard")
    made = tmp_path / "tensorboard/a-000000000000"
    scalars = read_scalars(made, "loss")
    assert [step for step, _ in scalars] == [0, 1, 2]
    assert math.isnan(scalars[0][1])
    assert [value for _, value in scalars[1:]] == [math.inf, -2.0]
    assert read_scalars(made, "history") == [(1, 3.0), (2, 2.5)]
    assert open_events(made).Tags()["scalars"] == ["loss", "history"]


def test_without_tensorboard_one_line_says_how_to_get_it(
    tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colab_starter.run.event_files.find_spec", lambda name: None)
    answer = export(sample_sweep().write(tmp_path), "--to", "tensorboard")
    assert answer.status == 2
    assert answer.err == (
        'colab-starter: --to tensorboard needs TensorBoard; run: pip install "colab-starter[tensorboard]"\n'
    )


def test_a_place_that_cannot_be_written_is_named_in_one_line(tmp_path: Path, export: Export) -> None:
    folder = sample_sweep().write(tmp_path / "keras")
    (tmp_path / "file").write_text("")
    answer = export(folder, "--to", "tensorboard", "-o", tmp_path / "file")
    assert (answer.status, answer.out) == (1, "")
    assert "cannot be written (Not a directory); choose another place with -o\n" in answer.err
    shutil.rmtree(folder)

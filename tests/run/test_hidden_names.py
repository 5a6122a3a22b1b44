"""Runs are known by their values alone, and their folders' names show nothing that is known to be secret."""

import random
import re
import shutil
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_starter.run import coordinator
from colab_starter.run.backends.local.options import LocalOptions
from colab_starter.run.batch import Options
from colab_starter.run.display.preview import preview_batch
from colab_starter.run.job import Job
from colab_starter.run.ledger.ledger import RunRecord, open_ledger, read_runs
from colab_starter.run.ledger.names import find_revealing, recognise_runs
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.recovery import finish_renames, hide_secrets, settle
from colab_starter.run.secrets import Mask, may_be_secret
from colab_starter.run.storage.remote import RemoteStore
from colab_starter.run.storage.store import LocalStore
from colab_starter.run.sweep.runs import Run, make_id, make_slug
from colab_starter.sweep_folder import tell_digest
from tests.run.finished import write_notebook, write_source
from tests.run.scripted import ScriptedBackend

PARAMETERS = "n = 0\nkey = ''\nother = ''\noutput_dir = 'x'"
SECRET = "hunter22-xyz"

Command = Callable[..., int]


@pytest.fixture
def executed() -> Counter[str]:
    """How often each set of values was executed."""
    return Counter()


@pytest.fixture
def command(
    tmp_path: Path, executed: Counter[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Command:
    """``colab-starter run`` with a backend that executes nothing; ``secrets`` are in the environment meanwhile."""
    notebook = write_source(tmp_path, parameters=PARAMETERS)

    def execute(job: Job) -> Outcome:
        values = {name: value for name, value in job.parameters.items() if name != "output_dir"}
        executed[str(sorted(values.items()))] += 1
        outcome = Outcome(Status.OK, seconds=1, metrics={"loss": 1}, host="here")
        write_notebook(Path(job.output), outcome, job.run, values, Path(job.notebook).name, job.attempt)
        return outcome

    def open_backend(*_: Any) -> ScriptedBackend:
        return ScriptedBackend(execute)

    monkeypatch.setattr(LocalOptions, "check", lambda options: open_backend)

    def call(*values: str, out: str | Path = tmp_path / "out", secrets: tuple[str, ...] = ()) -> int:
        with monkeypatch.context() as environment:
            for number, secret in enumerate(secrets):
                environment.setenv(f"TRIAL_TOKEN_{number}", secret)
            return coordinator.run_batch(Options(notebook, values, out=out, quiet=True))

    return call


def test_of_several_runs_with_the_same_values_the_ok_one_counts_before_the_pruned_one() -> None:
    runs = [Run(f"n={slug}-0123456789ab", {"n": 1}) for slug in ("1", "x", "y", "z")]
    statuses = (Status.INTERRUPTED, Status.PRUNED, Status.FAILED, Status.OK)
    pairs = zip(runs, statuses, strict=True)
    records = [RunRecord(run.id, 1, run.parameters, "", "", "", Outcome(status)) for run, status in pairs]
    for number, expected in ((4, 3), (3, 1), (1, 0)):
        known = {record.run: record for record in records[:number]}
        assert recognise_runs(runs[:1], known, Mask())[0].id == runs[expected].id


def list_folders(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if path.is_dir())


def test_a_run_is_the_same_whether_its_value_is_a_secret_or_not(
    command: Command, executed: Counter[str], tmp_path: Path
) -> None:
    for secrets in [(), (SECRET,), (), (SECRET,)]:
        assert command(f"key={SECRET}", "n=1,2", secrets=secrets) == 0
    assert list(executed.values()) == [1, 1]
    assert len(list_folders(tmp_path / "out")) == 2


def test_a_folder_is_renamed_when_its_name_turns_out_to_show_a_secret(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(f"key={SECRET}", "n=1,2")
    before = list_folders(tmp_path / "out")
    assert all(SECRET in name for name in before)
    command(f"key={SECRET}", "n=1,2", secrets=(SECRET,))
    after = list_folders(tmp_path / "out")
    assert not [name for name in after if "hunter" in name]
    assert list(map(tell_digest, after)) == list(map(tell_digest, before))
    warning = capsys.readouterr().err
    assert "2 folders renamed whose names showed a secret" in warning
    assert "their files still hold it" in warning
    assert SECRET not in warning
    records = read_runs(tmp_path / "out")
    assert sorted(records) == after
    assert all((tmp_path / "out" / record.notebook).is_file() for record in records.values())
    assert (tmp_path / "out/ledger.jsonl").read_text().splitlines()[-1].count("hunter") == 0


def test_a_parameter_that_was_masked_once_is_masked_in_new_names_too(command: Command, tmp_path: Path) -> None:
    command(f"key={SECRET}", "n=1", secrets=(SECRET,))
    command(f"key={SECRET},second-secret", "n=2")
    assert all("key=-," in name for name in list_folders(tmp_path / "out"))


def test_a_rename_that_was_cut_off_is_finished(command: Command, executed: Counter[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command(f"key={SECRET}", "n=1,2")
    ledger = open_ledger(out, Mask([SECRET]))
    names = find_revealing(ledger.runs, Mask([SECRET]))
    ledger.write_renames(names)
    ledger.close()
    first = sorted(names)[0]
    (out / first).rename(out / names[first])
    command(f"key={SECRET}", "n=1,2")
    assert list_folders(out) == sorted(names.values())
    assert set(executed.values()) == {1}


def test_a_further_attempt_at_a_renamed_run_goes_to_its_new_folder(command: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command(f"key={SECRET}", "n=1")
    command(f"key={SECRET}", "n=1", secrets=(SECRET,))
    shutil.rmtree(out / list_folders(out)[0])
    command(f"key={SECRET}", "n=1")
    [name] = list_folders(out)
    assert "hunter" not in name
    [record] = read_runs(out).values()
    assert (record.run, record.attempt, record.status) == (name, 2, Status.OK)


def test_of_two_folders_of_one_run_the_finished_one_counts(
    command: Command, executed: Counter[str], tmp_path: Path
) -> None:
    """So an older version left it: once with the secret, once without."""
    out = tmp_path / "out"
    command(f"key={SECRET}", "n=1", secrets=(SECRET,))
    [masked] = list_folders(out)
    plain = f"key={SECRET},n=1-{tell_digest(masked)}"
    ledger = open_ledger(out, Mask())
    ledger.write_start(plain, 1, {"key": SECRET, "n": 1}, read_runs(out)[masked].source, f"{plain}/nb.ipynb")
    ledger.write_end(plain, Outcome(Status.FAILED, "ValueError: bad"))
    ledger.close()
    (out / plain).mkdir()
    for secrets in [(), (SECRET,)]:
        assert command(f"key={SECRET}", "n=1", secrets=secrets) == 0
    assert set(executed.values()) == {1}
    assert [name for name in list_folders(out) if "hunter" in name] == []
    assert len(list_folders(out)) == 2


def test_a_sweep_of_the_first_version_is_gone_on_with(command: Command, executed: Counter[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command("key=plain-words", "n=1")
    [name] = list_folders(out)
    old = name.replace("key=plain-words,n=1", "anything-at-all")
    (out / name).rename(out / old)
    for file in (out / "ledger.jsonl", out / old / "nb.ipynb"):
        file.write_text(file.read_text().replace(name, old))
    assert command("key=plain-words", "n=1") == 0
    assert set(executed.values()) == {1}
    assert list_folders(out) == [old]


def test_a_dry_run_names_runs_as_they_will_be_called_and_renames_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command(f"key={SECRET}", "n=1")
    before = list_folders(tmp_path / "out")
    monkeypatch.setenv("TRIAL_TOKEN", SECRET)
    preview_batch(Options(tmp_path / "nb.ipynb", [f"key={SECRET}", "n=1,2"], out=tmp_path / "out"))
    said = capsys.readouterr().out
    assert re.match(r"ok, stays +key=-,n=1-\w{12}  n=1\nto do +key=-,n=2-\w{12}  n=2\n", said)
    assert list_folders(tmp_path / "out") == before


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_set_when_nothing_is_done_twice_and_no_name_shows_what_is_secret_now(
    seed: int, command: Command, executed: Counter[str], tmp_path: Path
) -> None:
    chance = random.Random(seed)
    values = [f"value-{number}-{chance.randbytes(3).hex()}" for number in range(4)]
    for _ in range(12):
        secrets = tuple(value for value in values if chance.random() < 0.3)
        asked = [f"key={chance.choice(values)}", f"other={chance.choice(values)}", f"n={chance.randint(1, 2)}"]
        assert command(*chance.sample(asked, chance.randint(1, 3)), secrets=secrets) == 0
        names = " ".join(list_folders(tmp_path / "out"))
        assert not [secret for secret in secrets if secret in names]
    assert set(executed.values()) == {1}


@pytest.mark.parametrize(
    ("parameters", "slug"),
    [
        ({"token": "abc"}, "token="),
        ({"api_key": "abc", "n": 1}, "api_key=-,n=1"),
        ({"password": 123456}, "password="),
        ({"max_tokens": 4096}, "max_tokens=4096"),
        ({"use_token": True, "token": None}, "token=None,use_token=True"),
        ({"url": "postgres://ada:pass@db/x"}, "url="),
        ({"url": "https://example.com/a:b@c"}, "url=https-example.com-a-b-c"),
        ({"key": "ghp_0123456789abcdefghij"}, "key="),
        ({"keys": ["x", "hf_0123456789abcdefghij"]}, "keys="),
        ({"name": "sk-learn"}, "name=sk-learn"),
        ({"x": ["my own secret"]}, "x="),
        ({"x": {"a": "my own secret", "b": 1}}, "x=-a-,b-1"),
        ({"x": 271828182845}, "x="),
        ({"x": b"my own secret"}, "x=b"),
        ({"a": "x" * 70, "b": "my own secret"}, f"a={'x' * 70},b="),
        ({"x": {"b", "a", "c"}}, "x=-a,b,c"),
    ],
)
def test_names_show_values_but_those_that_are_or_may_be_secret(parameters: dict[str, Any], slug: str) -> None:
    mask = Mask(["my own secret", "271828182845"])
    assert make_slug(parameters, mask) == slug
    assert tell_digest(make_id(parameters, "source", mask)) == tell_digest(make_id(parameters, "source", Mask()))


@pytest.mark.parametrize("name", ["tokenizer", "keyboard", "n", "secretary"])
def test_other_names_are_no_secrets(name: str) -> None:
    assert not may_be_secret(name, "value")


def test_a_secret_that_is_part_of_our_own_words_changes_no_name(command: Command, tmp_path: Path) -> None:
    command()
    before = list_folders(tmp_path / "out")
    for _ in range(2):
        command(secrets=("default",))
        assert list_folders(tmp_path / "out") == before


def test_runs_in_a_store_are_renamed_too(command: Command, executed: Counter[str], tmp_path: Path) -> None:
    command(f"key={SECRET}", "n=1,2")
    store = RemoteStore(f"memory://{uuid.uuid4().hex}/sweep")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and path.name != ".lock":
            store.write(path.relative_to(tmp_path / "out").as_posix(), path.read_bytes())
    for _ in range(2):
        assert command(f"key={SECRET}", "n=1,2", out=store.name, secrets=(SECRET,)) == 0
    assert set(executed.values()) == {1}
    names = [name for name in store.objects.list() if name.endswith("/nb.ipynb")]
    assert [re.sub(r"-\w{12}/", "-/", name) for name in names] == ["key=-,n=1-/nb.ipynb", "key=-,n=2-/nb.ipynb"]
    store.objects.remove(list(store.objects.list()))


def test_what_shows_nothing_is_not_renamed(command: Command, tmp_path: Path) -> None:
    command("key=abcdef,other-words", "n=1,2", secrets=(SECRET,))
    store, ledger = LocalStore(tmp_path / "out"), open_ledger(tmp_path / "out", Mask())
    before = (tmp_path / "out/ledger.jsonl").read_bytes()
    settle(ledger, store)
    finish_renames(ledger, store)
    assert hide_secrets(ledger, store, Mask([SECRET])) == []
    ledger.close()
    assert (tmp_path / "out/ledger.jsonl").read_bytes() == before

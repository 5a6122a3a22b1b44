"""The page that follows a sweep while it runs, and who may ask its server."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from nbformat.v4 import new_output

from colab_starter import cli
from colab_starter.report.live import HOST, LiveServer, LiveSweep
from colab_starter.run.job import Point
from colab_starter.run.ledger.ledger import Ledger, Trial, open_ledger
from colab_starter.run.ledger.series import FILE_NAME as SERIES
from colab_starter.run.ledger.series import describe_points
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.secrets import Mask
from tests.report.browser import Browser
from tests.report.pages import READY, read_column, read_rows, search_for
from tests.report.sweeps import SEARCH, SampleRun, keras_sweep, searched_sweep, write_sweep

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


@contextmanager
def serve(folder: Path) -> Iterator[LiveServer]:
    """A server of the folder, in a thread."""
    with LiveServer(LiveSweep(folder)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server: LiveServer, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """The status, the content and the headers of an answer. The path may hold ``TOKEN``."""
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=30)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path.replace("TOKEN", server.token), headers=given)
    answer = connection.getresponse()
    found = answer.status, answer.read(), dict(answer.getheaders())
    connection.close()
    return found


def begin_run(ledger: Ledger, folder: Path, number: int, sample: SampleRun, *, steps: int | None = None) -> str:
    """Do what a search does until a run is at a step, without the run."""
    run = f"new-{number:012x}"
    ledger.write_trial(Trial(number, run, sample.parameters, sample.source))
    ledger.write_start(run, 1, sample.parameters, sample.source, f"{run}/keras.ipynb")
    points = [Point(name, *point) for name, points in sample.series.items() for point in points[:steps]]
    with (folder / SERIES).open("ab") as file:
        file.write(describe_points(run, 1, points) + b"\n")
    return run


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = keras_sweep()[:2]
    picture = new_output("display_data", {"image/png": PNG, "text/plain": "<Figure>"})
    runs[1].outputs.append(picture)
    folder = write_sweep(tmp_path_factory.mktemp("live") / "keras", runs)
    (folder / "secret.ipynb").write_text("{}")
    (folder.parent / "outside.ipynb").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def server(sweep: Path) -> Iterator[LiveServer]:
    with serve(sweep) as server:
        yield server


def test_the_server_listens_on_this_machine_only(server: LiveServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_port}/{server.token}/report.html"
    assert len(server.token) >= 32


@pytest.mark.parametrize(
    "path", ["/", "/report.html", "/wrong/report.html", "/wrong/data", "/TOKEN", "/TOKENx/data", "//"]
)
def test_without_the_token_nothing_is_told(path: str, server: LiveServer) -> None:
    status, content, _ = ask(server, path)
    assert status == 403
    assert content == b"The address lacks its token: copy all of it from the terminal.\n"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", ""])
def test_a_strangers_name_for_this_machine_is_refused(host: str, server: LiveServer) -> None:
    assert ask(server, "/TOKEN/data", Host=host.replace("PORT", str(server.server_port)))[0] == 403
    assert ask(server, "/TOKEN/data", Host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_nothing_but_get_is_answered(method: str, server: LiveServer) -> None:
    assert ask(server, "/TOKEN/data", method)[0] == 501


PRIVATE = [
    "ledger.jsonl",
    "results.csv",
    "secret.ipynb",
    "secret.html",
    "../outside.ipynb",
    "..%2foutside.ipynb",
    "%2e%2e/outside.ipynb",
    "pictures/../secret",
    "pictures/",
    "keras",
    "/etc/passwd",
]


@pytest.mark.parametrize("name", PRIVATE)
def test_only_the_page_its_data_and_the_runs_notebooks_are_served(name: str, server: LiveServer) -> None:
    assert ask(server, f"/TOKEN/{name}")[0] == 404


def test_a_notebook_that_leads_out_of_the_folder_is_not_served(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "keras", keras_sweep()[:1])
    [notebook] = folder.glob("*/keras.ipynb")
    notebook.rename(tmp_path / "elsewhere.ipynb")
    notebook.symlink_to(tmp_path / "elsewhere.ipynb")
    with serve(folder) as server:
        ask(server, "/TOKEN/data")
        assert ask(server, f"/TOKEN/{notebook.parent.name}/keras.ipynb")[0] == 404


def test_data_is_told_again_only_if_it_has_changed(server: LiveServer) -> None:
    status, content, headers = ask(server, "/TOKEN/data")
    assert status == 200
    assert json.loads(content)["statuses"] == ["ok", "ok"]
    status, content, _ = ask(server, "/TOKEN/data", If_None_Match=headers["ETag"])
    assert (status, content) == (304, b"")


def test_the_page_may_connect_to_its_server_only(server: LiveServer) -> None:
    _, page, headers = ask(server, "/TOKEN/report.html")
    assert b"connect-src &#39;self&#39;" in page or b"connect-src 'self'" in page
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


def test_notebooks_and_their_pictures_are_served(server: LiveServer) -> None:
    data = json.loads(ask(server, "/TOKEN/data")[1])
    status, page, _ = ask(server, f"/TOKEN/{data['pages'][1]}")
    assert status == 200
    assert b'<a href="../report.html">' in page
    status, notebook, headers = ask(server, f"/TOKEN/{data['notebooks'][1]}")
    assert json.loads(notebook)["nbformat"] == 4
    assert headers["Content-Disposition"] == "attachment"
    assert json.loads(ask(server, f"/TOKEN/pictures/{data['names'][1]}")[1]) == [PNG]


@pytest.fixture
def hurried(browser: Browser) -> Iterator[Browser]:
    """A browser in which a second or more passes in a tenth of the time: so a page soon asks for news again."""
    script = (
        "(wait => { window.setTimeout = (call, time, ...given) =>"
        " wait(call, time >= 1000 ? time / 10 : time, ...given) })(window.setTimeout.bind(window))"
    )
    added = browser.call("Page.addScriptToEvaluateOnNewDocument", source=script)
    yield browser
    browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])


def test_a_running_search_is_followed_without_losing_the_users_place(tmp_path: Path, hurried: Browser) -> None:
    samples = [*searched_sweep(48, 8)]
    folder = write_sweep(tmp_path / "keras", samples[:40], search=SEARCH, notebooks=False)
    ledger = open_ledger(folder, Mask())
    with serve(folder) as server:
        hurried.open(server.address, READY)
        hurried.evaluate("document.querySelectorAll('#runs input.choose')[3].click()")
        hurried.evaluate("document.querySelectorAll('#runs input.choose')[4].click()")
        hurried.evaluate("document.querySelector('.dt-paging-button.next').click()")
        hurried.evaluate("document.getElementById('runs-card').scrollIntoView()")
        place = hurried.evaluate("scrollY")
        run = begin_run(ledger, folder, 40, samples[40], steps=3)
        hurried.wait_until("document.querySelectorAll('#runs tbody tr').length === 16")
        assert read_column(hurried, "status")[-1] == "unfinished"
        curve = "Math.max(...document.getElementById('curves').data.filter((one) => one.customdata?.[0] === 40)"
        assert hurried.evaluate(f"{curve}.map((one) => one.x.length))") == 3
        ledger.write_end(run, Outcome(Status.OK, metrics={"val_accuracy": 0.99, "val_loss": 0.3}))
        hurried.wait_until("document.getElementById('best-value').innerText === '0.99'")
        assert read_column(hurried, "status")[-1] == "ok"
        assert "41 runs" in hurried.evaluate("document.getElementById('head').innerText")
        assert hurried.evaluate("document.getElementById('chosen-count').innerText") == "2 runs chosen"
        assert hurried.evaluate("[...document.querySelectorAll('#compare thead th')].length") == 2
        assert abs(hurried.evaluate("scrollY") - place) < 80
    ledger.close()
    hurried.wait_until("document.querySelector('#live.lost')")
    assert hurried.dialogs == []


def test_a_sweep_that_has_not_begun_is_waited_for(tmp_path: Path, hurried: Browser) -> None:
    folder = tmp_path / "keras"
    with serve(folder) as server:
        hurried.open(server.address, READY)
        assert "as soon as there are any" in hurried.evaluate("document.body.innerText")
        write_sweep(folder, keras_sweep()[:3], notebooks=False)
        hurried.wait_until("document.querySelectorAll('#runs tbody tr').length === 3")
    assert len(read_rows(hurried)) == 3


def test_a_column_that_appears_does_not_undo_the_users_order(tmp_path: Path, hurried: Browser) -> None:
    folder = write_sweep(tmp_path, [*searched_sweep(6, 8)], search=SEARCH, notebooks=False)
    ledger = open_ledger(folder, Mask())
    with serve(folder) as server:
        hurried.open(server.address, READY)
        search_for(hurried, "adam")
        hurried.wait_until("document.querySelectorAll('#runs tbody tr').length === 3")
        sample = SampleRun({"learning_rate": 0.01, "units": 16, "optimizer": "adam", "depth": 3}, None)
        run = begin_run(ledger, folder, 6, sample)
        ledger.write_end(run, Outcome(Status.OK, metrics={"val_accuracy": 0.5, "recall": 0.7}))
        hurried.wait_until("document.querySelectorAll('#runs tbody tr').length === 4")
        assert read_column(hurried, "recall")[-1] == "0.7"
    ledger.close()


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    status = cli.run_command(["report", *map(str, arguments), "--live"], debug=False)
    return status, capsys.readouterr().err


def test_what_live_cannot_do_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, err = call(capsys, "s3://bucket/keras")
    assert (status, err.count("\n")) == (2, 1)
    assert "give the address without --live" in err
    status, err = call(capsys, tmp_path, "-o", tmp_path / "x.html")
    assert (status, err.count("\n")) == (2, 1)
    assert "--live writes no file" in err
    (tmp_path / "ledger.jsonl").mkdir()
    status, err = call(capsys, tmp_path)
    assert (status, err.count("\n")) == (2, 1)
    assert "it is not a file" in err

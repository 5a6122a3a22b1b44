"""The shared cell that finds data: on the disk, on a real server on this machine, and in archives."""

import http.server
import io
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import read_notebook
from tests.test_table_lesson import need


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves what the server's ``pages`` hold: content, and the length that it claims to have."""

    def do_GET(self) -> None:
        pages, requests = self.server.pages, self.server.requests  # type: ignore[attr-defined]
        requests.append(self.path)
        content, length = pages.get(self.path, (b"", None))
        self.send_response(200 if length is not None else 404)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[SimpleNamespace]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.pages, server.requests = {}, []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield SimpleNamespace(
            address=f"http://127.0.0.1:{server.server_port}",
            pages=server.pages,  # type: ignore[attr-defined]
            requests=server.requests,  # type: ignore[attr-defined]
        )
        server.shutdown()
        thread.join()


@pytest.fixture
def cell(all_lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the cells define, with a cache and a working folder of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    names: dict[str, Any] = {"results_dir": tmp_path / "outputs", "__name__": "__main__"}
    for found in read_notebook(all_lessons / "notebooks/table.ipynb").cells:
        if found.id.startswith("data-") and found.cell_type == "code":
            exec(compile(found.source, found.id, "exec"), names)
    return SimpleNamespace(find=names["find_data"], error=names["DataError"], names=names, cache=names["data_cache"])


def refusal(cell: SimpleNamespace, address: str) -> str:
    with pytest.raises(cell.error) as caught:
        cell.find(address)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_and_a_folder_are_found_beside_the_notebook_and_in_results_dir(
    cell: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "work/a#b.csv").touch()
    (tmp_path / "outputs/photos/cats").mkdir(parents=True)
    assert cell.find("a#b.csv") == (tmp_path / "work/a#b.csv", "")
    assert cell.find("photos") == (tmp_path / "outputs/photos", "")
    assert cell.find("photos#cats") == (tmp_path / "outputs/photos/cats", "")


def test_drive_that_is_not_mounted_is_called_so(cell: SimpleNamespace) -> None:
    line = refusal(cell, "/content/drive/MyDrive/x.csv")
    assert line == "/content/drive/MyDrive/x.csv is on Google Drive, which is not mounted: set use_drive = True."


def test_a_download_is_kept(cell: SimpleNamespace, server: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    server.pages["/data/my%20table.csv?x=1"] = (b"a,b\n1,2\n", 8)
    address = f"{server.address}/data/my%20table.csv?x=1"
    for _ in range(2):
        path, part = cell.find(f"{address}#part")
        assert (path.name, path.read_bytes(), part) == ("my_table.csv", b"a,b\n1,2\n", "part")
    assert len(server.requests) == 1
    assert "Downloaded before." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "length", "reason"),
    [
        (b"half", 9000, "broke off. Run this cell again."),
        (b"", None, "cannot be downloaded: HTTP Error 404: Not Found"),
        (b"<!DOCTYPE html><html>Sign in</html>", 35, "is a web page, not data."),
        (b"", 10**15, "needs 1,000,000.0 GB on the disk"),
    ],
)
def test_a_download_that_is_of_no_use_is_not_kept(
    cell: SimpleNamespace, server: SimpleNamespace, content: bytes, length: int | None, reason: str
) -> None:
    server.pages["/x.csv"] = (content, length)
    assert reason.rstrip(".") in refusal(cell, f"{server.address}/x.csv")
    assert list(cell.cache.iterdir()) == []


def test_a_server_that_is_not_there_is_named(cell: SimpleNamespace) -> None:
    assert refusal(cell, "http://127.0.0.1:9/x.csv").startswith("http://127.0.0.1:9/x.csv cannot be downloaded: ")


def test_a_page_of_github_or_google_sheets_leads_to_its_file(
    cell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(request: Any, **options: Any) -> None:
        asked.append(request.full_url)
        raise OSError("no network in this test")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    refusal(cell, "https://github.com/ada/data/blob/main/a/b.csv")
    refusal(cell, "https://docs.google.com/spreadsheets/d/1abc/edit?usp=sharing")
    assert asked == [
        "https://raw.githubusercontent.com/ada/data/main/a/b.csv",
        "https://docs.google.com/spreadsheets/d/1abc/export?format=xlsx",
    ]


def write_zip(path: Path, **files: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def write_tar(path: Path, mode: Any, **files: str) -> None:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))


def test_a_zip_a_tar_and_a_7z_are_unpacked_once(cell: SimpleNamespace, tmp_path: Path) -> None:
    files = {"pets/cats/1.txt": "miau", "pets/dogs/1.txt": "wau"}
    write_zip(tmp_path / "work/pets.zip", **files)
    write_tar(tmp_path / "work/pets.tar", "w", **files)
    write_tar(tmp_path / "work/pets.tgz", "w:gz", **files)
    for name in ("pets.zip", "pets.tar", "pets.tgz"):
        found, _ = cell.find(name)
        assert sorted(path.name for path in found.iterdir()) == ["cats", "dogs"]
        assert (found / "cats/1.txt").read_text() == "miau"
        (found / "cats/2.txt").touch()
        assert (cell.find(name)[0] / "cats/2.txt").exists()
    assert [path for path in cell.cache.iterdir() if path.name.startswith("tmp")] == []


def test_a_7z_is_unpacked(cell: SimpleNamespace, tmp_path: Path) -> None:
    need("py7zr")
    import py7zr

    with py7zr.SevenZipFile(tmp_path / "work/pets.7z", "w") as archive:
        archive.writestr("miau", "pets/cats/1.txt")
        archive.writestr("wau", "pets/dogs/1.txt")
    assert sorted(path.name for path in cell.find("pets.7z")[0].iterdir()) == ["cats", "dogs"]
    (tmp_path / "work/half.7z").write_bytes((tmp_path / "work/pets.7z").read_bytes()[:60])
    assert "half.7z cannot be unpacked" in refusal(cell, "half.7z")


def test_without_py7zr_a_7z_is_answered_with_its_installation(
    cell: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "py7zr", None)
    (tmp_path / "work/x.7z").write_bytes(b"7z\xbc\xaf\x27\x1c rest")
    assert refusal(cell, "x.7z") == "x.7z: for 7z, run %pip install py7zr, then this cell again."


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/tmp/evil.txt", "C:/evil.txt"])
def test_a_name_that_points_out_of_the_folder_is_refused(cell: SimpleNamespace, tmp_path: Path, name: str) -> None:
    write_zip(tmp_path / "work/evil.zip", **{"good.txt": "x", name: "y"})
    write_tar(tmp_path / "work/evil.tar", "w", **{"good.txt": "x", name: "y"})
    for archive in ("evil.zip", "evil.tar"):
        line = refusal(cell, archive)
        assert line == f"{archive} cannot be unpacked: {name!r} in it points out of its folder"
    assert list(tmp_path.rglob("evil.txt")) == []
    assert list(cell.cache.iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_a_link_out_of_the_folder_and_a_device_are_refused(cell: SimpleNamespace, tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "work/link.tar", "w") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "../../../etc"
        archive.addfile(member)
        inside = tarfile.TarInfo("link/passwd")
        archive.addfile(inside)
    assert refusal(cell, "link.tar").startswith("link.tar cannot be unpacked: ")
    assert list(cell.cache.iterdir()) == []


def test_a_damaged_archive_is_refused(cell: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "work/x.zip"
    write_zip(path, **{"a.txt": "letters" * 50})
    path.write_bytes(path.read_bytes().replace(b"lettersletters", b"LETTERSletters", 1))
    assert refusal(cell, "x.zip").startswith("x.zip cannot be unpacked: Bad CRC-32")


def test_an_archive_that_needs_more_than_the_disk_has_is_refused(cell: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "work/bomb.zip"
    write_zip(path, **{"a.txt": "x"})
    huge = (2**32 - 2).to_bytes(4, "little")
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 24 : start + 28] = huge
    path.write_bytes(content)
    cell.names["shutil"] = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=10**9), rmtree=None)
    assert "needs 4.3 GB on the disk, and 1.0 GB are free" in refusal(cell, "bomb.zip")


def test_chinese_names_from_windows_are_right(cell: SimpleNamespace, tmp_path: Path) -> None:
    class OldName(zipfile.ZipInfo):
        def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
            return self.filename.encode("gbk"), 0

    with zipfile.ZipFile(tmp_path / "work/pets.zip", "w") as archive:
        archive.writestr(OldName("猫/一.txt"), "x")
        archive.writestr(OldName("狗/二.txt"), "y")
    found, _ = cell.find("pets.zip")
    assert {path.name for path in found.iterdir()} == {"猫", "狗"}


def test_an_archive_with_one_file_is_that_file(cell: SimpleNamespace, tmp_path: Path) -> None:
    write_zip(tmp_path / "work/x.zip", **{"deep/down/table.csv": "a,b", "__MACOSX/deep/._table.csv": "junk"})
    assert cell.find("x.zip")[0].name == "table.csv"


def test_kaggle_is_asked_through_kagglehub_and_its_refusal_is_one_line(
    cell: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for kagglehub: the real one would need Kaggle's machines."""

    def download(name: str) -> str:
        if name == "ada/data":
            return str(tmp_path)
        raise RuntimeError("403 Client Error.\nYou don't have permission.")

    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=download))
    assert cell.find("kaggle:ada/data") == (tmp_path, "")
    assert refusal(cell, "kaggle:ada/other") == "kaggle:ada/other cannot be downloaded: 403 Client Error."
    assert "write kaggle:owner/name" in refusal(cell, "kaggle:ada")
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    assert "%pip install kagglehub" in refusal(cell, "kaggle:ada/data")

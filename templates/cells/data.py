# %% [markdown] id="text"
# ## The data
#
# The parameter `data` says where they are: a file or a folder (on this machine, or on Drive: `/content/drive/MyDrive/…`),
# an address (`https://…`), or `kaggle:owner/name`. Archives (zip, tar, 7z) are unpacked.
# After a `#` you may say which part you mean: `scores.xlsx#Sheet2`, `archive.zip#folder/file.csv`. If `data` is empty, there is an example.

# %% id="find" cellView="form"
# @title Find the data: on the disk, on the web, on Kaggle
import difflib
import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

data_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "notebook-data"


class DataError(ValueError):
    """What is wrong with the data, and what to do. Jupyter shows this line, without a traceback."""

    def _render_traceback_(self):
        return [f"DataError: {self}"]


def cached(*marks):
    """The place in the cache for what is known by these marks."""
    data_cache.mkdir(parents=True, exist_ok=True)
    return data_cache / hashlib.sha256(repr(marks).encode()).hexdigest()[:16]


def check_room(size, what):
    free = shutil.disk_usage(data_cache).free
    if size > 0.9 * free:
        raise DataError(f"{what} needs {size / 1e9:,.1f} GB on the disk, and {free / 1e9:,.1f} GB are free.")


def is_web_page(path):
    with open(path, "rb") as file:
        return file.read(512).lstrip().lower().startswith((b"<!doctype html", b"<html"))


def download(address):
    """The file behind a web address, downloaded once. Links to GitHub's and Google Sheets' pages become the file's own."""
    address = re.sub(r"^https://github\.com/([^/]+/[^/]+)/blob/", r"https://raw.githubusercontent.com/\1/", address)
    address = re.sub(r"(//docs\.google\.com/spreadsheets/d/[^/]+)/edit.*", r"\1/export?format=xlsx", address)
    folder = cached(address)
    for path in folder.glob("*"):
        print(f"Downloaded before. To download it again, delete {path}")
        return path
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer, open(unfinished, "wb") as file:
            size = int(answer.headers.get("Content-Length") or 0)
            check_room(size, address)
            shutil.copyfileobj(answer, file, 1 << 20)
            name = answer.headers.get_filename() or urllib.parse.unquote(urllib.parse.urlsplit(answer.url).path)
        if size and unfinished.stat().st_size != size:
            raise DataError(f"The download of {address} broke off. Run this cell again.")
        if is_web_page(unfinished):
            raise DataError(f"{address} is a web page, not data. Look there for the address of the file itself.")
        folder.mkdir(exist_ok=True)
        return unfinished.replace(folder / (re.sub(r"[^\w.-]", "_", name.rpartition("/")[2])[-80:] or "data"))
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, DataError):
            raise
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise DataError(f"{address} cannot be downloaded: {error}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def download_from_kaggle(name):
    """The folder of a data set on Kaggle, which kagglehub keeps in a cache of its own."""
    if not re.fullmatch(r"[\w-]+/[\w-]+(/versions/\d+)?", name):
        raise DataError(f"kaggle:{name} is no data set: write kaggle:owner/name, as in its address on kaggle.com.")
    try:
        import kagglehub

        return Path(kagglehub.dataset_download(name))
    except ImportError:
        raise DataError("For Kaggle's data, run %pip install kagglehub, then this cell again.") from None
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"kaggle:{name} cannot be downloaded: {reason}") from None


def find_on_disk(name):
    """A file or folder: beside the notebook, in results_dir, on Drive, or in Kaggle's /kaggle/input."""
    folders = [Path.cwd(), results_dir, Path("/content/drive/MyDrive"), Path("/kaggle/input")]
    for path in [folder / Path(name).expanduser() for folder in folders]:
        if path.exists():
            return path.resolve()
    path = Path.cwd() / Path(name).expanduser()
    if path.is_relative_to("/content/drive") and not Path("/content/drive/MyDrive").exists():
        raise DataError(f"{name} is on Google Drive, which is not mounted: set use_drive = True.")
    folder = next(parent for parent in path.parents if parent.is_dir())
    names = sorted(file.name for file in folder.iterdir())
    near = difflib.get_close_matches(path.name, names) or names[:5]
    raise DataError(f"{name} is not there. In {folder} there is {', '.join(near) or 'nothing'}.")


# %% id="unpack" cellView="form"
# @title Unpack archives, never outside of their folder
import tarfile
import tempfile
import zipfile


def is_archive(path):
    """Is it a zip, tar or 7z? Excel's files are zips too, but no archives."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return not {"[Content_Types].xml", "mimetype"} & set(archive.namelist())
    try:
        with open(path, "rb") as file:
            return file.read(6) == b"7z\xbc\xaf\x27\x1c" or tarfile.is_tarfile(path)
    except EOFError:  # a compressed file that is cut off
        return False


def open_archive(path):
    """An open archive, and the size of each member by its name."""
    if zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path, metadata_encoding=find_zip_encoding(path))
        return archive, {member.filename: member.file_size for member in archive.infolist()}
    if tarfile.is_tarfile(path):
        archive = tarfile.open(path)
        archive.extraction_filter = tarfile.data_filter
        return archive, {member.name: member.size for member in archive.getmembers()}
    import py7zr

    archive = py7zr.SevenZipFile(path)
    return archive, {member.filename: member.uncompressed for member in archive.list()}


def find_zip_encoding(path):
    """The encoding of the names in a zip: those packed on a Chinese Windows do not say that it is GBK."""
    with zipfile.ZipFile(path) as archive:
        names = [member.filename for member in archive.infolist() if not member.flag_bits & 0x800]
    for encoding in ("utf-8", "gbk"):
        try:
            "\n".join(names).encode("cp437").decode(encoding)
            return encoding
        except UnicodeError:
            pass
    return "cp437"


def unpack(path):
    """The folder with an archive's contents, unpacked once; a name that points out of the folder is refused."""
    folder = cached(str(path), path.stat().st_size, path.stat().st_mtime_ns)
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=data_cache) as unfinished:
        contents = Path(unfinished, "contents")
        contents.mkdir()
        try:
            archive, sizes = open_archive(path)
            with archive:
                for name in sizes:
                    if not (contents / name).resolve().is_relative_to(contents.resolve()) or ":" in name[:2]:
                        raise ValueError(f"{name!r} in it points out of its folder")
                check_room(sum(sizes.values()), f"Unpacking {path.name}")
                archive.extractall(contents)
        except ImportError:
            raise DataError(f"{path.name}: for 7z, run %pip install py7zr, then this cell again.") from None
        except Exception as error:  # each format has errors of its own
            raise DataError(f"{path.name} cannot be unpacked: {error or type(error).__name__}") from None
        shutil.rmtree(contents / "__MACOSX", ignore_errors=True)
        if not folder.is_dir():  # another notebook may have been quicker
            contents.rename(folder)
    return folder


def find_data(address):
    """The file or folder that an address means, on this machine, and what follows a "#" in it (or "")."""
    address = address if Path(address).exists() else address.strip().strip("\"'")  # Windows copies a path with quotes
    place, _, part = (address, "", "") if Path(address).exists() else address.partition("#")
    if re.match(r"https?://", place):
        path = download(place)
    elif place.startswith("kaggle:"):
        path = download_from_kaggle(place.removeprefix("kaggle:"))
    else:
        path = find_on_disk(place)
    for _ in range(3):  # there may be an archive in an archive
        if not (path.is_file() and is_archive(path)):
            break
        path = unpack(path)
        inside = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        while len(inside) == 1 and path.is_dir() and not (part and (path / part).exists()):
            path = inside[0]
            inside = [entry for entry in path.iterdir() if not entry.name.startswith(".")] if path.is_dir() else []
    if path.is_dir() and part:
        inner, _, part = part.partition("#")
        if not (path / inner).exists():
            raise DataError(f"{inner} is not in {place}. There is {', '.join(sorted(os.listdir(path))[:10])}.")
        path = path / inner
    print("Data:", path)
    return path, part

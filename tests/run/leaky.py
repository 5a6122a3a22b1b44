"""A notebook that lets out twenty secrets in every way, and the search for them in all that is left of its sweep."""

import random
import string
from collections.abc import Iterable, Mapping
from pathlib import Path

import nbformat
from nbformat import v4

_random = random.Random(11)


def _make_core() -> str:
    """What no way of quoting changes, so that it can be searched for."""
    return "".join(_random.choices(string.ascii_letters + string.digits, k=24))


CORES = [_make_core() for _ in range(24)]
"""Each is the inmost part of one secret; the lines of one with several lines have one each."""
_1, _2, _3 = CORES[16:19]

ENVIRONMENT = {
    "PLAIN_TOKEN": CORES[0],
    "GH_PAT": CORES[1],
    "QUOTED_PASSWORD": f'it\'s "{CORES[2]}"',
    "BACKSLASH_SECRET": f"C:\\new\\{CORES[3]}\\t",
    "UMLAUT_PASSPHRASE": f"grün {CORES[4]} 漢字",
    "MARKUP_API_KEY": f"<b>&{CORES[5]}</b>",
    "ADDRESS_KEY": f"a/b+c={CORES[6]}==",
    "SPACES_SECRET": f"two  spaces\t{CORES[7]}",
    "DATABASE_URL": f"postgres://me:p%40{CORES[8]}@localhost:5432/db",
    "BROKER": f"amqp://guest:{CORES[9]}@localhost",
    "AZURE_CONNECTION": f"AccountName=me;AccountKey={CORES[10]}==;Suffix=x",
    "INDEX": f"https://ghp_{CORES[11]}{CORES[11]}@example.org/simple",
    "SERVICE_CREDENTIALS": f'{{"type": "service", "private_key": "{CORES[12]}"}}',
    "NPM_AUTH": CORES[13],
    "SMTP_PASS": CORES[14],
    "ANY_NAME": f"hf_{CORES[15]}",
    "PEM_PRIVATE_KEY": f"-----BEGIN-----\n{_1}\n{_2}\n{_3}\n-----END-----\n",
    "DIGITS_TOKEN": CORES[19],
    "OPTION": CORES[20],
    "IMPORT_TOKEN": CORES[21],
    "LOGGED_TOKEN": CORES[22],
}
PARAMETER = CORES[23]
"""The value of a parameter that is called api_key, and is in no variable."""

MODULE = """\
import os, sys
print("imported with", os.environ["IMPORT_TOKEN"])
print("imported with", os.environ["PEM_PRIVATE_KEY"], file=sys.stderr)
os.write(2, os.environ["LOGGED_TOKEN"][:9].encode())
os.write(2, os.environ["LOGGED_TOKEN"][9:].encode() + b" is whole\\n")
"""
BROKEN_MODULE = """\
import os
raise RuntimeError("no access with " + os.environ["PLAIN_TOKEN"])
"""
_GATHER = f"""\
import html, json, os, sys, time
from urllib.parse import quote, quote_plus, unquote, urlsplit
from IPython.display import HTML, JSON, display
names = {[name for name in ENVIRONMENT if name not in ("AZURE_CONNECTION", "INDEX", "SERVICE_CREDENTIALS")]!r}
secrets = [os.environ[name] for name in names]
secrets += [os.environ["AZURE_CONNECTION"].split("AccountKey=")[1].split(";")[0]]
secrets += [json.loads(os.environ["SERVICE_CREDENTIALS"])["private_key"], urlsplit(os.environ["INDEX"]).username]
secrets += [urlsplit(os.environ[name]).password for name in ("DATABASE_URL", "BROKER")]
secrets += [unquote(urlsplit(os.environ["DATABASE_URL"]).password), api_key]
def log(text):
    os.write(sys.stdout._original_stdstream_copy, text.encode())"""
_IMPORT = """\
import leaky_module"""
_FAIL_TO_IMPORT = """\
import leaky_broken"""
_SHOW = """\
for secret in secrets:
    for written in (secret, repr(secret), [secret], repr([repr(secret)]), secret.encode()):
        print("plain", written, json.dumps({secret: secret}))
    print(json.dumps(secret, ensure_ascii=False), html.escape(secret), quote(secret), quote(secret, safe=""))
    print(quote_plus(secret), ascii(secret), f"https://me:{quote(secret)}@example.org", file=sys.stderr)
    print(f"coloured \\x1b[31m{secret[:7]}\\x1b[0m{secret[7:]}")
    for part in (secret[:5], secret[5:11], secret[11:]):
        print(part, end="", flush=True)
        time.sleep(0.001)
    print()
    display(HTML(f"<i title='{html.escape(secret)}'>{html.escape(secret)}</i>"), JSON({"deep": [secret]}), {secret: 1})
    scrap = {"name": f"metric {secret}", "data": {"said": secret}, "encoder": "json"}
    display({"application/scrapbook.scrap.json+json": scrap}, raw=True)"""
_END = """\
log("".join(f"log {secret} " for secret in secrets) + "\\n")
for secret in secrets:
    for part in (secret[:6], secret[6:12], secret[12:]):
        log(part)
    log("\\n")
log(f"the last words: {secrets[0]}\\n")
if how == "fails":
    raise ValueError("x" * 150 + "".join(f" {secret}" for secret in secrets))
if how == "cause":
    raise KeyError("y" * 180 + secrets[0])
if how == "dies":
    os._exit(3)
if how == "worker":
    time.sleep(0.5)
    os.kill(os.getppid(), 9)
    time.sleep(60)
import atexit
atexit.register(lambda: os.write(2, "".join(f"exit {secret}\\n" for secret in secrets).encode()))"""
WAYS = ("ends", "fails", "cause", "dies", "worker")


def write_notebook(folder: Path) -> None:
    """``leaky.ipynb``, and in ``lib``, which must be on the path, the modules that it imports."""
    (folder / "lib").mkdir()
    (folder / "lib/leaky_module.py").write_text(MODULE)
    (folder / "lib/leaky_broken.py").write_text(BROKEN_MODULE)
    tagged = v4.new_code_cell("how = ''\napi_key = ''\ntexts = None", metadata={"tags": ["parameters"]})
    broken = v4.new_code_cell(_FAIL_TO_IMPORT, metadata={"tags": ["raises-exception"]})
    cells = [tagged, v4.new_code_cell(_IMPORT), broken, *map(v4.new_code_cell, (_GATHER, _SHOW, _END))]
    nbformat.write(v4.new_notebook(cells=cells), folder / "leaky.ipynb")


def options() -> list[str]:
    """What follows ``colab-starter run leaky.ipynb``: five runs."""
    texts = f'texts=["{CORES[0]}", "<{CORES[1]}>", "{ENVIRONMENT["UMLAUT_PASSPHRASE"]}"]'
    parameters = [f"how={','.join(WAYS)}", f"api_key={PARAMETER}", texts]
    return [part for parameter in parameters for part in ("-p", parameter)] + ["--secret", "OPTION"]


def find_leaks(contents: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Which secret stands in which of the contents."""
    return [(name, core) for name, content in contents.items() for core in CORES if core.encode() in content]


def read_all(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def count_masks(contents: Iterable[bytes]) -> int:
    return sum(content.count(b"***") for content in contents)

"""A real browser to look at pages with: Chromium without a window, spoken to over its DevTools pipe."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOMAINS = ("Page", "Runtime", "Network", "Log")
PATIENCE = 120
"""Seconds for an answer or for a page to be as it should."""

PUT_PIPE = """
import fcntl, os, sys
reads, writes = (fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3])
os.dup2(reads, 3)
os.dup2(writes, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""

DRAWN = "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
"""A click before a frame has been drawn for the first time is lost."""

Message = dict[str, Any]


def find_browser() -> str | None:
    """The program, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(Exception):
    """The browser answered with an error, or a script in the page failed."""


class Browser:
    """One page of a browser, and what happened in it: requests, dialogs, errors."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to_browser, self._from_browser = to_browser, from_browser
        self._unread = b""
        self._number = 0
        self._session: str | None = None
        self._requests: dict[str, str] = {}
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        """What the console has of errors, and exceptions that nothing caught."""
        self._frame: str | None = None
        """Session of the page's sandboxed frame, which is a process of its own."""
        self.open_tab()

    def open_tab(self) -> None:
        """Look from now on at another, empty page, before all others; those stay as they are."""
        self._session = self._frame = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        for domain in DOMAINS:
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Message:
        """Call a method of the DevTools protocol. Raises BrowserError."""
        answer = self._wait_for_answer(self._send(method, self._session, parameters))
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result: Message = answer["result"]
        return result

    def post(self, method: str, **parameters: Any) -> None:
        """Call a method, and do not wait for its answer."""
        self._send(method, self._session, parameters)

    def _send(self, method: str, session: str | None, parameters: Message) -> int:
        self._number += 1
        message: Message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to_browser, json.dumps(message).encode() + b"\0")
        return self._number

    def forget(self) -> None:
        """Forget what happened so far."""
        self._requests.clear()
        self.dialogs.clear()
        self.errors.clear()

    @property
    def requests(self) -> list[str]:
        """Addresses that were asked for, but for those inside the page (data:, blob:) and those its policy forbade."""
        return [*self._requests.values()]

    def wait_for_requests(self, expected: list[str]) -> None:
        """Wait until exactly these were asked for; raises TimeoutError. A request shows up before its refusal does."""
        deadline = time.monotonic() + PATIENCE
        while self.requests != expected:
            if time.monotonic() > deadline:
                raise TimeoutError(f"asked for {self.requests}, not {expected}")
            self.evaluate("0")
            time.sleep(0.02)

    def find_pages(self) -> list[str]:
        """The addresses of all pages and windows that are open in the browser."""
        return [target["url"] for target in self.call("Target.getTargets")["targetInfos"]]

    def _wait_for_answer(self, number: int) -> Message:
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self._read_message(deadline)
            if message.get("id") == number:
                return message
            self._note_event(message)

    def _read_message(self, deadline: float) -> Message:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from_browser], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            self._unread += os.read(self._from_browser, 1 << 20)
        line, self._unread = self._unread.split(b"\0", 1)
        message: Message = json.loads(line)
        return message

    def _note_event(self, message: Message) -> None:
        method, values = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            address = values["request"]["url"]
            if not address.startswith(("data:", "blob:")):
                self._requests[values["requestId"]] = address
        elif method == "Network.loadingFailed" and values.get("blockedReason") == "csp":
            self._requests.pop(values["requestId"], None)
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(values["message"])
            self._send("Page.handleJavaScriptDialog", message["sessionId"], {"accept": True})
        elif method == "Target.attachedToTarget" and values["targetInfo"]["type"] == "iframe":
            self._watch_frame(values["sessionId"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(values["exceptionDetails"].get("exception", values)))
        elif method == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.errors.append(f"{values['entry']['text']} {values['entry'].get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and values["type"] in ("error", "assert"):
            self.errors.append(str([value.get("value", value.get("description")) for value in values["args"]]))

    def _watch_frame(self, session: str) -> None:
        self._frame = session
        for domain in DOMAINS:
            self._send(f"{domain}.enable", session, {})
        self._send("Runtime.runIfWaitingForDebugger", session, {})

    def open(self, page: Path | str, ready: str = "document.readyState === 'complete'") -> None:
        """Go to the page, a file or an address, and wait until the JavaScript expression ``ready`` is true."""
        self._frame = None
        address = page if isinstance(page, str) else page.resolve().as_uri()
        answer = self.call("Page.navigate", url=address)
        if "errorText" in answer:
            raise BrowserError(f"{page}: {answer['errorText']}")
        self.wait_until(f"location.href !== 'about:blank' && ({ready})")

    def evaluate(self, script: str, *, in_frame: bool = False) -> Any:
        """The value of a JavaScript expression, in the page or in its sandboxed frame. Raises BrowserError.

        A promise is waited for.
        """
        session = self._frame if in_frame else self._session
        if session is None:
            return None  # the frame is not there yet
        parameters = {"expression": script, "returnByValue": True, "awaitPromise": True}
        answer = self._wait_for_answer(self._send("Runtime.evaluate", session, parameters)).get("result", {})
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"].get("exception", {}).get("description", answer)))
        return answer.get("result", {}).get("value")

    def wait_until(self, condition: str, *, in_frame: bool = False) -> None:
        """Wait until the JavaScript expression is true; raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE
        while not self.evaluate(f"Boolean({condition})", in_frame=in_frame):
            if time.monotonic() > deadline:
                raise TimeoutError(f"never came true: {condition}; errors: {self.errors}")
            time.sleep(0.02)

    def start_counting(self) -> None:
        """Count from now on how often each function of the pages' own scripts is called."""
        self.call("Profiler.enable")
        self.call("Profiler.startPreciseCoverage", callCount=True, detailed=False)

    def count_calls(self) -> Counter[str]:
        """The calls since ``start_counting`` by the functions' names, of scripts that stand in a page."""
        scripts = self.call("Profiler.takePreciseCoverage")["result"]
        self.call("Profiler.disable")
        calls: Counter[str] = Counter()
        for function in (one for script in scripts if script["url"].startswith("file:") for one in script["functions"]):
            calls[function["functionName"]] += function["ranges"][0]["count"]
        return calls

    def click(self, x: int, y: int) -> None:
        """With the mouse, at a place of the window, as a user does: on what has been drawn."""
        for in_frame in (False, True):
            self.evaluate(DRAWN, in_frame=in_frame)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def emulate(self, *, dark: bool = False, width: int = 1280, height: int = 900, printing: bool = False) -> None:
        """Be a screen of that size, in the light or in the dark, or a printer."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme], media="print" if printing else "")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser of its own; it and its profile are gone at the end."""
    program = find_browser()
    if program is None:
        raise BrowserError("no Chromium here")
    profile = tempfile.mkdtemp(prefix="chromium-")
    (browser_reads, we_write), (we_read, browser_writes) = os.pipe(), os.pipe()
    process = _start(program, profile, browser_reads, browser_writes)
    os.close(browser_reads)
    os.close(browser_writes)
    try:
        yield Browser(we_write, we_read)
    finally:
        os.close(we_write)
        os.close(we_read)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)


def _start(program: str, profile: str, reads: int, writes: int) -> "subprocess.Popen[bytes]":
    """Start Chromium, whose ends of the pipe must be descriptors 3 and 4."""
    switches = [
        "--headless",
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        "--disable-gpu-compositing",  # no GPU here, and what stands in for one draws plain pages at thrice the price
        "--disable-gpu-rasterization",
        "--disable-sync",
        "--no-first-run",
        "--use-gl=angle",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--remote-debugging-pipe",
        f"--user-data-dir={profile}",
    ]
    return subprocess.Popen(
        [sys.executable, "-c", PUT_PIPE, str(reads), str(writes), program, *switches],
        pass_fds=(reads, writes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

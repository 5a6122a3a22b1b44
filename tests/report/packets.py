"""``python -m tests.report.packets PAGE...``: opens pages in a network where every packet is seen, and uses them.

Run it as root in a network namespace of its own. Prints, as JSON, what each page sent to the stranger: to an address
of 198.51.100.0/24 (which nobody has), or a question for a name with ``stranger`` in it.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.report.browser import Browser, open_browser

NETWORK = bytes([198, 51, 100])
NAME = b"stranger"
WAIT = 0.5
"""Seconds for a page to do what it does by itself; a connection is opened within milliseconds."""
_CABLE = """
link set lo up
link add cable type veth peer name end
addr add 10.99.0.1/24 dev cable
link set cable up
link set end up
neigh add 10.99.0.2 lladdr 02:00:00:00:00:01 dev cable
route add default via 10.99.0.2 dev cable
"""


class Wire:
    """The only way out of this network, to where nobody answers."""

    def __init__(self) -> None:
        for line in _CABLE.strip().splitlines():
            subprocess.run(["ip", *line.split()], check=True)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.bind(("cable", 0))
        self._sent: set[str] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            frame = self._socket.recv(65_535)
            is_ip, header = frame[12:14] == b"\x08\x00", (frame[14] & 15) * 4
            target = frame[30:34]
            if is_ip and (target.startswith(NETWORK) or NAME in frame):
                protocol = {1: "ICMP", 6: "TCP", 17: "UDP"}.get(frame[23], str(frame[23]))
                port = int.from_bytes(frame[14 + header + 2 : 14 + header + 4], "big")
                self._sent.add(f"{protocol} {'.'.join(map(str, target))}:{port}")

    def take(self) -> list[str]:
        """What was sent to the stranger since the last call."""
        sent, self._sent = sorted(self._sent), set()
        return sent


def use(browser: Browser, page: Path, *, is_guarded: bool) -> None:
    """Open the page, and click here and there. Who is let go away may never answer, and is not waited for."""
    if is_guarded:
        browser.open(page)
        browser.wait_until("document.body && document.body.lastElementChild", in_frame=True)
    else:
        browser.post("Page.navigate", url=page.resolve().as_uri())
        time.sleep(4 * WAIT)
    for x, y in ((200, 150), (400, 300), (600, 500)):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            browser.post("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
            time.sleep(WAIT / 5)
        browser.post("Runtime.evaluate", expression="document.querySelector('dialog[open] button')?.click()")
    time.sleep(2 * WAIT)


def main() -> None:
    """A guarded page is used after another in one browser, any other in one of its own, which may hang with it."""
    wire = Wire()
    found: dict[str, list[str]] = {}
    pages = list(map(Path, sys.argv[1:]))
    groups = [[page for page in pages if page.name == "lesson.html"]]
    groups += [[page] for page in pages if page.name != "lesson.html"]
    for group in groups:
        with open_browser() as browser:
            wire.take()
            for page in group:
                use(browser, page, is_guarded=page.name == "lesson.html")
                found[page.parent.name] = wire.take()
    print(json.dumps(found))


if __name__ == "__main__":
    main()

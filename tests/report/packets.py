"""``python -m tests.report.packets PAGE...``: opens pages in a network where every packet is seen, and uses them.

Run it as root in a network namespace of its own. The Nth page's stranger is 198.51.100.N (which nobody has) and the
names with ``strangerN`` in them. Prints, as JSON, what each page sent to its stranger, by N. Pages whose names begin
with ``bare`` are let go away, and are to send something; the others stay.
"""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

from tests.report.browser import DRAWN, PATIENCE, Browser, open_browser

NETWORK = bytes([198, 51, 100])
NAME = re.compile(rb"stranger(\d+)")
WAIT = 1.5
"""Seconds for the last page to do what it does by itself; a connection is opened within milliseconds."""
PLACES = ((200, 150), (400, 300), (600, 500))
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
        self._sent: defaultdict[int, set[str]] = defaultdict(set)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            frame = self._socket.recv(65_535)
            is_ip, header = frame[12:14] == b"\x08\x00", (frame[14] & 15) * 4
            target = frame[30:34]
            strangers = {int(number) for number in NAME.findall(frame)}
            if target.startswith(NETWORK):
                strangers.add(target[3])
            if is_ip:
                protocol = {1: "ICMP", 6: "TCP", 17: "UDP"}.get(frame[23], str(frame[23]))
                port = int.from_bytes(frame[14 + header + 2 : 14 + header + 4], "big")
                for number in strangers:
                    self._sent[number].add(f"{protocol} {'.'.join(map(str, target))}:{port}")

    def read(self, number: int) -> list[str]:
        """What was sent to a page's stranger so far."""
        return sorted(self._sent[number])


def use(browser: Browser, page: Path) -> None:
    """Open the page in a tab of its own, and click here and there: all that it does afterwards is seen on the wire."""
    browser.open_tab()
    browser.open(page)
    browser.wait_until("document.body && document.body.lastElementChild", in_frame=True)
    for x, y in PLACES:
        browser.click(x, y)
        browser.evaluate(f"{DRAWN}.then(() => document.querySelector('dialog[open] button')?.click())")


def let_go(browser: Browser, page: Path, wire: Wire, number: int) -> None:
    """Open and click a page in a tab of its own until it has sent something: it may never answer, as it goes away."""
    browser.open_tab()
    browser.post("Page.navigate", url=page.resolve().as_uri())
    deadline = time.monotonic() + PATIENCE
    while not wire.read(number) and time.monotonic() < deadline:
        for x, y in PLACES:
            for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
                browser.post("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
        time.sleep(0.1)


def main() -> None:
    """All pages stay open in one browser to the end."""
    wire = Wire()
    pages = dict(enumerate(map(Path, sys.argv[1:]), 1))
    with open_browser() as browser:
        for number, page in pages.items():
            if page.name.startswith("bare"):
                let_go(browser, page, wire, number)
            else:
                use(browser, page)
        time.sleep(WAIT)
    print(json.dumps({number: wire.read(number) for number in pages}))


if __name__ == "__main__":
    main()

"""What pages of notebooks send into the network: nothing, counted on the wire of a network of their own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.report.browser import find_browser
from tests.report.test_notebooks import FIGURE, make_output, make_page

_CONNECT = """\
const link = new RTCPeerConnection({iceServers: [{urls: "stun:198.51.100.7:3478"}]});
link.createDataChannel("x");
link.createOffer().then(offer => link.setLocalDescription(offer));"""
ATTACKS = {
    "webrtc": f"<script>{_CONNECT}</script>",
    "webrtc in a frame": f"<iframe srcdoc='<script>{_CONNECT}</script>'></iframe>",
    "preconnect": "<link rel=preconnect href=http://198.51.100.7/><link rel=dns-prefetch href=//told.stranger7.test/>",
    "preconnect in svg": "<svg><foreignObject><link xmlns='x' rel=preconnect href=http://198.51.100.7/></svg>",
    "preconnect in a template": "<div><template shadowrootmode=open><link rel=preconnect href=http://198.51.100.7/>"
    "<a href=http://198.51.100.7/ style='position:fixed;inset:0'>.</a></template></div>",
    "script that preconnects": "<script>for (const rel of ['preconnect', 'dns-prefetch', 'prefetch', 'prerender']) {"
    "const link = document.createElement('link'); link.rel = rel; link.href = 'http://198.51.100.7/';"
    "document.head.append(link) }</script>",
    "rules": '<script type=speculationrules>{"prefetch": [{"source": "list", "urls": ["http://198.51.100.7/"]}],'
    '"prerender": [{"source": "list", "urls": ["http://198.51.100.7/"]}]}</script>',
    "refresh": "<meta http-equiv=refresh content='0;url=http://198.51.100.7/'>",
    "frames": "<iframe src=http://198.51.100.7/></iframe><object data=http://198.51.100.7/></object>"
    "<embed src=http://198.51.100.7/><iframe src='data:text/html,<link rel=preconnect href=http://198.51.100.7/>'>",
    "window by a click": "<script>document.onclick = () => open('http://198.51.100.7/')</script>"
    "<div style='position:fixed;inset:0' onclick='open(\"http://198.51.100.7/\")'>.</div>",
    "link over the page": "<a href=http://198.51.100.7/ ping=http://198.51.100.7/ style='position:fixed;inset:0'>.</a>",
    "form over the page": "<form action=http://198.51.100.7/><button style='position:fixed;inset:0'>.</button></form>",
    "drawn link": "<svg style='position:fixed;inset:0;width:100%;height:100%'><a href=http://198.51.100.7/>"
    "<rect width=9999 height=9999 /></a></svg>",
    "loads": "<img src=http://198.51.100.7/><img srcset='http://198.51.100.7/ 2x'>"
    "<video src=http://198.51.100.7/ autoplay></video><input type=image src=http://198.51.100.7/><body background=http://198.51.100.7/>"
    "<svg><image href=http://198.51.100.7/ /><use href=http://198.51.100.7/#x /></svg>",
    "style": "<style>@import 'http://198.51.100.7/'; @font-face {font-family: x; src: url(http://198.51.100.7/)}"
    "* {font-family: x; background: url(http://198.51.100.7/); cursor: url(http://198.51.100.7/), auto}</style>",
    "worker": "<script>new Worker(URL.createObjectURL(new Blob([\"fetch('http://198.51.100.7/')\"])))</script>",
    "requests": "<script>fetch('http://198.51.100.7/'); new WebSocket('ws://198.51.100.7/');"
    "navigator.sendBeacon('http://198.51.100.7/'); new EventSource('http://198.51.100.7/')</script>",
}


def write_attack(name: str, number: int) -> str:
    """An attack with a stranger of its own, so that the packets of pages that are open together can be told apart."""
    return ATTACKS[name].replace("198.51.100.7", f"198.51.100.{number}").replace("stranger7", f"stranger{number}")


def see_packets(pages: list[Path]) -> list[list[str]]:
    """What each page sends to the stranger of its number, from 1; skips where no network can be made."""
    if not shutil.which("ip") or os.geteuid():
        pytest.skip("packets are NOT counted: that needs root and the program ip")
    name = f"packets-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"packets are NOT counted: no network can be made here ({made.stderr.strip()})")
    # Names are asked for in the same network, because this machine's own resolver is not in it.
    settings = Path("/etc/netns", name)
    settings.mkdir(parents=True)
    (settings / "resolv.conf").write_text("nameserver 10.99.0.2\n")
    try:
        command = ["ip", "netns", "exec", name, sys.executable, "-m", "tests.report.packets", *map(str, pages)]
        said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600)
        assert said.returncode == 0, said.stderr
        return list(json.loads(said.stdout).values())
    finally:
        shutil.rmtree(settings)
        subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason="no Chromium here, so nobody counted packets")
def test_no_page_of_a_notebook_sends_a_packet_whatever_is_in_it_and_wherever_one_clicks(tmp_path: Path) -> None:
    pages = {}
    for number, name in enumerate(ATTACKS, 1):
        (tmp_path / name).mkdir()
        pages[name] = make_page(tmp_path / name, make_output("text/html", write_attack(name, number)))
    (tmp_path / "figure").mkdir()
    figure = make_output("application/vnd.plotly.v1+json", FIGURE)
    attacks = "".join(write_attack(name, len(pages) + 1) for name in ATTACKS)
    pages["figure"] = make_page(tmp_path / "figure", figure, make_output("text/html", attacks))
    bare = [f"bare {name}" for name in ("webrtc", "preconnect", "refresh", "link over the page")]
    for name in bare:
        pages[name] = tmp_path / f"{name}.html"
        attack = write_attack(name.removeprefix("bare "), len(pages))
        pages[name].write_text(f"<!DOCTYPE html><body>{attack}")
    found = dict(zip(pages, see_packets([*pages.values()]), strict=True))
    assert {name: sent for name, sent in found.items() if sent and name not in bare} == {}
    assert [name for name in bare if not found[name]] == [], found  # else nothing was counted at all

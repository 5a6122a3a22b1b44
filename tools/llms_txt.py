"""A hook of mkdocs: ``llms.txt``, the list of the documentation's pages for programs that read it (llmstxt.org)."""

import re
from pathlib import Path
from typing import Any

_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_BOLD = re.compile(r"\*\*(\w[^*]*)\*\*")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def on_post_build(config: Any) -> None:
    """Write the list beside the pages, in the order of the navigation, each page with its first sentence."""
    pages = [(title, name) for entry in config["nav"] for title, name in entry.items()]
    lines = [
        f"- [{title}]({_address_of(name)}): {_first_sentence(Path(config['docs_dir'], name))}" for title, name in pages
    ]
    text = f"# {config['site_name']}\n\n> {config['site_description']}\n\n## Docs\n\n" + "\n".join(lines) + "\n"
    Path(config["site_dir"], "llms.txt").write_text(text, encoding="utf-8")


def _address_of(name: str) -> str:
    stem = name.removesuffix(".md")
    return "index.html" if stem == "index" else f"{stem}/index.html"


def _first_sentence(page: Path) -> str:
    """Of its first paragraph that is plain text."""
    for block in _CODE.sub("", page.read_text(encoding="utf-8")).split("\n\n"):
        block = block.strip()
        if block[:1].isalpha() or block.startswith(("`", "**")):
            text = _LINK.sub(r"\1", _BOLD.sub(r"\1", " ".join(block.split())))
            return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]
    return ""

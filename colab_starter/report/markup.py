"""Making a notebook's HTML harmless, so that nothing in it loads, connects or navigates on its own.

A content security policy forbids requests, but browsers resolve names and open connections even for what it forbids:
for ``<link rel=preconnect>``, for a page named by an ``<iframe>`` or a ``<meta http-equiv=refresh>``, for a link under
the mouse. So all elements except those known to be harmless are renamed to names unknown to browsers. Only the names
are considered, wherever they occur, so that it does not matter how a browser would parse the rest.
"""

import re

_TAG = re.compile(r"<(/?)([A-Za-z][^\t\n\f\r />]*)")

_HTML = """
    abbr acronym address article aside audio b bdi bdo big blockquote br button canvas caption center cite code
    col colgroup data dd del details dfn dialog div dl dt em fieldset figcaption figure font footer h1 h2 h3 h4 h5 h6
    header hgroup hr i img input ins kbd label legend li main map mark menu meter nav nobr ol optgroup option output p
    picture pre progress q rp rt ruby s samp script search section select small source span strike strong style sub
    summary sup table tbody td textarea tfoot th thead time title tr track tt u ul var video wbr
"""
"""Scripts are kept, because the page does not run them."""
_SVG = """
    svg animate animatemotion animatetransform circle clippath defs desc ellipse filter foreignobject g image line
    lineargradient marker mask metadata mpath path pattern polygon polyline radialgradient rect set stop switch symbol
    text textpath tspan use view feblend fecolormatrix fecomponenttransfer fecomposite feconvolvematrix
    fediffuselighting fedisplacementmap fedistantlight fedropshadow feflood fefunca fefuncb fefuncg fefuncr
    fegaussianblur feimage femerge femergenode femorphology feoffset fepointlight fespecularlighting fespotlight fetile
    feturbulence
"""
_MATHML = """
    math annotation annotation-xml maction menclose merror mfenced mfrac mi mmultiscripts mn mo mover mpadded mphantom
    mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none
    semantics
"""
HARMLESS = frozenset(f"{_HTML} {_SVG} {_MATHML}".split())
"""Names of elements, in lower case."""


LINK = "g"
"""What links become: a group in a drawing, and elsewhere an element without meaning; links.js handles them."""


def make_harmless(html: str) -> str:
    """The HTML with ``x-`` before the names of elements not known to be harmless, and without links."""
    return _TAG.sub(_rename, html)


def _rename(tag: re.Match[str]) -> str:
    slash, name = tag.groups()
    if name in ("a", "A"):
        return f"<{slash}{LINK}"
    return tag[0] if name.lower() in HARMLESS else f"<{slash}x-{name}"

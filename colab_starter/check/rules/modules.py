"""Modules that notebooks import, as far as ``check`` has to know them."""

from typing import NamedTuple


class Dead(NamedTuple):
    """Something that is gone, and its replacement."""

    since: str
    instead: str


REMOVED_FROM_PYTHON = {
    "imp": Dead("3.12", "importlib"),
    "asynchat": Dead("3.12", "asyncio"),
    "asyncore": Dead("3.12", "asyncio"),
    "smtpd": Dead("3.12", "the package aiosmtpd"),
    "aifc": Dead("3.13", "the package soundfile"),
    "audioop": Dead("3.13", "the package audioop-lts"),
    "cgi": Dead("3.13", "urllib.parse and email.message"),
    "cgitb": Dead("3.13", "traceback"),
    "chunk": Dead("3.13", "the package standard-chunk"),
    "crypt": Dead("3.13", "hashlib, or the package bcrypt"),
    "imghdr": Dead("3.13", "PIL.Image.open(...).format"),
    "lib2to3": Dead("3.13", "the package libcst"),
    "mailcap": Dead("3.13", "mimetypes"),
    "nntplib": Dead("3.13", "the package standard-nntplib"),
    "pipes": Dead("3.13", "subprocess, and shlex.quote"),
    "sndhdr": Dead("3.13", "the package soundfile"),
    "sunau": Dead("3.13", "the package soundfile"),
    "telnetlib": Dead("3.13", "the package telnetlib3"),
    "uu": Dead("3.13", "base64"),
    "xdrlib": Dead("3.13", "struct"),
    "BaseHTTPServer": Dead("3.0", "http.server"),
    "ConfigParser": Dead("3.0", "configparser"),
    "HTMLParser": Dead("3.0", "html.parser"),
    "Queue": Dead("3.0", "queue"),
    "StringIO": Dead("3.0", "io.StringIO"),
    "Tkinter": Dead("3.0", "tkinter"),
    "cPickle": Dead("3.0", "pickle"),
    "cStringIO": Dead("3.0", "io.StringIO"),
    "commands": Dead("3.0", "subprocess"),
    "httplib": Dead("3.0", "http.client"),
    "urllib2": Dead("3.0", "urllib.request"),
    "urlparse": Dead("3.0", "urllib.parse"),
}
"""Modules of the standard library that are gone, and since which Python. Source: PEP 594 and the What's New pages."""

SELF_CONTAINED = frozenset(
    """
    catboost colorama einops emoji fire jupytext kaleido libarchive-c papermill prettytable py7zr
    pyperclip python-dotenv rarfile termcolor timm torchinfo torchsummary unidecode wget xmltodict
""".split()
)
"""Packages that bring no other that a notebook would import; after others, an import may be of what they brought."""

CPU_ONLY = frozenset(
    """
    IPython PIL altair bokeh bs4 cv2 dateutil folium google graphviz h5py html5lib imageio ipywidgets joblib lxml
    matplotlib mpl_toolkits networkx nltk numpy openpyxl packaging pandas patsy plotly plotnine psutil pydot pylab
    pyparsing requests scipy seaborn skimage sklearn sqlalchemy statsmodels sympy tabulate tqdm urllib3 wordcloud
    xlrd yaml
""".split()
)
"""Modules that never use a GPU."""

GPU_ONLY = frozenset("cudf cugraph cuml cupy cupyx cuspatial pycuda rmm".split())
"""Modules that cannot be used without a GPU."""

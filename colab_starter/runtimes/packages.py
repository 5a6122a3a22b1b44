"""Names: of the packages whose versions the table keeps, and of the package that an import comes from."""

import re

from packaging.utils import canonicalize_name

TRACKED_PACKAGES = frozenset(
    """
    numpy scipy pandas polars pyarrow xarray numexpr bottleneck sympy mpmath networkx statsmodels patsy numba llvmlite
    tables h5py h5netcdf dask distributed duckdb sqlalchemy pyspark ibis-framework geopandas shapely pyproj tabulate

    torch torchvision torchaudio torchdata torchcodec torchao torchtune torchsummary torch-xla triton
    tensorflow keras keras-hub keras-nlp tf-keras tensorboard tensorboard-data-server tensorflow-datasets
    tensorflow-hub tensorflow-probability tensorflow-text tensorflow-metadata tensorflow-decision-forests
    jax jaxlib flax optax chex orbax-checkpoint libtpu jax-cuda12-plugin jax-cuda12-pjrt

    absl-py astunparse flatbuffers gast google-pasta grpcio libclang markdown ml-dtypes namex opt-einsum optree
    protobuf six termcolor werkzeug wrapt etils array-record tensorstore

    scikit-learn scikit-image imbalanced-learn joblib threadpoolctl narwhals xgboost lightgbm shap
    umap-learn hdbscan hyperopt prophet sklearn-pandas yellowbrick mlxtend pymc arviz cvxpy fastai fastcore

    opencv-python opencv-python-headless opencv-contrib-python pillow imageio imageio-ffmpeg albumentations timm
    tifffile moviepy pycocotools einops dlib imutils

    matplotlib matplotlib-inline seaborn plotly bokeh altair plotnine contourpy cycler fonttools kiwisolver pyparsing
    wordcloud folium missingno holoviews panel graphviz pydot pydotplus

    transformers tokenizers datasets accelerate diffusers peft safetensors sentence-transformers sentencepiece
    huggingface-hub hf-xet nltk spacy textblob tiktoken regex openai langchain langchain-core
    google-genai google-generativeai gradio wandb

    librosa soundfile soxr audioread pydub gymnasium gym pygame ale-py

    requests urllib3 certifi charset-normalizer idna httpx aiohttp beautifulsoup4 soupsieve lxml html5lib
    fsspec gcsfs gdown kaggle kagglehub yfinance tweepy pandas-datareader fastapi starlette uvicorn flask websockets

    google-colab google-api-core google-api-python-client google-auth google-auth-httplib2 google-auth-oauthlib
    google-cloud-bigquery google-cloud-core google-cloud-storage gspread gspread-dataframe pydrive2 earthengine-api

    ipython ipykernel ipywidgets ipython-genutils widgetsnbextension jupyterlab-widgets jupyter-client jupyter-core
    jupyter-server jupyter-console jupytext nbformat nbclient nbconvert notebook traitlets tornado pyzmq debugpy
    nest-asyncio parso backcall decorator pickleshare prompt-toolkit pexpect ptyprocess wcwidth pygments
    jsonschema jsonschema-specifications fastjsonschema referencing rpds-py attrs entrypoints psutil platformdirs
    bleach defusedxml jinja2 markupsafe mistune pandocfilters tinycss2 webencodings jupyterlab-pygments

    tqdm rich markdown-it-py mdurl pyyaml click typer packaging setuptools wheel pip python-dateutil pytz tzdata
    typing-extensions typing-inspection pydantic pydantic-core filelock cloudpickle dill multiprocess xxhash
    tenacity annotated-types anyio sniffio h11 httpcore aiohappyeyeballs aiosignal frozenlist multidict propcache
    yarl openpyxl xlrd et-xmlfile pytest cython cffi cmake cryptography zipp importlib-metadata

    cupy-cuda12x cudf-cu12 cuml-cu12 cuvs-cu12 pylibcudf-cu12 rmm-cu12
    dask-cudf-cu12 numba-cuda cuda-python cuda-bindings cuda-toolkit nvidia-ml-py nvidia-cublas-cu12
    nvidia-cuda-runtime-cu12 nvidia-cudnn-cu12 nvidia-nccl-cu12 nvidia-nccl-cu13
    """.split()
)
"""What notebooks for starters import, and the core dependencies of those; the table keeps only the names of others."""

TRACKED_APT = frozenset(
    """
    build-essential cmake curl ffmpeg fuse g++ gcc gfortran git graphviz jq less libarchive13 libgl1 libglib2.0-0
    libgomp1 libopenblas-dev libsm6 libsndfile1 libsqlite3-0 libxext6 libxrender1 make openjdk-11-jre-headless
    openjdk-17-jdk-headless openjdk-17-jre-headless openjdk-21-jdk-headless openssh-client openssh-server p7zip-full
    pandoc psmisc r-base rsync tesseract-ocr tmux unrar unzip vim wget xvfb zip
    """.split()
)
"""The Debian packages whose programs and libraries notebooks call."""

CORE_PACKAGES = frozenset(
    """
    numpy scipy pandas pyarrow matplotlib pillow scikit-learn protobuf ml-dtypes h5py
    torch torchvision torchaudio tensorflow keras tf-keras tensorflow-text jax jaxlib
    opencv-python opencv-python-headless opencv-contrib-python
    ipython ipykernel ipython-genutils jupyter-client tornado pyzmq traitlets google-colab
    """.split()
)
"""Replacing one of these under a running kernel breaks Colab, or what the kernel has loaded already."""

_PACKAGE_OF_MODULE = {
    "_cffi_backend": "cffi",
    "absl": "absl-py",
    "aifc": "standard-aifc",
    "antlr4": "antlr4-python3-runtime",
    "apt": "python-apt",
    "apt_pkg": "python-apt",
    "argon2": "argon2-cffi",
    "attr": "attrs",
    "audioop": "audioop-lts",
    "barcode": "python-barcode",
    "Bio": "biopython",
    "box": "python-box",
    "Box2D": "box2d-py",
    "bs4": "beautifulsoup4",
    "bson": "pymongo",
    "cairo": "pycairo",
    "chunk": "standard-chunk",
    "clang": "libclang",
    "community": "python-louvain",
    "cpuinfo": "py-cpuinfo",
    "Crypto": "pycryptodome",
    "Cryptodome": "pycryptodomex",
    "cucim": "cucim-cu12",
    "cuda": "cuda-python",
    "cudf": "cudf-cu12",
    "cudf_polars": "cudf-polars-cu12",
    "cugraph": "cugraph-cu12",
    "cuml": "cuml-cu12",
    "cupy": "cupy-cuda12x",
    "cupyx": "cupy-cuda12x",
    "cuvs": "cuvs-cu12",
    "cv2": "opencv-python",
    "dask_cudf": "dask-cudf-cu12",
    "dateutil": "python-dateutil",
    "dbus": "dbus-python",
    "decouple": "python-decouple",
    "dns": "dnspython",
    "docx": "python-docx",
    "dopamine": "dopamine-rl",
    "dotenv": "python-dotenv",
    "ee": "earthengine-api",
    "engineio": "python-engineio",
    "faiss": "faiss-cpu",
    "fasthtml": "python-fasthtml",
    "ffmpeg": "ffmpeg-python",
    "functorch": "torch",
    "fitz": "pymupdf",
    "gi": "pygobject",
    "gin": "gin-config",
    "git": "gitpython",
    "google.api": "googleapis-common-protos",
    "google.cloud": "google-cloud-core",
    "google.iam": "grpc-google-iam-v1",
    "google.longrunning": "googleapis-common-protos",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
    "google.rpc": "googleapis-common-protos",
    "google.type": "googleapis-common-protos",
    "google_drive_downloader": "googledrivedownloader",
    "googleapiclient": "google-api-python-client",
    "grpc": "grpcio",
    "grpc_status": "grpcio-status",
    "hydra": "hydra-core",
    "ibis": "ibis-framework",
    "igraph": "python-igraph",
    "imblearn": "imbalanced-learn",
    "isympy": "sympy",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "kanren": "minikanren",
    "kerastuner": "keras-tuner",
    "libarchive": "libarchive-c",
    "linkify_it": "linkify-it-py",
    "llama_cpp": "llama-cpp-python",
    "magic": "python-magic",
    "markdown_it": "markdown-it-py",
    "mega": "mega-py",
    "mpl_toolkits": "matplotlib",
    "multipart": "python-multipart",
    "mysql": "mysql-connector-python",
    "MySQLdb": "mysqlclient",
    "nacl": "pynacl",
    "nx_cugraph": "nx-cugraph-cu12",
    "ogr": "gdal",
    "OpenGL": "pyopengl",
    "OpenSSL": "pyopenssl",
    "orbax": "orbax-checkpoint",
    "osgeo": "gdal",
    "osr": "gdal",
    "past": "future",
    "pasta": "google-pasta",
    "pdfminer": "pdfminer-six",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "pl_bolts": "lightning-bolts",
    "plum": "plum-dispatch",
    "pptx": "python-pptx",
    "progressbar": "progressbar2",
    "proto": "proto-plus",
    "public": "atpublic",
    "pvectorc": "pyrsistent",
    "pwiz": "peewee",
    "pybullet_envs": "pybullet",
    "pylab": "matplotlib",
    "pylibcudf": "pylibcudf-cu12",
    "pylibraft": "pylibraft-cu12",
    "pynvml": "nvidia-ml-py",
    "pythonjsonlogger": "python-json-logger",
    "pywt": "pywavelets",
    "pyximport": "cython",
    "requirements": "requirements-parser",
    "rmm": "rmm-cu12",
    "rpds": "rpds-py",
    "ruamel": "ruamel-yaml",
    "serial": "pyserial",
    "shapefile": "pyshp",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "skmultilearn": "scikit-multilearn",
    "skopt": "scikit-optimize",
    "sksurv": "scikit-survival",
    "skvideo": "scikit-video",
    "slugify": "python-slugify",
    "snappy": "python-snappy",
    "socketio": "python-socketio",
    "socks": "pysocks",
    "spanner_graphs": "spanner-graph-notebook",
    "sparknlp": "spark-nlp",
    "speech_recognition": "speechrecognition",
    "sql": "ipython-sql",
    "stl": "numpy-stl",
    "sunau": "standard-sunau",
    "surprise": "scikit-surprise",
    "talib": "ta-lib",
    "tavily": "tavily-python",
    "telegram": "python-telegram-bot",
    "tlz": "toolz",
    "tree": "dm-tree",
    "uc_micro": "uc-micro-py",
    "umap": "umap-learn",
    "unification": "logical-unification",
    "usb": "pyusb",
    "vtkmodules": "vtk",
    "websocket": "websocket-client",
    "whisper": "openai-whisper",
    "wx": "wxpython",
    "Xlib": "python-xlib",
    "yaml": "pyyaml",
    "yapf_third_party": "yapf",
    "zmq": "pyzmq",
}
_NAMESPACES = ("google.cloud", "google.ai", "google", "jaraco", "keyrings", "lazr", "azure", "sphinxcontrib")
"""Packages with these names contain no code of their own; what is below them is named by its whole path."""


def package_of_module(module: str) -> str:
    """The PyPI package that ``import module`` comes from: ``cv2`` is of ``opencv-python``, ``google.colab`` of its own.

    ``module`` may go as deep as it likes (``sklearn.metrics``). Where nothing else is known, the package is called
    like the module.
    """
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        path = ".".join(parts[:length])
        if path in _PACKAGE_OF_MODULE and (path not in _NAMESPACES or length == len(parts)):
            return _PACKAGE_OF_MODULE[path]
        if path in _NAMESPACES and length < len(parts):
            return re.sub(r"-v\d\w*$", "", canonicalize_name(".".join(parts[: length + 1])))
    return canonicalize_name(parts[0])

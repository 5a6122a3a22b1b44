"""What Kaggle's image has: that of a Colab runtime, and Kaggle's own packages on top."""

from colab_starter.runtimes.table import Runtime, load_runtime

_BASE = "2026.04"
"""Kaggle builds its image from Colab's of May 2026 (Kaggle/docker-python, config.txt)."""

_PINNED = {
    "geopandas": "0.14.4",
    "ipywidgets": "8.1.5",
    "matplotlib": "3.7.5",
    "onnx": "1.18.0",
    "scikit-learn": "1.2.2",
    "seaborn": "0.12.2",
    "shap": "0.44.1",
    "xgboost": "2.0.3",
}
"""Packages that Kaggle replaces by an older version."""

_ADDED = frozenset(
    """
    annoy arrow bayesian-optimization boruta boto3 cartopy catboost category-encoders cesium cytoolz datasets deap dipy
    docker easyocr eli5 emoji fastai fastcore fasttext featuretools fiona fury fuzzywuzzy gensim geojson google-adk
    google-cloud-aiplatform google-cloud-videointelligence google-cloud-vision google-genai gpxpy h2o haversine hep-ml
    igraph imagehash ipympl isoweek janome jedi jupyterlab kaggle kaggle-environments kaggle-secrets keras-cv keras-nlp
    keras-tuner kmodes kornia langid learntools libpysal lime line-profiler mamba mlcrate mne mpld3 nbdev nilearn
    olefile openslide-bin openslide-python optuna pandas-profiling pandasql papermill path path-py pdf2image
    plotly-express preprocessing pudb pyarabic pycryptodome pycuda pydegensac pydicom pyemd pyexcel-ods pyldavis pymc3
    pymongo pympler pypdf pytesseract pytorch-ignite pytorch-lightning pyupset qgrid ray rgf-python rtree s3fs
    scikit-learn-intelex scikit-multilearn scikit-optimize scikit-plot scikit-surprise segment-anything shapely
    simpleitk squarify tensorflow-cloud tensorflow-decision-forests tensorflow-io tensorflow-text theano torchinfo
    torchmetrics torchtune tpot translate vtk wand wavio xvfbwrapper ydata-profiling ydf kaggle-web-client
    kaggle-datasets kaggle-gcp bq-helper
""".split()
)
"""Packages that Kaggle adds, and its own modules (Kaggle/docker-python, kaggle_requirements.txt and patches)."""


def load_kaggle() -> Runtime:
    """The runtime of Kaggle's notebooks."""
    base = load_runtime(_BASE)
    return base._replace(name="kaggle", packages={**base.packages, **_PINNED}, also=base.also | _ADDED)

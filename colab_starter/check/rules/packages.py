"""Packages that ``check`` names: those that are known to be the right one for a module, and those that are gone."""

from colab_starter.runtimes import package_of_module

_SAME_NAME = """
    albumentations bertopic bitsandbytes boto3 catboost category_encoders chromadb cirq colorama control
    cryptography ctransformers dask datasets deap deepchem deepspeed diffusers duckduckgo_search easydict
    easyocr einops emoji ensmallen evaluate fairlearn faker fastapi featuretools feedparser fire flair flaml
    flask flwr gensim geopandas gpytorch gradio guidance h2o haystack hdbscan hmmlearn hyperopt imageio
    instructor jiwer jsonlines jupytext kaleido keras_tuner keybert kmodes lancedb langchain langchain_anthropic
    langchain_chroma langchain_community langchain_core langchain_experimental langchain_google_genai
    langchain_huggingface langchain_openai langchain_text_splitters langgraph langsmith librosa lightgbm
    lightning lime litellm lpips lxml mediapipe mglearn mlflow mlxtend mne monai moviepy mteb nevergrad ninja
    nltk numpyro onnx onnxruntime open3d openai openpyxl optuna ortools osmnx pandarallel papermill peft
    pennylane pgmpy pinecone plotnine pmdarima polars prettytable psycopg2 pulp py7zr pycaret pydicom pydub
    pyfiglet pymongo pymupdf pyperclip pyspark pysrt pystan pytesseract pyttsx3 pytube pytz pyvis qdrant_client
    qiskit rapidfuzz rarfile rasterio rdkit reportlab roboflow rouge rouge_score ruptures sacrebleu sacremoses
    safetensors scikeras segmentation_models_pytorch selenium sentence_transformers sentencepiece seqeval shap
    shapely simpletransformers snscrape sounddevice soundfile spacy squarify statsmodels streamlit supervision
    surprise sweetviz tabulate tensorboardX tensorly termcolor textblob textstat thefuzz tiktoken timm
    tokenizers torch_geometric torchinfo torchmetrics torchsummary trl tslearn ultralytics umap unidecode
    unstructured vaderSentiment vllm wandb weasyprint wget wikipedia xlsxwriter xmltodict yellowbrick yfinance
"""
"""Modules whose package is called like them, or as ``package_of_module`` says."""

_OTHER_NAMES = {
    "Levenshtein": "levenshtein",
    "community": "python-louvain",
    "docx": "python-docx",
    "facenet_pytorch": "facenet-pytorch",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "haystack": "haystack-ai",
    "keras_tuner": "keras-tuner",
    "pptx": "python-pptx",
    "pytorch_lightning": "pytorch-lightning",
    "sklearn_crfsuite": "sklearn-crfsuite",
    "skopt": "scikit-optimize",
    "surprise": "scikit-surprise",
    "umap": "umap-learn",
    "whisper": "openai-whisper",
}


def _name_packages() -> dict[str, str]:
    same = {module: package_of_module(module) for module in _SAME_NAME.split()}
    return {**{module: package.replace("_", "-") for module, package in same.items()}, **_OTHER_NAMES}


INSTALLABLE = _name_packages()
"""Module -> the package that brings it."""

GONE = {
    "fbprophet": "it is called prophet now, which Colab has",
    "mxnet": "mxnet ended in 2023, and breaks with Colab's NumPy; rewrite the notebook without it",
    "prettytensor": "prettytensor is of TensorFlow 1, and cannot be used with TensorFlow 2",
    "pymc3": "it is called pymc now, which Colab has",
    "scikitplot": "scikit-plot is of 2018, and breaks with Colab's SciPy; use the Display classes of sklearn.metrics",
    "sonnet": "install DeepMind's dm-sonnet; the package sonnet is another one",
    "tensor2tensor": "tensor2tensor is of TensorFlow 1, and cannot be used with TensorFlow 2",
    "tensorflow_addons": "TensorFlow Addons ended in 2024, and does not work with Keras 3; use what Keras has",
    "tflearn": "tflearn is of TensorFlow 1, and cannot be used with TensorFlow 2",
    "theano": "theano ended in 2017, and does not work with Colab's NumPy; use pytensor",
    "torchtext": "torchtext ended in 2024, and has no version for Colab's torch; use datasets and tokenizers",
}
"""Module -> what to do instead of installing it."""

"""Names, arguments and values that the runtime's libraries no longer have."""

import json
from pathlib import Path

import pytest
from packaging.version import Version

from colab_starter.check.rules.gone_tables import libraries, load_table, package_of
from colab_starter.runtimes import load_runtime
from tests.check.conftest import Cells, Write, codes_in, findings_in, text

GONE = {
    "from keras.utils import np_utils": ("CS408", "keras.utils.to_categorical"),
    "from keras.layers.core import Dense": ("CS408", "use keras.layers"),
    "from keras.preprocessing.text import Tokenizer": ("CS408", "TextVectorization"),
    "from tensorflow.keras.utils import np_utils": ("CS408", "to_categorical"),
    "import tensorflow as tf\nx = tf.placeholder(tf.float32)": ("CS408", "tf.placeholder is gone"),
    "import tensorflow as tf\nwith tf.Session() as s:\n    pass": ("CS408", "tf.compat.v1.Session"),
    "import tensorflow as tf\ntf.train.AdamOptimizer(0.1)": ("CS408", "tf.keras.optimizers.Adam"),
    "import tensorflow as tf\ntf.contrib.layers.l2_regularizer(0.1)": ("CS408", "tf.contrib is gone"),
    "import tensorflow\ntensorflow.layers.dense(1, 3)": ("CS408", "tf.keras.layers"),
    "from tensorflow.examples.tutorials.mnist import input_data": ("CS408", "keras.datasets"),
    "import tensorflow as tf\ndef train():\n    tf.gfile.Exists('a')": ("CS408", "tf.io.gfile"),
    "import numpy as np\nnp.zeros(3, dtype=np.int)": ("CS408", "np.int64"),
    "import numpy\nx = numpy.NaN": ("CS408", "np.nan"),
    "from numpy import product": ("CS408", "np.prod"),
    "import pandas as pd\npd.Panel()": ("CS408", "pd.Panel is gone"),
    "import pandas as pd\ndf = pd.DataFrame()\ndf = df.append({'a': 1})": ("CS408", "pd.concat"),
    "import pandas as pd\npd.read_csv('a').dropna().append({})": ("CS408", "pd.concat"),
    "from pandas.io.json import json_normalize": ("CS408", "pd.json_normalize"),
    "from sklearn.externals import joblib": ("CS408", "import joblib"),
    "from sklearn.cross_validation import train_test_split": ("CS408", "sklearn.model_selection"),
    "from sklearn.datasets import load_boston": ("CS408", "fetch_california_housing"),
    "from sklearn.feature_extraction.text import CountVectorizer\nv = CountVectorizer()\nv.get_feature_names()": (
        "CS408",
        "get_feature_names_out",
    ),
    "from scipy.misc import imread": ("CS408", "imageio"),
    "import scipy.integrate\nscipy.integrate.simps([1, 2])": ("CS408", "simpson"),
    "from transformers import TFAutoModel": ("CS408", "AutoModel"),
    "from transformers import AdamW": ("CS408", "torch.optim.AdamW"),
    "from transformers.keras_callbacks import PushToHubCallback": ("CS408", "Trainer"),
    "from datasets import load_metric": ("CS408", "evaluate.load"),
    "from huggingface_hub import Repository": ("CS408", "upload_folder"),
    "from langchain.text_splitter import CharacterTextSplitter": ("CS408", "langchain_text_splitters"),
    "from PIL import Image\nImage.ANTIALIAS": ("CS408", "Image.LANCZOS"),
    "import networkx as nx\nnx.info(1)": ("CS408", "print(G)"),
    "import jax.tools.colab_tpu\njax.tools.colab_tpu.setup_tpu()": ("CS408", "need no setup"),
    "import openai\nopenai.ChatCompletion.create(model='a')": ("CS408", "openai.OpenAI()"),
    "import keras\nmodel = keras.Sequential()\nmodel.fit_generator(1)": ("CS408", "use fit"),
    "from keras.models import load_model\nm = load_model('a')\nm.predict_classes(1)": ("CS408", "argmax"),
    "import keras\nkeras.optimizers.Adam(lr=0.1)": ("CS410", "learning_rate="),
    "from tensorflow.keras.optimizers import SGD\nSGD(lr=0.1)": ("CS410", "learning_rate="),
    "from sklearn.preprocessing import OneHotEncoder\nOneHotEncoder(sparse=False)": ("CS410", "sparse_output="),
    "import pandas as pd\npd.read_csv('a', error_bad_lines=False)": ("CS410", "on_bad_lines"),
    "from transformers import TrainingArguments\nTrainingArguments('o', evaluation_strategy='epoch')": (
        "CS410",
        "eval_strategy=",
    ),
    "from transformers import Trainer\nTrainer(model=1,\n  tokenizer=2)": ("CS410", "processing_class="),
    "from transformers import AutoModel\nAutoModel.from_pretrained('a', use_auth_token=True)": ("CS410", "token="),
    "from accelerate import Accelerator\nAccelerator(fp16=True)": ("CS410", "mixed_precision"),
    "import matplotlib.pyplot as plt\nplt.hist([1], normed=True)": ("CS410", "density="),
    "import matplotlib.pyplot as plt\nplt.style.use('seaborn-whitegrid')": ("CS411", "seaborn-v0_8"),
    "from transformers import pipeline\npipeline('summarization')": ("CS411", "chat model"),
    "from transformers import pipeline\npipeline(task='translation_en_to_fr')": ("CS411", "chat model"),
    "from transformers import AutoTokenizer\nt = AutoTokenizer.from_pretrained('a')\nt('a', return_tensors='tf')": (
        "CS411",
        "no TensorFlow",
    ),
    "from sklearn.ensemble import RandomForestClassifier\nRandomForestClassifier(max_features='auto')": (
        "CS411",
        '"sqrt"',
    ),
}


@pytest.mark.parametrize("source", GONE)
def test_what_is_gone_is_found_once_with_what_to_write_instead(source: str, write: Write) -> None:
    (finding,) = findings_in(write([source]))

    code, instead = GONE[source]
    assert finding.code == code
    assert finding.line == len(source.splitlines()) or finding.line == 2
    assert instead in finding.message
    assert len(finding.message) < 250


RIGHT = {
    "in try": "try:\n    from keras.utils import np_utils\nexcept ImportError:\n    np_utils = None\nnp_utils.f()",
    "from two places": (
        "try:\n    from keras.utils import np_utils\nexcept ImportError:\n    from keras import utils as np_utils\n"
        "np_utils.to_categorical(1)"
    ),
    "behind hasattr": "import numpy as np\nif hasattr(np, 'int'):\n    np.int(1)",
    "checked by hasattr elsewhere": "import numpy as np\nok = hasattr(np, 'float')\ndef f():\n    return np.float(1)",
    "given back": "import numpy as np\nnp.int = int\nnp.float = float\nnp.int(1), np.float(2)",
    "given back by setattr": "import numpy as np\nsetattr(np, 'object', object)\nnp.object()",
    "of an alias for another": "import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()\ntf.Session()",
    "of v1 by from": "from tensorflow.compat import v1 as tf\ntf.placeholder(tf.float32)",
    "of v1 in full": "import tensorflow as tf\ntf.compat.v1.Session()\ntf.compat.v1.train.AdamOptimizer(0.1)",
    "of an alias that changes": "import tensorflow as tf\ntf = tf.compat.v1\ntf.Session()",
    "of a parameter": "import numpy as np\ndef f(np):\n    return np.int",
    "of the notebook's own": "class np:\n    int = 3\nprint(np.int)",
    "that is there again": "import numpy as np\nnp.bool, np.long, np.int64, np.float64",
    "that is there still": "from tensorflow.python.keras.utils import data_utils",
    "of a list": "import pandas as pd\nrows = []\nrows.append(pd.DataFrame())",
    "of what may be a list": "import pandas as pd\ndf = pd.DataFrame()\ndf = df['a'].tolist()\ndf.append(1)",
    "of a parameter's method": "import pandas as pd\ndef add(df):\n    df.append(1)\ndf = pd.DataFrame()",
    "of a class of its own": (
        "import keras\nclass Forest:\n    def predict_classes(self, rows):\n        return rows\n"
        "forest = Forest()\nforest.predict_classes(1)"
    ),
    "of another library's model": "import keras\nimport torch\nmodel = torch.nn.Module()\nmodel.predict_classes(1)",
    "of a loader": "import keras\nfrom imageio import imread\nimread('a')",
    "of PyTorch's Adam": "import torch, keras\ntorch.optim.Adam([], lr=0.1)\nkeras.optimizers.Adam(learning_rate=0.1)",
    "of its own function": "def report(evaluation_strategy='e'):\n    pass\nreport(evaluation_strategy='s')",
    "in a list of texts": "import transformers\nkinds = ['summarization', 'translation']",
    "of tasks that are there": "from transformers import pipeline\npipeline('text-generation')\npipeline('ner')",
    "of styles that are there": "from matplotlib import style\nstyle.use('seaborn-v0_8')\nstyle.use('ggplot')",
    "in NumPy's tensors": "import transformers\ntok = print\ntok('a', return_tensors='np')",
    "of requests": "import tensorflow\nimport requests\nwith requests.Session() as session:\n    pass",
    "in the Keras of TensorFlow": (
        "import os\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\nfrom tensorflow.keras.utils import multi_gpu_model\n"
        "import tensorflow as tf\ntf.keras.layers.experimental.preprocessing"
    ),
    "of tf_keras": "import tf_keras as keras\nkeras.utils.np_utils",
    "of another version": "!pip install langchain==0.1.20\nfrom langchain.text_splitter import CharacterTextSplitter",
    "of a range": "%pip install 'transformers<5'\nfrom transformers import AdamW",
    "of a branch": "!pip install git+https://github.com/a/transformers@v4.40.0\nfrom transformers import AdamW",
    "of a file of requirements": "!pip install -r requirements.txt\nfrom transformers import AdamW",
    "in sys.modules": (
        "import sys, joblib, sklearn\nsys.modules['sklearn.externals.joblib'] = joblib\n"
        "def load():\n    return sklearn.externals.joblib"
    ),
}


@pytest.mark.parametrize("reason", RIGHT)
def test_what_may_be_there_is_not_reported(reason: str, write: Write) -> None:
    found = [finding for finding in findings_in(write([RIGHT[reason]])) if finding.code in ("CS408", "CS410", "CS411")]
    assert found == []


def test_a_module_beside_the_notebook_is_not_the_library(write: Write, tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    assert codes_in(write(["from datasets import load_metric"])) == []


def test_a_name_is_reported_where_it_is_first_used_and_the_others_are_counted(write: Write) -> None:
    cells: Cells = ["import numpy as np", text("np.int"), "x = np.int(1)\ny = np.int(2)", "np.int, np.float"]

    first, second = findings_in(write(cells))

    assert (first.cell, first.line) == (3, 1)
    assert "np.int is gone" in first.message
    assert "(2 more below)" in first.message
    assert "np.float is gone" in second.message
    assert "more below" not in second.message


@pytest.mark.parametrize(("runtime", "expected"), [("2025.10", []), ("2026.04", ["CS408"]), ("latest", ["CS408"])])
def test_a_name_is_gone_since_the_version_that_dropped_it(runtime: str, expected: list[str], write: Write) -> None:
    assert codes_in(write(["from transformers import AutoModelForVision2Seq"]), runtime) == expected


def test_a_tpu_without_tensorflow_says_nothing_of_its_names(write: Write) -> None:
    changes = {"metadata": {"accelerator": "TPU"}}
    found = codes_in(write(["import tensorflow as tf\ntf.Session()"], **changes))
    assert "CS408" not in found


@pytest.mark.parametrize("library", sorted(libraries()))
def test_a_table_belongs_to_a_package_of_the_runtime_and_says_what_was_compared(library: str) -> None:
    runtime = load_runtime("latest")
    folder = Path(load_table.__wrapped__.__globals__["_FOLDER"])
    content = json.loads((folder / f"{library}.json").read_text())

    assert package_of(library) in {**runtime.packages, **dict.fromkeys(runtime.also)}
    assert content["compared"] == sorted(content["compared"], key=Version)
    assert len(content["compared"]) > 1
    newest = load_table(library, content["compared"][-1])
    assert newest.names
    assert not load_table(library, "0.0.1").names
    assert newest.instead.keys() <= newest.names | {
        f"{path}({name}=)" for path, names in newest.arguments.items() for name in names
    } | {name for name in newest.instead if any(name.startswith(f"{gone}.") for gone in newest.names)}


OLD_NOTEBOOKS = {
    "Keras 2": (
        "import keras\nm = keras.Sequential([keras.layers.Dense(2)])\n"
        "m.compile(optimizer=keras.optimizers.Adam(lr=0.01), loss='mse')\nm.fit_generator(rows, epochs=2)\n"
        "m.predict_classes(rows)",
        ["3 CS410", "4 CS408", "5 CS408"],
    ),
    "NumPy 1": (
        "import numpy as np\na = np.zeros(3, dtype=np.int)\nb = np.float(1)\nc = np.NaN\nd = np.product([1, 2])",
        ["2 CS408", "3 CS408", "4 CS408", "5 CS408"],
    ),
    "TensorFlow 1": (
        "import tensorflow as tf\nx = tf.placeholder(tf.float32)\nwith tf.Session() as s:\n"
        "    s.run(tf.global_variables_initializer())\nopt = tf.train.AdamOptimizer(0.1)\nnet = tf.layers.dense(x, 3)\n"
        "reg = tf.contrib.layers.l2_regularizer(0.1)",
        ["2 CS408", "3 CS408", "4 CS408", "5 CS408", "6 CS408", "7 CS408"],
    ),
    "arguments of transformers 4": (
        "from transformers import Trainer, TrainingArguments as Args\nargs = Args('out', evaluation_strategy='epoch')\n"
        "t = Trainer(model=model, args=args, tokenizer=tok)\nx = tok('hi', return_tensors='tf')",
        ["2 CS410", "3 CS410", "4 CS411"],
    ),
    "classes of transformers 4": (
        "from transformers import TFAutoModelForSequenceClassification, AdamW, create_optimizer\n"
        "from transformers.keras_callbacks import PushToHubCallback",
        ["1 CS408", "1 CS408", "1 CS408", "2 CS408"],
    ),
    "TensorFlow 1 by a magic": (
        "import tensorflow as tf\nwith tf.Session() as s:\n    pass",
        ["2 CS408"],
    ),
}


@pytest.mark.parametrize("library", OLD_NOTEBOOKS)
def test_every_dead_line_of_an_old_notebook_is_found(library: str, write: Write) -> None:
    source, expected = OLD_NOTEBOOKS[library]
    gone = [finding for finding in findings_in(write([source])) if finding.code in ("CS408", "CS410", "CS411")]
    assert [f"{finding.line} {finding.code}" for finding in gone] == expected

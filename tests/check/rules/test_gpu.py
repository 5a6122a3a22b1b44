"""CS502: what needs a GPU, and what goes on without one."""

import pytest

from tests.check.conftest import Write, codes_in, findings_in

NEEDS = {
    "from transformers import AutoModel\nm = AutoModel.from_pretrained('gpt2', device_map='cuda')": 'device_map="cuda"',
    "from transformers import AutoModel\nm = AutoModel.from_pretrained('gpt2', load_in_4bit=True)": "load_in_4bit=True",
    "from transformers import BitsAndBytesConfig\nc = BitsAndBytesConfig(load_in_8bit=True)": "load_in_8bit=True",
    "from transformers import TrainingArguments\na = TrainingArguments('x', fp16=True)": "fp16=True",
    "from transformers import pipeline\np = pipeline('fill-mask', device='cuda')": 'device="cuda"',
    "from transformers import pipeline\np = pipeline('fill-mask', device=0)": "device=0",
    "import torch\nx = torch.zeros(3, device='cuda:0')": 'device="cuda:0"',
    "import torch\ntorch.set_default_device('cuda')": "torch.set_default_device",
    "import torch\nd = torch.device('cuda:0')": "torch.device",
    "from torch import device\nd = device('cuda')": "device(",
    "import torch\nx = torch.ones(2).cuda()": "cuda(",
    "import torch\nx = torch.ones(2).to('cuda')": "to(",
    "from diffusers import FluxPipeline as F\np = F.from_pretrained('x')\np.enable_model_cpu_offload()": "offload",
    "from accelerate import Accelerator\na = Accelerator(mixed_precision='fp16')": "mixed_precision",
}


@pytest.mark.parametrize("source", NEEDS)
def test_what_needs_a_gpu_is_told_where_none_is_asked_for(source: str, write: Write) -> None:
    (finding,) = [one for one in findings_in(write([source])) if one.code == "CS502"]
    assert finding.line == source.count("\n") + 1
    assert NEEDS[source] in finding.message


@pytest.mark.parametrize("source", NEEDS)
def test_nothing_is_told_where_a_gpu_is_asked_for(source: str, write: Write) -> None:
    assert "CS502" not in codes_in(write([source], metadata={"accelerator": "GPU"}))


@pytest.mark.parametrize(
    "source",
    [
        "from transformers import AutoModel\nm = AutoModel.from_pretrained('gpt2', device_map='auto')",
        "from transformers import AutoModel\nm = AutoModel.from_pretrained('gpt2', load_in_4bit=False)",
        "from transformers import TrainingArguments\na = TrainingArguments('x', fp16=False, bf16=True)",
        "from transformers import pipeline\np = pipeline('fill-mask', device='cpu')",
        "from transformers import pipeline\np = pipeline('fill-mask', device=-1)",
        "import xgboost\nm = xgboost.XGBClassifier(device='cuda')",
        "from xgboost import XGBRegressor\nimport torch\nm = XGBRegressor(device='cuda')",
        "import torch\ndevice = 'cuda' if torch.cuda.is_available() else 'cpu'\nx = torch.ones(2, device=device)",
        "import torch\nif torch.cuda.is_available():\n    x = torch.ones(2).cuda()",
        "import torch\ndef move(x):\n    return x.to('cuda')",
        "try:\n    import torch\n    x = torch.ones(2, device='cuda')\nexcept RuntimeError:\n    x = None",
        "settings = dict(device='cuda', fp16=True)",
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--device', default='cuda')",
    ],
)
def test_what_goes_on_without_a_gpu_is_fine(source: str, write: Write) -> None:
    assert "CS502" not in codes_in(write([source]))

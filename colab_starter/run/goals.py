"""Whether a metric is better the higher or the lower it is.

The patterns are regular expressions for JavaScript as well, to be used without regard to case.
"""

import re
from collections.abc import Mapping
from typing import Any

LOWER_IS_BETTER = (
    r"loss|err|mae|mse|mape|perplexity|devian|deviation|divergence|distance|seconds|duration|latency|time|memory|cost|regret"
    r"|(?:^|[^a-z])(?:nll|ppl|wer|cer|fid|std|sd)(?:[^a-z]|$)"
)
"""Found in the name of a metric that is better the lower it is."""
HIGHER_IS_BETTER = r"acc|auc|f1|score|r2|precision|recall|reward|iou|dice|bleu|correct"
"""Found in the name of a metric that is better the higher it is, unless ``LOWER_IS_BETTER`` is found too."""

_LOWER = re.compile(LOWER_IS_BETTER, re.IGNORECASE)


def is_minimized(name: str, objectives: Mapping[str, Any] | None = None) -> bool:
    """Whether the lowest value of a metric is its best.

    ``objectives`` are those of a search, such as ``{"accuracy": "maximize"}``; of other metrics, the name tells.
    """
    goal = (objectives or {}).get(name)
    return goal == "minimize" if isinstance(goal, str) else _LOWER.search(name) is not None


def read_objectives(search: Mapping[str, Any]) -> dict[str, str]:
    """The metrics that a search optimised, each with ``maximize`` or ``minimize``; empty without a search.

    ``search`` are its facts in the ledger.
    """
    told = search.get("objectives")
    objectives = told if isinstance(told, dict) else {}
    return {name: way for name, way in objectives.items() if way in ("maximize", "minimize")}

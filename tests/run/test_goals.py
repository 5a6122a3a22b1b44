import pytest

from colab_starter.run.goals import is_minimized

LOWER = "loss val_loss Loss train-rmse mae test_error err perplexity ppl seconds WER score_std l2_loss val/mse"
HIGHER = "accuracy val_acc auc f1 r2 reward power confidence certainty lower_bound standard bleu apples"


@pytest.mark.parametrize("name", LOWER.split())
def test_errors_and_costs_are_better_the_lower_they_are(name: str) -> None:
    assert is_minimized(name)


@pytest.mark.parametrize("name", HIGHER.split())
def test_everything_else_is_better_the_higher_it_is(name: str) -> None:
    assert not is_minimized(name)


def test_a_search_knows_better() -> None:
    assert not is_minimized("loss", {"loss": "maximize"})
    assert is_minimized("accuracy", {"accuracy": "minimize", "loss": "maximize"})
    assert is_minimized("loss", {"loss": None})

# %% id="framework" cellView="form"
# @title XGBoost, and the device it trains on
import numpy as np
import xgboost


def find_device():
    """Learn whether two numbers have the same sign, check the predictions, and return where that was done."""
    import json

    points = np.random.default_rng(seed).uniform(-1, 1, size=(2000, 2))
    same_sign = points[:, 0] * points[:, 1] > 0
    wanted = "cuda" if gpus and xgboost.build_info()["USE_CUDA"] else "cpu"
    settings = {"objective": "binary:logistic", "max_depth": 3, "device": wanted}
    booster = xgboost.train(settings, xgboost.DMatrix(points[:1000], same_sign[:1000]), num_boost_round=20)
    correct = ((booster.predict(xgboost.DMatrix(points[1000:])) > 0.5) == same_sign[1000:]).mean()
    assert correct > 0.95, "the device computes wrong numbers"
    # Where XGBoost finds no GPU that it can use, it goes on with the CPU. So ask it where it was.
    used = json.loads(booster.save_config())["learner"]["generic_param"]["device"].partition(":")[0]
    print(f"XGBoost {xgboost.__version__} on the {'GPU' if used == 'cuda' else 'CPU'}: {correct:.1%} of a small test are right")
    return used


device = find_device()
if require_gpu and device == "cpu":
    raise RuntimeError("XGBoost cannot use the GPU. To go on without one, set require_gpu = False.")

#:: extends "notebook.py"
#:: set lesson = "blank"
#:: set parameters
degree = 1  # @param {type:"integer"}
#:: endset
#:: block lesson
# %% [markdown] id="lesson"
# ## Your lesson
#
# An outline to write over: data, a model, a plot, a number to record. The example measures a falling stone and fits a curve to it; `degree` in the form at the top is its one parameter.
#
# ### Data

# %% id="data"
seconds = np.linspace(0, 2, 21)
measured = 4.905 * seconds**2 + np.random.default_rng(seed).normal(scale=0.5, size=len(seconds))
is_test = np.arange(len(seconds)) % 3 == 2  # every third point is kept out, to test the model

# %% [markdown] id="model-text"
# ### Model

# %% id="model"
model = np.polynomial.Polynomial.fit(seconds[~is_test], measured[~is_test], degree)
test_error = float(np.sqrt(np.mean((model(seconds[is_test]) - measured[is_test]) ** 2)))

# %% [markdown] id="plot-text"
# ### Plot

# %% id="plot"
import matplotlib.pyplot as plt

plt.figure(figsize=(8, 3.5))
plt.plot(seconds[~is_test], measured[~is_test], "o", label="training")
plt.plot(seconds[is_test], measured[is_test], "o", label="test")
plt.plot(seconds, model(seconds), label=f"polynomial of degree {degree}")
plt.xlabel("seconds")
plt.ylabel("meters fallen")
plt.legend()
plt.savefig(results_dir / "fit.png")
plt.show()

# %% [markdown] id="record-text"
# ### Record a number
#
# What stands in `results` can be compared over many runs: with `colab-starter run` and `report`, or in `results.json`. Files belong into `results_dir`.

# %% id="start"
results = {"test_error": round(test_error, 4)}
#:: endblock

#:: extends "notebook.py"
#:: set lesson = "xgboost"
#:: set parameters
rounds = 300  # @param {type:"integer"}
max_depth = 3  # @param {type:"integer"}
learning_rate = 0.1  # @param {type:"number"}
gaps = 0.3  # @param {type:"number"}
folds = 5  # @param {type:"integer"}
#:: endset
#:: block framework
#:: include "cells/xgboost.py"
#:: endblock
#:: block lesson
# %% [markdown] id="data-text"
# ## The data
#
# 2,201 people were on board the Titanic, and 711 of them lived. The table counts them by class, sex, age and fate.

# %% id="load" cellView="form"
# @title Download the table
#:: include "shared/titanic.py"

# %% id="look"
table = load_titanic()
table.sort_values("Freq", ascending=False).head()

# %% [markdown] id="expand-text"
# XGBoost wants one row for each person, not one for each kind of person. So every row is repeated as often as it counts.

# %% id="expand"
people = table.loc[table.index.repeat(table["Freq"])].drop(columns="Freq").reset_index(drop=True)
people["lived"] = (people.pop("Survived") == "Yes").astype(int)
print(f"{len(people):,} people, {people['lived'].sum()} lived ({people['lived'].mean():.1%})")
people.drop_duplicates().sample(5, random_state=seed)

# %% [markdown] id="rates-text"
# "Women and children first" was the rule at the boats. Did the class matter, too? There were no children in the crew.

# %% id="rates"
import matplotlib.pyplot as plt

who = people["Sex"].map({"Female": "women", "Male": "men"}).where(people["Age"] == "Adult", "children")
rates = 100 * people.groupby(["Class", who.rename("who")])["lived"].mean().unstack()
ax = rates[["women", "children", "men"]].plot.bar(
    color=["#b5577b", "#eba352", "#40698f"], width=0.75, rot=0, figsize=(9, 4)
)
for bars in ax.containers:
    ax.bar_label(bars, [f"{bar.get_height():.0f}" if bar.get_height() > 0 else "" for bar in bars], padding=2)
ax.set(title="Of 100 people, how many lived?", xlabel="", ylim=(0, 110))
ax.spines[["top", "right"]].set_visible(False)
ax.legend(title=None, frameon=False)
plt.show()

# %% [markdown] id="limit-text"
# ## What is the best one can do?
#
# Whoever knows only class, sex and age cannot tell two men of the crew apart, though one lived and one died.
# There are only 14 kinds of people in these data. The best rule gives each kind its more frequent fate,
# and it is wrong about the rest. No rule can be right more often, so a mark near 79 % is as good as it gets.

# %% id="limit"
kinds = people.groupby(["Class", "Sex", "Age"])["lived"].agg(["size", "mean"])
limit = np.average(np.maximum(kinds["mean"], 1 - kinds["mean"]), weights=kinds["size"])
always_no = 1 - people["lived"].mean()
print(f"{len(kinds)} kinds of people")
print(f"Always saying 'died' is right for {always_no:.1%} of them, the best possible rule for {limit:.1%}.")

# %% [markdown] id="features-text"
# ## Features
#
# What a model may look at are its **features**, what it is to predict is its **target**. Class, sex and age are words here, not numbers. XGBoost takes them as they are if pandas knows that they are **categories**; many other libraries want a column of zeros and ones for each word first (*one-hot encoding*).

# %% id="features"
features = people[["Class", "Sex", "Age"]].astype("category")
lived = people["lived"]
features.dtypes

# %% [markdown] id="train-text"
# ## Training
#
# **Gradient boosting** builds small decision trees one after another, and each one corrects the sum of those before it.
# Too many of them learn chance by heart (**overfitting**), or just waste time. So a fifth of the people is kept out of the training as a **validation set**,
# and when 20 more trees have not made the probabilities clearly better for these people, training stops: **early stopping**.

# %% id="train"
from sklearn.model_selection import train_test_split


def train(x, y):
    """A model learned from four fifths of the rows, and stopped by the last fifth."""
    x_fit, x_val, y_fit, y_val = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    model = xgboost.XGBClassifier(
        n_estimators=rounds,
        max_depth=max_depth,
        learning_rate=learning_rate,
        enable_categorical=True,
        callbacks=[xgboost.callback.EarlyStopping(rounds=20, min_delta=0.0001)],
        eval_metric="logloss",
        importance_type="total_gain",
        device=device,
        n_jobs=1,  # with so few rows, sharing the work takes longer than doing it
        random_state=seed,
    )
    model.fit(x_fit, y_fit, eval_set=[(x_fit, y_fit), (x_val, y_val)], verbose=False)
    return model.set_params(device="cpu")  # to predict where the table is: XGBoost would warn of copying it to a GPU


model = train(features, lived)
trees = model.best_iteration + 1
print(f"Best after {trees} trees of at most {rounds}")

# %% id="curve"
figure, ax = plt.subplots(figsize=(9, 3.5))
for part, color in [("validation_0", "#40698f"), ("validation_1", "#b5577b")]:
    losses = model.evals_result()[part]["logloss"]
    ax.plot(range(1, len(losses) + 1), losses, color=color)
ax.axvline(trees, color="gray", linestyle=":")
ax.set(title="How wrong are the probabilities?", xlabel="trees", ylabel="log loss, lower is better")
ax.legend(["training", "validation", f"best: {trees} trees"], frameon=False)
plt.show()

# %% [markdown] id="folds-text"
# That validation looks better than training is chance: with so few kinds of people, the fifth that was kept out happens to hold more of the easy ones. Another `seed` may turn it round.
#
# ## How often is it right?
#
# **Cross-validation**: the people are dealt into groups of equal size, the *folds*. Each fold once plays the unknown people,
# and a new model, which learned from all the others, predicts their fate. So everyone is predicted by a model that never saw them.

# %% id="folds"
import time

from sklearn.model_selection import StratifiedKFold

def cross_validate(x, y):
    """Whether each row is predicted correctly by a model that never saw it, and the accuracy in each fold."""
    correct = np.zeros(len(y), dtype=bool)
    accuracies = []
    for known, unknown in StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, y):
        fold_model = train(x.iloc[known], y.iloc[known])
        correct[unknown] = fold_model.predict(x.iloc[unknown]) == y.iloc[unknown]
        accuracies.append(correct[unknown].mean())
    return correct, accuracies


start_time = time.perf_counter()
correct, accuracies = cross_validate(features, lived)
seconds = time.perf_counter() - start_time

print("Accuracy in each fold:", ", ".join(f"{accuracy:.1%}" for accuracy in accuracies))
print(f"Together: {correct.mean():.2%}. The best possible rule: {limit:.2%}. Always 'died': {always_no:.2%}.")

# %% [markdown] id="learned-text"
# ## What did it learn?
#
# First the **feature importance**: which columns helped most. Longer bars stand for columns that made the predictions better.

# %% id="importance"
importance = pd.Series(100 * model.feature_importances_, index=features.columns).sort_values()
ax = importance.plot.barh(color="#40698f", figsize=(9, 3))
ax.bar_label(ax.containers[0], fmt="%.1f %%", padding=3)
ax.set(title="Share of each feature in the improvement", xlabel="percent", xlim=(0, 1.12 * importance.max()))
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown] id="kinds-text"
# Second: its probability for each kind of person, beside the share that really lived.
# Where a kind has few people, the model trusts what it knows about similar ones.

# %% id="kinds"
people["model says"] = model.predict_proba(features)[:, 1]
kinds = people.groupby(["Class", "Sex", "Age"]).agg({"lived": ["size", "mean"], "model says": "first"})
kinds.columns = ["people", "really lived", "model says"]
kinds = kinds.sort_values("model says").reset_index()
kinds.assign(**{name: kinds[name].map("{:.0%}".format) for name in ("really lived", "model says")})

# %% id="dots"
names = kinds["Class"] + ", " + kinds["Sex"].str.lower() + ", " + kinds["Age"].str.lower()
figure, ax = plt.subplots(figsize=(9, 5))
real, guess = 100 * kinds["really lived"], 100 * kinds["model says"]
ax.hlines(names, real, guess, color="lightgray", linewidth=3, zorder=0)
ax.scatter(real, names, s=20 + kinds["people"] / 2, color="#eba352", label="really lived")
ax.scatter(guess, names, s=25, color="#40698f", label="model says")
ax.set(title="How many of 100 live?  Larger dots: more people", xlim=(-3, 103))
ax.legend(frameon=False)
plt.show()

# %% [markdown] id="tree-text"
# Third: the first tree. Every person goes down from the top and gets the number at the end of the way.
# Orange numbers speak for life, blue ones for death. The numbers from all trees are added up,
# and the larger the sum, the larger the probability.

# %% id="tree"
def draw_node(ax, nodes, name, x, y, width):
    """Draw a node of a tree, and below it what follows from yes (left) and no (right)."""
    node = nodes.loc[name]
    if node.Feature == "Leaf":
        color, label = ("#f6d7a7" if node.Gain > 0 else "#c9d6e4"), f"{node.Gain:+.2f}"
    else:
        words = features[node.Feature].cat.categories[list(map(int, node.Category))]
        color, label = "white", f"{node.Feature}:\n{' or '.join(words)}?"
        for child, answer, side in [(node.Yes, "yes", -1), (node.No, "no", 1)]:
            ax.plot([x, x + side * width], [y, y - 1], color="gray", zorder=0)
            ax.text(x + side * width / 2, y - 0.4, answer, ha="center", color="gray")
            draw_node(ax, nodes, child, x + side * width, y - 1, width / 2)
    ax.text(x, y, label, ha="center", va="center", bbox={"boxstyle": "round", "facecolor": color, "edgecolor": "gray"})


first_tree = model.get_booster().trees_to_dataframe().query("Tree == 0").set_index("ID")
figure, ax = plt.subplots(figsize=(11, 5))
draw_node(ax, first_tree, "0-0", x=0, y=0, width=1)
ax.axis("off")
figure.savefig(results_dir / "tree.svg")
plt.show()

# %% [markdown] id="you-text"
# Would you have lived? Change the words and run the cell again.

# %% id="you"
you = pd.DataFrame({"Class": ["3rd"], "Sex": ["Female"], "Age": ["Adult"]})
for column in you:
    you[column] = you[column].astype(features[column].dtype)  # the same categories in the same order
print(f"{model.predict_proba(you)[0, 1]:.0%} of people like you lived, says the model.")

# %% [markdown] id="numbers-text"
# ## Many numbers, and gaps: what XGBoost is really for
#
# Three columns of words are a table that a group-by explains as well. Real tables have many columns of numbers, which matter only together, and gaps where nobody measured. These 1,797 handwritten digits come with scikit-learn: 64 numbers each, how dark the ink is in 8 x 8 squares. The target: is the number even? No square alone can tell. And since nothing is missing here, a share of all numbers is erased at random: `gaps` in the form at the top.
#
# XGBoost needs no repair of such a table: for each question in a tree, it learns which way the rows with a gap should go.

# %% id="numbers"
from sklearn.datasets import load_digits

ink, digits = load_digits(return_X_y=True, as_frame=True)
is_even = (digits % 2 == 0).astype(int)
erased = np.random.default_rng(seed).random(ink.shape) < gaps
with_gaps = ink.mask(erased)
print(f"{erased.mean():.0%} of the numbers are erased, {is_even.mean():.1%} of the digits are even.")
with_gaps.iloc[:5, 1:9]

# %% [markdown] id="baseline-text"
# Is it worth it? Compare it with a **baseline** that a statistician would try first: fill each gap with the column's mean, then **logistic regression**, which adds up the numbers, each with a weight of its own.

# %% id="baseline"
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

baseline = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(max_iter=1000))
same_folds = StratifiedKFold(folds, shuffle=True, random_state=seed)
baseline_accuracies = cross_val_score(baseline, with_gaps, is_even, cv=same_folds)
_, digit_accuracies = cross_validate(with_gaps, is_even)

methods = ["always even", "logistic regression", "XGBoost"]
percent = [100 * is_even.mean(), 100 * baseline_accuracies.mean(), 100 * np.mean(digit_accuracies)]
spread = [0, 100 * baseline_accuracies.std(), 100 * np.std(digit_accuracies)]
figure, ax = plt.subplots(figsize=(9, 2.5))
ax.barh(methods, percent, xerr=spread, color=["lightgray", "#eba352", "#40698f"])
for method, share in zip(methods, percent):
    ax.text(2, method, f"{share:.1f} %", va="center")
ax.set(title=f"Accuracy with {gaps:.0%} of the numbers missing (line: spread over the folds)", xlim=(0, 100))
plt.show()

# %% [markdown] id="save-text"
# ## Keep the model
#
# Saved, loaded again, and checked: the loaded model must predict the same.

# %% id="save"
model.get_booster().save_model(results_dir / "titanic.json")
loaded = xgboost.XGBClassifier()
loaded.load_model(results_dir / "titanic.json")
np.testing.assert_allclose(loaded.predict_proba(features), model.predict_proba(features), atol=1e-6)
print("The loaded model predicts the same as the trained one.")

results = {
    "accuracy": round(float(correct.mean()), 4),
    "accuracy_std": round(float(np.std(accuracies)), 4),
    "trees": int(trees),
    "digit_accuracy": round(float(np.mean(digit_accuracies)), 4),
    "baseline_accuracy": round(float(baseline_accuracies.mean()), 4),
    "seconds": round(seconds, 2),
    "device": "gpu" if device == "cuda" else "cpu",
}

# %% [markdown] id="exercises"
# ## Exercises
#
# 1. Set `gaps` to 0.9: nine of ten numbers are gone. Which of the two models suffers more? The sweep that comes with this notebook tries four shares.
# 2. Set `max_depth` to 1, so that each tree may ask a single question. Why does that cost so little on the Titanic?
# 3. Add a column of random numbers to `features`. Does its importance stay at zero, and what does that say about the other bars?
#
# **To look things up:** [XGBoost, an introduction](https://xgboost.readthedocs.io/en/stable/tutorials/model.html) · [its parameters](https://xgboost.readthedocs.io/en/stable/parameter.html) · [categories](https://xgboost.readthedocs.io/en/stable/tutorials/categorical.html) · [cross-validation](https://scikit-learn.org/stable/modules/cross_validation.html) · [decision trees](https://scikit-learn.org/stable/modules/tree.html)
#:: endblock

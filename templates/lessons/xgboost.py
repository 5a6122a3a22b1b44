#:: extends "notebook.py"
#:: set lesson = "xgboost"
#:: set parameters
rounds = 300  # @param {type:"integer"}
max_depth = 3  # @param {type:"integer"}
learning_rate = 0.1  # @param {type:"number"}
folds = 5  # @param {type:"integer"}
#:: endset
#:: block framework
# %% id="framework" cellView="form"
# @title XGBoost, and the device it trains on
import json

import numpy as np
import xgboost

points = np.random.default_rng(seed).uniform(-1, 1, size=(2000, 2))
same_sign = points[:, 0] * points[:, 1] > 0
device = "cuda" if gpus and xgboost.build_info()["USE_CUDA"] else "cpu"
trees = xgboost.train(
    {"objective": "binary:logistic", "max_depth": 3, "device": device},
    xgboost.DMatrix(points[:1000], same_sign[:1000]),
    num_boost_round=20,
)
right = ((trees.predict(xgboost.DMatrix(points[1000:])) > 0.5) == same_sign[1000:]).mean()
print(f"XGBoost {xgboost.__version__}, built for GPUs: {'yes' if xgboost.build_info()['USE_CUDA'] else 'no'}")
print(f"It learned whether two numbers have the same sign: right in {right:.1%} of 1,000 new cases")
assert right > 0.95, "the device computes wrong numbers"

# %% id="device" cellView="form"
# @title Where did it train?
# Where XGBoost finds no GPU that it can use, it goes on with the CPU. So ask it where it was.
device = json.loads(trees.save_config())["learner"]["generic_param"]["device"].partition(":")[0]
print("XGBoost trained on the", "GPU" if device == "cuda" else "CPU")
if require_gpu and device == "cpu":
    raise RuntimeError("XGBoost cannot use the GPU. To go on without one, set require_gpu = False.")
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
table.head()

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
# ## Questions for the trees
#
# A tree asks questions that are answered by yes or no. So each answer gets a column: 1 is yes, 0 is no.

# %% id="features"
features = pd.DataFrame(
    {
        "female": people["Sex"] == "Female",
        "child": people["Age"] == "Child",
        "first_class": people["Class"] == "1st",
        "second_class": people["Class"] == "2nd",
        "third_class": people["Class"] == "3rd",
        "crew": people["Class"] == "Crew",
    }
).astype(int)
lived = people["lived"]
features.drop_duplicates().sample(5, random_state=seed)

# %% [markdown] id="train-text"
# ## Training
#
# Boosting builds small trees one after another, and each one corrects the sum of those before it.
# Too many of them learn chance by heart, or just waste time. So a fifth of the people is kept out of the training,
# and when 20 more trees have not made the probabilities clearly better for these people, training stops.

# %% id="train"
from sklearn.model_selection import train_test_split


def train(x, y):
    """A model learned from four fifths of the rows, and stopped by the last fifth."""
    x_learn, x_check, y_learn, y_check = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    model = xgboost.XGBClassifier(
        n_estimators=rounds,
        max_depth=max_depth,
        learning_rate=learning_rate,
        callbacks=[xgboost.callback.EarlyStopping(rounds=20, min_delta=0.0001)],
        eval_metric="logloss",
        importance_type="total_gain",
        device=device,
        n_jobs=1,  # with so few people, sharing the work takes longer than doing it
        random_state=seed,
    )
    model.fit(x_learn, y_learn, eval_set=[(x_learn, y_learn), (x_check, y_check)], verbose=False)
    return model.set_params(device="cpu")  # to answer where the table is: XGBoost would warn of copying it to a GPU


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
ax.legend(["people learned from", "people kept out", f"best: {trees} trees"], frameon=False)
plt.show()

# %% [markdown] id="folds-text"
# ## How often is it right?
#
# The people are dealt into groups of equal size. Each group once plays the unknown people,
# and a new model, which learned from all the others, guesses their fate. So everyone is guessed by a model that never saw them.

# %% id="folds"
import time

from sklearn.model_selection import StratifiedKFold

started = time.perf_counter()
right = np.zeros(len(people), dtype=bool)
scores = []
for known, unknown in StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, lived):
    fold_model = train(features.iloc[known], lived.iloc[known])
    right[unknown] = fold_model.predict(features.iloc[unknown]) == lived.iloc[unknown]
    scores.append(right[unknown].mean())
seconds = time.perf_counter() - started

print("Right in each group:", ", ".join(f"{score:.1%}" for score in scores))
print(f"Together: {right.mean():.2%}. The best possible rule: {limit:.2%}. Always 'died': {always_no:.2%}.")

# %% [markdown] id="learned-text"
# ## What did it learn?
#
# First: which questions helped most. Longer bars stand for questions that made the answers better.

# %% id="importance"
importance = pd.Series(100 * model.feature_importances_, index=features.columns).sort_values()
ax = importance.plot.barh(color="#40698f", figsize=(9, 3))
ax.bar_label(ax.containers[0], fmt="%.1f %%", padding=3)
ax.set(title="Share of each question in the improvement", xlabel="percent", xlim=(0, 1.12 * importance.max()))
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
import graphviz

font = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "12"}
box = {"shape": "box", "style": "filled,rounded", "color": "gray", "height": "0.4"}
picture = graphviz.Digraph(node_attr={**font, **box}, edge_attr={**font, "color": "gray"})
for node in model.get_booster().trees_to_dataframe().query("Tree == 0").itertuples():
    if node.Feature == "Leaf":
        picture.node(node.ID, f"{node.Gain:+.2f}", fillcolor="#f6d7a7" if node.Gain > 0 else "#c9d6e4")
    else:
        picture.node(node.ID, node.Feature.replace("_", " ") + "?", fillcolor="white")
        picture.edge(node.ID, node.No, label=" yes ")
        picture.edge(node.ID, node.Yes, label=" no ")  # XGBoost's "Yes" means: the column is below 1
picture.render(output_dir / "tree", format="svg", cleanup=True)
picture

# %% [markdown] id="save-text"
# ## Keep the model
#
# Saved, loaded again, and checked: the copy must give the same answers.

# %% id="save"
model.get_booster().save_model(output_dir / "titanic.json")
copy = xgboost.XGBClassifier()
copy.load_model(output_dir / "titanic.json")
np.testing.assert_allclose(copy.predict_proba(features), model.predict_proba(features), atol=1e-6)
print("The saved model answers like the trained one.")

results = {
    "accuracy": round(float(right.mean()), 4),
    "accuracy_std": round(float(np.std(scores)), 4),
    "trees": int(trees),
    "seconds": round(seconds, 2),
    "device": "gpu" if device == "cuda" else "cpu",
}
#:: endblock

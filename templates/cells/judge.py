# %% id="curves"
figure, axes = plt.subplots(1, 2, figsize=(10, 3.5))
for ax, quantity in zip(axes, ["accuracy", "loss"]):
    ax.plot(history["epoch"], history[quantity], "o-", label="training")
    ax.plot(history["epoch"], history[f"val_{quantity}"], "o-", label="held out")
    ax.set(title=quantity, xlabel="epoch", xticks=history["epoch"])
    ax.legend()
plt.show()

# %% [markdown] id="text"
# The held-out digits look easier than the training ones, because dropout hides half of what the filters found, but only during training. The training line is also an average over the whole epoch, while the model still improved.
#
# ## How good is it?
#
# Each row is a true digit, each column an answer. What is off the diagonal went wrong.

# %% id="confusion"
from sklearn.metrics import ConfusionMatrixDisplay

print(f"{accuracy:.2%} of {len(x_test):,} held-out digits are right.")
ConfusionMatrixDisplay.from_predictions(y_test, answers, cmap="Blues", colorbar=False)
plt.show()

# %% id="mistakes"
wrong = (answers != y_test).nonzero()[0][:8]
figure, axes = plt.subplots(1, 8, figsize=(10, 2))
for ax in axes:
    ax.axis("off")
for ax, index in zip(axes, wrong):
    ax.imshow(x_test[index], cmap="gray_r")
    ax.set_title(f"{y_test[index]}, not {answers[index]}")
figure.suptitle("Some of the mistakes" if len(wrong) else "No mistakes")
plt.show()

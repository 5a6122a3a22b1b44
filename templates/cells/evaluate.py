# %% id="curves"
figure, axes = plt.subplots(1, 2, figsize=(10, 3.5))
for ax, quantity in zip(axes, ["accuracy", "loss"]):
    ax.plot(history["epoch"], history[quantity], "o-", label="training")
    ax.plot(history["epoch"], history[f"val_{quantity}"], "o-", label="validation")
    ax.set(title=quantity, xlabel="epoch", xticks=history["epoch"])
    ax.legend()
plt.show()

# %% [markdown] id="text"
# If the validation loss rises while the training loss still falls, the network learns by heart: **overfitting**. Here the validation images look even easier than the training ones, because dropout hides half of what the filters found, but only during training. The training line is also an average over the whole epoch, while the model still improved.
#
# ## How good is it?
#
# One image first. Each bar is the probability that the network gives to a digit; it is least sure of this image among all that it tells right.

# %% id="bars"
print(f"Test accuracy: {accuracy:.2%} of {len(x_test):,} images")
certainty = probabilities[range(len(y_test)), y_test] + (predictions != y_test)  # wrong ones count as sure here
unsure = certainty.argmin()

figure, axes = plt.subplots(1, 2, figsize=(10, 2.5), width_ratios=[1, 3])
axes[0].imshow(x_test[unsure], cmap="gray_r")
axes[0].axis("off")
axes[1].bar(range(10), probabilities[unsure], color="#40698f")
axes[1].set(title=f"a {y_test[unsure]}, says the network", xticks=range(10), ylim=(0, 1), ylabel="probability")
plt.show()

# %% [markdown] id="confusion-text"
# Now all of them, as a **confusion matrix**: each row is a true digit, each column a prediction. What is off the diagonal went wrong.

# %% id="confusion"
from sklearn.metrics import ConfusionMatrixDisplay

ConfusionMatrixDisplay.from_predictions(y_test, predictions, cmap="Blues", colorbar=False)
plt.show()

# %% id="mistakes"
wrong = (predictions != y_test).nonzero()[0][:8]
figure, axes = plt.subplots(1, 8, figsize=(10, 2))
for ax in axes:
    ax.axis("off")
for ax, index in zip(axes, wrong):
    ax.imshow(x_test[index], cmap="gray_r")
    ax.set_title(f"{y_test[index]}, not {predictions[index]}")
figure.suptitle("Some of the mistakes" if len(wrong) else "No mistakes")
plt.show()

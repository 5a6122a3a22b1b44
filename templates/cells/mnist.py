# %% [markdown]
# ## The data
#
# MNIST: 70,000 digits written by hand, 28 x 28 pixels each, and the right answer to every one.
# Without a network, 1,797 smaller digits that come with scikit-learn take their place.

# %% id="load" cellView="form"
# @title Download MNIST
import hashlib
import http.client
import os
import urllib.request
from pathlib import Path

import numpy as np

#:: include "shared/mnist.py"

# %% id="choose" cellView="form"
# @title MNIST, or its stand-in
#:: include "shared/digits.py"

# %% id="images"
data_dir = home / "data" if drive_home else output_dir / "data"
used_dataset, (x_train, y_train, x_test, y_test) = load_images(dataset, data_dir)
print(f"Data set: {used_dataset}, {len(x_train):,} images to learn from, {len(x_test):,} held out")

# %% id="look"
import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 8, figsize=(10, 3))
for ax, image, label in zip(axes.flat, x_test, y_test):
    ax.imshow(image, cmap="gray_r")
    ax.set_title(int(label))
    ax.axis("off")
plt.show()

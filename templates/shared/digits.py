def load_small_digits():
    """scikit-learn's 1,797 digits, enlarged. A fifth is held out; the rest is also shifted 8 ways."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = np.kron(digits.images, np.ones((3, 3))) * 255 / 16  # 8 x 8 pixels -> 24 x 24
    images = np.pad(images, ((0, 0), (2, 2), (2, 2))).astype("uint8")
    labels = digits.target
    split = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=0)
    x_train, x_test, y_train, y_test = split
    shifts = [(down, right) for down in (-2, 0, 2) for right in (-2, 0, 2)]
    x_train = np.concatenate([np.roll(x_train, shift, axis=(1, 2)) for shift in shifts])
    return x_train, np.tile(y_train, len(shifts)), x_test, y_test


def load_images(dataset, folder):
    """The data set's name and four arrays; "auto" takes MNIST, or the digits where it cannot be had."""
    if dataset not in ("auto", "mnist", "digits"):
        raise ValueError(f'dataset must be "auto", "mnist" or "digits", not {dataset!r}')
    if dataset != "digits":
        try:
            return "mnist", load_mnist(folder)
        except (OSError, http.client.HTTPException) as error:
            if dataset == "mnist":
                raise
            print(f"MNIST cannot be downloaded ({error}), so scikit-learn's small digits stand in.")
    return "digits", load_small_digits()

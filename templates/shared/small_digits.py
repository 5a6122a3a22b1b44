def load_small_digits():
    """scikit-learn's 1,797 digits, enlarged. A fifth is for testing; the rest is also shifted 8 ways, copy beside copy."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = np.kron(digits.images, np.ones((3, 3))) * 255 / 16  # 8 x 8 pixels -> 24 x 24
    images = np.pad(images, ((0, 0), (2, 2), (2, 2))).astype("uint8")
    labels = digits.target
    split = train_test_split(images, labels, test_size=357, stratify=labels, random_state=0)
    x_train, x_test, y_train, y_test = split
    shifts = [(down, right) for down in (-2, 0, 2) for right in (-2, 0, 2)]
    x_train = np.stack([np.roll(x_train, shift, axis=(1, 2)) for shift in shifts], axis=1).reshape(-1, 28, 28)
    return (x_train, np.repeat(y_train, len(shifts))), (x_test, y_test)

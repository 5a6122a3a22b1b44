def load_images(dataset, folder):
    """The data set's name, and images and labels to train and to test with; "auto" takes MNIST, or the digits where it cannot be had."""
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

# %% [markdown] id="text"
# ## Results
#
# What stands in `{{ results_name | placeholder("results") }}` is kept in this notebook and in `results.json`, and can be compared over many runs: `colab-starter run`, then `colab-starter report`. One line records a number.

# %% id="numbers"
# One line records a number: {{ results_name | placeholder("results") }}["accuracy"] = accuracy
{{ numbers }}

# %% id="keep" cellView="form"
# @title Keep the results
def keep_results(numbers):
    """Record each number as a scrap, where papermill and scrapbook find it, and write results.json."""
    import json
    from pathlib import Path

    from IPython.display import display

    kept = {}
    for name, value in numbers.items():
        try:
            value = value.item() if hasattr(value, "item") else value
            json.dumps(value, allow_nan=False)
        except Exception:
            print(f"{name:24} is not kept: it is {type(value).__name__} {str(value)[:40]!r}, and not a number")
            continue
        kept[name] = value
        print(f"{name:24} {value}")
        scrap = {"name": name, "data": value, "encoder": "json", "version": 1}
        data = {"application/scrapbook.scrap.json+json": scrap}
        display(data, metadata={"scrapbook": {"name": name, "data": True, "display": False}}, raw=True)
    if not kept:
        print("No numbers yet: add a line to the cell above.")
    folder = Path(results_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(kept, indent=2))


keep_results({{ results_name }})

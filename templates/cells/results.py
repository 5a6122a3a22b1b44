# %% [markdown]
# ## Results
#
# The numbers below are kept inside the notebook, where papermill and scrapbook find them after a run, and in `results.json`.

# %% cellView="form"
# @title Keep the results
def keep_results():
    """Record each result as a scrap, write results.json, and list the files of this run."""
    import json

    from IPython.display import display

    for name, value in results.items():
        print(f"{name:24} {value}")
        scrap = {"name": name, "data": value, "encoder": "json", "version": 1}
        data = {"application/scrapbook.scrap.json+json": scrap}
        display(data, metadata={"scrapbook": {"name": name, "data": True, "display": False}}, raw=True)
    (results_dir / "results.json").write_text(json.dumps(results, indent=2))
    print("\nFiles in", results_dir)
    for path in sorted(path for path in results_dir.rglob("*") if path.is_file()):
        print(f"{path.stat().st_size:12,} bytes  {path.relative_to(results_dir)}")


keep_results()

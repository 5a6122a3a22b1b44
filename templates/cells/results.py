# %% [markdown]
# ## Results
#
# The numbers below are kept inside the notebook, where papermill and scrapbook find them after a run, and in `results.json`.

# %% cellView="form"
# @title Keep the results
import json

from IPython.display import display

for name, value in results.items():
    print(f"{name:24} {value}")
    scrap = {"name": name, "data": value, "encoder": "json", "version": 1}
    display(
        {"application/scrapbook.scrap.json+json": scrap},
        metadata={"scrapbook": {"name": name, "data": True, "display": False}},
        raw=True,
    )

(output_dir / "results.json").write_text(json.dumps(results, indent=2))
print("\nFiles in", output_dir)
for path in sorted(output_dir.rglob("*")):
    if path.is_file():
        print(f"{path.stat().st_size:12,} bytes  {path.relative_to(output_dir)}")

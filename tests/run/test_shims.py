"""Modules that are imported only when somebody needs them, though others import them with themselves."""

import subprocess
import sys
from pathlib import Path

JSONSCHEMA = """\
from contextlib import suppress
with suppress(ImportError):
    import fqdn
from rfc3987_syntax import is_valid_syntax
"""


def test_what_jsonschema_imports_slowly_is_imported_when_it_is_used_and_not_before(tmp_path: Path) -> None:
    """The jsonschema here is a small one that imports what releases from 4.25 on import."""
    (tmp_path / "rfc3987_syntax.py").write_text("print('slow')\ndef is_valid_syntax(term, value): return value == 'x'")
    (tmp_path / "fqdn.py").write_text("print('slow')")
    (tmp_path / "jsonschema.py").write_text(JSONSCHEMA)
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from colab_starter.run.shims import FOLDER, import_jsonschema
import_jsonschema()
import jsonschema
print({{"rfc3987_syntax", "fqdn"}} & set(sys.modules), FOLDER in sys.path)
print(jsonschema.is_valid_syntax(term="iri", value="x"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()", "False", "slow", "True"]

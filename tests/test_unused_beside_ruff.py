"""An unused heavy import: `--fix` deletes it as ruff's own fix of F401 does, to the byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.hooks.no_eager_heavy_imports import main

CASES = [
    pytest.param("import pandas\n\nprint(1)\n", id="alone"),
    pytest.param("import os\nimport pandas\nimport sys\n\nprint(os.sep, sys.path)\n", id="between-others"),
    pytest.param("import os\nimport pandas as pd\n\nprint(os.sep)\n", id="under-another-name"),
    pytest.param("import os, pandas, sys\n\nprint(os.sep, sys.path)\n", id="in-one-statement"),
    pytest.param("import pandas, os\n\nprint(os.sep)\n", id="first-in-a-statement"),
    pytest.param("import os, pandas\n\nprint(os.sep)\n", id="last-in-a-statement"),
    pytest.param("from pandas import DataFrame, Series\n\nprint(1)\n", id="names"),
    pytest.param("from pandas import (\n    DataFrame,\n    Series,\n)\n\nprint(1)\n", id="names-in-lines"),
    pytest.param("import pandas.io.json\n\nprint(1)\n", id="dotted"),
    pytest.param('"""Text."""\n\nimport pandas\nimport torch\n\nprint(1)\n', id="two-behind-a-docstring"),
    pytest.param("import pandas  # tables\n\nprint(1)\n", id="with-a-comment"),
    pytest.param("import os; import pandas\n\nprint(os.sep)\n", id="behind-a-semicolon"),
    pytest.param("import pandas; import os\n\nprint(os.sep)\n", id="before-a-semicolon"),
    pytest.param("import os\r\nimport pandas\r\n\r\nprint(os.sep)\r\n", id="other-line-ends"),
    pytest.param("\ufeffimport os\nimport pandas\n\nprint(os.sep)\n", id="byte-order-mark"),
    pytest.param("import os\nimport pandas\n\n\ndef f():\n    pandas = 1\n    return pandas, os\n", id="shadowed"),
    pytest.param("import os\nimport pandas  # noqa: F401\n\nprint(os.sep)\n", id="kept-by-a-comment"),
    pytest.param("import os\nimport pandas\n\n__all__ = ['pandas', 'os']\n", id="handed-on"),
    pytest.param("import pandas as pandas\n\nprint(1)\n", id="handed-on-by-its-name"),
]


@pytest.mark.parametrize("text", CASES)
def test_unused_imports_go_as_with_ruff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    write(tmp_path, {"app.py": text.encode()})
    monkeypatch.chdir(tmp_path)
    main(["--fix", "--to-start", "app.py"])
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--quiet", "--select=F401", "--fix", "--exit-zero", "-"]
    asked = subprocess.run([*command, "--stdin-filename=app.py"], input=text.encode(), capture_output=True, check=True)
    # Of what stood before the import, ruff leaves the semicolon.
    assert (tmp_path / "app.py").read_bytes() == asked.stdout.replace(b"; \n", b"\n")

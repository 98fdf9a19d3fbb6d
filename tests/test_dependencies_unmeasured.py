"""Packages that nobody measured, and what they are known to require."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memguard_hooks.catalog import lookup
from memguard_hooks.commands.check import main
from memguard_hooks.dependencies.requirement import normalize_name
from memguard_hooks.dependencies.unmeasured import known_required


def test_the_table_names_what_was_measured_of_what_was_not() -> None:
    measured = lookup.distributions().keys()
    for name, heavy in known_required().items():
        assert name == normalize_name(name)
        assert name not in measured
        assert heavy <= measured


def test_a_package_that_requires_torch_is_not_told_to_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Torch alone takes 507 MiB; an unknown package by itself counts 3."""
    (tmp_path / "requirements.txt").write_text("flask\ngunicorn\neasyocr\n", encoding="utf-8")
    (tmp_path / "main.py").write_text("import easyocr\nimport flask\n\napp = flask.Flask(__name__)\n", encoding="utf-8")
    (tmp_path / "Procfile").write_text("web: gunicorn main:app\n", encoding="utf-8")
    main([str(tmp_path), "--format", "json"])
    (service,) = json.loads(capsys.readouterr().out)["services"]
    (part,) = (one for one in service["parts"] if one["package"] == "easyocr")
    assert part["mib"] > 300

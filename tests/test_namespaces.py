"""What nobody measured of Azure, Google Cloud and LlamaIndex: priced as what was measured of the same namespace."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from folders import write

from memguard_hooks.catalog import lookup, namespaces
from memguard_hooks.hooks import memory_budget

MEMBERS = [
    pytest.param("google.cloud.retail_v2.types", "google.cloud.retail_v2", id="a version of an interface"),
    pytest.param("google.cloud.secretmanager_v1", "google.cloud.secretmanager", id="measured without its version"),
    pytest.param("google.cloud.pubsub", "google.cloud.pubsub_v1", id="measured by another module"),
    pytest.param("azure.mgmt.compute.ComputeManagementClient", "azure.mgmt.compute", id="below a measured neighbor"),
    pytest.param("llama_index.vector_stores.qdrant.base", "llama_index.vector_stores.qdrant", id="below several"),
    pytest.param("azure.functions", "azure.functions", id="measured"),
    pytest.param("google.cloud", None, id="the namespace"),
    pytest.param("llama_index.vector_stores", None, id="a namespace within"),
    pytest.param("llama_index.VectorStoreIndex", None, id="a class"),
    pytest.param("google.maps.places", None, id="another package"),
]


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_a_name_tells_the_distribution(name: str, member: str | None) -> None:
    assert namespaces.member_of(name) == member


@pytest.mark.parametrize("namespace", namespaces.NAMESPACES)
def test_what_was_measured_is_near_what_its_neighbors_say(namespace: str) -> None:
    base = lookup.interpreter("3.11").resident
    errors = []
    for one in namespaces.neighbors(namespace, "", "3.11"):
        typical = namespaces.typical(namespace + one.distribution.rpartition("-")[2], "3.11")
        assert typical is not None
        low, high = typical.range
        assert low <= typical.footprint.resident <= high
        errors.append((base + typical.footprint.resident) / (base + one.resident) - 1)
    assert abs(statistics.mean(errors)) < 0.1
    assert statistics.median(map(abs, errors)) < 0.3


def judge(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the only service."""
    capsys.readouterr()
    assert memory_budget.main(["--format", "json"]) in (0, 1)
    (service,) = json.loads(capsys.readouterr().out)["services"]
    found: dict[str, Any] = service
    return found


def test_each_distribution_of_a_namespace_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path, {"Procfile": "web: python main.py\n", "requirements.txt": "google-cloud-workflows\nazure-mgmt-network\n"}
    )
    sizes = []
    for source in ("", "from google.cloud import retail_v2\n", "import azure.mgmt.compute\n"):
        write(tmp_path, {"main.py": source})
        service = judge(capsys)
        sizes.append(service["estimate_mib"]["expected"])
        assumed = [one for one in service["parts"] if one["source"] == "assumed" and one["package"] != "(first-party)"]
        assert len(assumed) == bool(source)
    assert sizes[1] - sizes[0] > 40
    assert sizes[2] - sizes[0] > 15


def test_an_old_llama_index_has_all_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"Procfile": "web: python main.py\n", "main.py": "from llama_index.vector_stores import milvus\n"})
    found = []
    for pin in ("llama-index==0.9.7", "llama-index-vector-stores-milvus"):
        write(tmp_path, {"requirements.txt": f"{pin}\n"})
        found.append(any(one["package"] == "llama_index.vector_stores.milvus" for one in judge(capsys)["parts"]))
    assert found == [False, True]


def test_an_old_llama_index_is_no_empty_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An old one was never measured where 0.14 takes 0.2 MiB, and is told as unknown."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"Procfile": "web: python main.py\n", "main.py": "from llama_index import VectorStoreIndex\n"})
    found = []
    for version in ("0.8.40", "0.14.20"):
        write(tmp_path, {"requirements.txt": f"llama-index=={version}\n"})
        found.append(sum(one["mib"] for one in judge(capsys)["parts"] if one["package"] == "llama_index"))
    assert found[0] > 2
    assert found[1] < 1

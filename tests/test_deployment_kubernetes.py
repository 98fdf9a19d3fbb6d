"""Kubernetes manifests and services of Cloud Run: which containers start Python, with what, under which limit."""

from __future__ import annotations

import json
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from work import at_most

from memguard_hooks.deployment import kubernetes
from memguard_hooks.deployment.service import Deployment, Service, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB
from memguard_hooks.formats import parameters

DOCKERFILE = 'FROM python:3.12-slim\nENV A=image B=image\nWORKDIR /app\nCOPY src .\nCMD ["python", "main.py"]\n'


def read(text: str, **files: str) -> Deployment:
    found = {path.replace("__", "/").replace("_", "."): content.encode() for path, content in files.items()}
    return kubernetes.read(text.encode(), "k8s/app.yaml", found.get)


def only(text: str, **files: str) -> Service:
    found = read(text, **files)
    assert not found.skipped
    assert len(found.services) == 1, found
    return found.services[0]


def deployment(container: str, kind: str = "Deployment", spec: str = "") -> str:
    """Return a workload of one container; `container` are its keys, indented by eight."""
    return f"""\
apiVersion: apps/v1
kind: {kind}
metadata:
  name: api
spec:
{spec}  selector: {{matchLabels: {{app: api}}}}
  template:
    metadata: {{labels: {{app: api}}}}
    spec:
      containers:
      - name: api
        image: ghcr.io/acme/shop:1.2
{container}"""


# The shapes that the documentation of Kubernetes writes


def test_command_and_arguments() -> None:
    service = only(
        deployment(
            "        command: [gunicorn]\n        args: ['-w', '2', 'app:app']\n"
            "        resources:\n          requests: {memory: 64Mi}\n"
            "          limits:\n            memory: 512Mi\n            cpu: 500m\n",
            spec="  replicas: 3\n",
        )
    )
    assert (service.name, service.path, service.line, service.column) == ("api", "k8s/app.yaml", 14, 18)
    assert (service.command, service.kind, service.platform) == ("gunicorn -w 2 app:app", "web", "kubernetes")
    assert (service.limit, service.cpus, service.replicas) == (512 * MIB, 0.5, 3)
    assert service.limit_source == "k8s/app.yaml:19 resources.limits.memory"
    assert service.limit_label == "kubernetes resources.limits.memory"


@pytest.mark.parametrize(
    ("container", "command", "line", "column"),
    [
        pytest.param('        command: ["python", "main.py"]\n', "python main.py", 13, 18, id="flow"),
        pytest.param("        command:\n        - python\n        - main.py\n", "python main.py", 14, 9, id="block"),
        pytest.param("        args: [uvicorn, main:app]\n", "uvicorn main:app", 13, 15, id="args-alone"),
        pytest.param(
            '        command: ["/bin/sh", "-c", "python main.py"]\n', "/bin/sh -c 'python main.py'", 13, 18, id="shell"
        ),
        pytest.param(
            "        command: [python, $(FILE), $(NO), $$(FILE)]\n        env: [{name: FILE, value: a.py}]\n",
            "python a.py '$(NO)' '$(FILE)'",
            13,
            18,
            id="references",
        ),
        pytest.param(
            "        command: [python, $(B)]\n        env: [{name: A, value: a}, {name: B, value: $(A)/b.py}]\n",
            "python a/b.py",
            13,
            18,
            id="dependent-variables",
        ),
    ],
)
def test_command_has_its_place(container: str, command: str, line: int, column: int) -> None:
    service = only(deployment(container))
    assert (service.command, service.line, service.column) == (command, line, column)


@pytest.mark.parametrize(
    ("kind", "spec", "replicas"),
    [
        pytest.param("Deployment", "", 1, id="default"),
        pytest.param("StatefulSet", "  replicas: 2\n", 2, id="stateful-set"),
        pytest.param("ReplicaSet", "  replicas: 0\n", None, id="scaled-by-another"),
        pytest.param("DaemonSet", "", None, id="one-a-node"),
    ],
)
def test_replicas(kind: str, spec: str, replicas: int | None) -> None:
    assert only(deployment("        command: [python, a.py]\n", kind, spec)).replicas == replicas


def test_pod_cron_job_and_list() -> None:
    text = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: bot}
  spec:
    initContainers: [{name: wait, image: x, command: [python, wait.py]}]
    containers: [{name: bot, image: x, command: [python, bot.py]}, {name: db, image: "postgres:16"}]
- apiVersion: batch/v1
  kind: CronJob
  metadata: {name: nightly}
  spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: x, args: [python, n.py]}]}}}}}
- apiVersion: batch/v1
  kind: Job
  metadata: {name: migrate}
  spec: {template: {spec: {containers: [{name: c, image: x, command: [python, manage.py, migrate]}]}}}
"""
    assert [(one.name, one.kind, one.command) for one in read(text).services] == [
        ("bot/bot", "web", "python bot.py"),
        ("nightly", "cron", "python n.py"),
    ]


def test_variables_and_their_places() -> None:
    text = deployment(
        """\
        command: [python, main.py]
        envFrom:
        - prefix: X_
          configMapRef: {name: shared}
        - configMapRef: {name: elsewhere}
        env:
        - {name: A, value: "1"}
        - name: X_TWO
          valueFrom: {secretKeyRef: {name: s, key: k}}
        - name: C
          valueFrom: {configMapKeyRef: {name: shared, key: ONE}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shared}
data:
  ONE: "one"
  TWO: "two"
"""
    )
    service = only(text)
    assert service.environment == {"A": "1", "X_ONE": "one", "C": "one"}
    assert service.variables == {
        "A": ServicePlace("k8s/app.yaml", 19, 11),
        "X_ONE": ServicePlace("k8s/app.yaml", 29, 3),
        "X_TWO": ServicePlace("k8s/app.yaml", 20, 11),
        "C": ServicePlace("k8s/app.yaml", 22, 11),
    }


def test_variables_of_a_map_in_the_file_beside() -> None:
    """A map that another file of the folder has gives what it holds; the one of the same name in the file itself wins."""
    text = deployment("        command: [python, main.py]\n        envFrom: [{configMapRef: {name: shared}}]\n")
    beside = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {MODEL: large-v3}\n"
    service = only(text, k8s__config_yaml=beside)
    assert service.environment == {"MODEL": "large-v3"}
    assert service.variables["MODEL"] == ServicePlace("k8s/config.yaml", 4, 8)
    assert only(text + "---\n" + beside.replace("large-v3", "base"), k8s__config_yaml=beside).environment == {
        "MODEL": "base"
    }
    assert only(text, k8s__config_yaml=beside.replace("shared", "{{ name }}")).environment == {}


def test_image_that_is_called_like_the_workload_is_that_of_the_dockerfile() -> None:
    text = deployment("        env: [{name: B, value: pod}]\n").replace("shop:1.2", "api:1.2")
    service = only(text, Dockerfile=DOCKERFILE, src__main_py="")
    assert (service.command, service.path, service.line, service.folder) == ("python main.py", "Dockerfile", 5, "src")
    assert service.environment == {"PYTHON_VERSION": "3.12", "A": "image", "B": "pod"}


def test_the_only_image_that_nobody_else_makes_is_that_of_the_dockerfile() -> None:
    others = "      - {name: proxy, image: envoyproxy/envoy}\n      - {name: cache, image: registry.k8s.io/x}\n"
    found = read(deployment("        args: [a.py]\n" + others), Dockerfile='FROM python:3.12\nENTRYPOINT ["python"]\n')
    assert [(one.name, one.command, one.path, one.line) for one in found.services] == [
        ("api/api", "python a.py", "k8s/app.yaml", 13)
    ]
    found = read(deployment(others), Dockerfile='FROM python:3.12\nCMD ["python", "b.py"]\n')
    assert [(one.name, one.command, one.path, one.line) for one in found.services] == [
        ("api/api", "python b.py", "Dockerfile", 2)
    ]
    assert [(one.line, one.reason) for one in found.skipped] == [
        (11, "ghcr.io/acme/shop:1.2 of api/api is taken for the image that Dockerfile makes: no other one here may be")
    ]


def test_a_dockerfile_in_the_folder_docker_makes_the_image_where_the_root_has_none() -> None:
    image = 'FROM python:3.12\nCMD ["python", "b.py"]\n'
    (service,) = read(deployment(""), docker__Dockerfile=image).services
    assert (service.command, service.path, service.line) == ("python b.py", "docker/Dockerfile", 2)
    (service,) = read(deployment(""), docker__Dockerfile=image, Dockerfile=DOCKERFILE, src__main_py="").services
    assert (service.command, service.path) == ("python main.py", "Dockerfile")


def test_an_init_container_that_stays_is_a_sidecar() -> None:
    sidecar = "      initContainers:\n      - {name: s, image: x, restartPolicy: Always, command: [python, s.py]}\n"
    found = read(deployment("        command: [python, a.py]\n" + sidecar))
    assert [(one.name, one.command) for one in found.services] == [("api/api", "python a.py"), ("api/s", "python s.py")]
    assert len(read(deployment("        command: [python, a.py]\n" + sidecar.replace("Always", "Never"))).services) == 1


def test_command_takes_the_place_of_all_that_the_dockerfile_starts_and_arguments_of_cmd() -> None:
    dockerfile = DOCKERFILE + 'ENTRYPOINT ["tini", "--"]\n'
    text = deployment("        command: [python, b.py]\n").replace("shop:1.2", "api:1.2")
    assert only(text, Dockerfile=dockerfile).command == "python b.py"
    text = text.replace("command:", "args:")
    assert only(text, Dockerfile=dockerfile).command == "tini -- python b.py"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            deployment("      - {name: x, image: acme/web}\n"),
            id="two-images-of-which-none-is-called-like-what-it-runs-in",
        ),
        pytest.param(deployment("").replace("acme/shop:1.2", "bitnami/redis").replace("api", "redis"), id="well-known"),
        pytest.param(deployment("        command: [nginx, -g, daemon off]\n"), id="another-program"),
        pytest.param("apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {ports: [{port: 80}]}\n", id="service"),
        pytest.param("a: b\n", id="no-manifest"),
        pytest.param("", id="empty"),
    ],
)
def test_what_does_not_start_python_is_silent(text: str) -> None:
    assert read(text, Dockerfile=DOCKERFILE) == Deployment()


# Memory


def test_container_without_a_limit_is_a_trap() -> None:
    found = read(deployment("        command: [python, a.py]\n        resources: {requests: {memory: 64Mi}}\n"))
    assert found.services[0].limit is None
    assert [(trap.kind, trap.place, trap.subject) for trap in found.traps] == [
        ("no-memory-limit", ServicePlace("k8s/app.yaml", 11, 9), "api")
    ]


def test_limit_that_is_not_known_is_no_trap() -> None:
    found = read(deployment("        command: [python, a.py]\n        resources: {limits: {memory: '${MEM}'}}\n"))
    assert (found.services[0].limit, found.traps) == (None, ())
    assert found.services[0].limit_source == "k8s/app.yaml:14 resources.limits.memory"


def test_limit_of_the_pod() -> None:
    text = deployment("        command: [python, a.py]\n      resources: {limits: {memory: 1Gi}}\n")
    assert only(text).limit == 1024 * MIB


LIMIT_RANGE = "---\nkind: LimitRange\nspec: {limits: [{type: Pod, max: {memory: 2Gi}}, {type: Container, %s}]}\n"


@pytest.mark.parametrize("key", ["default", "max"])
def test_limit_of_a_limit_range(key: str) -> None:
    limits = LIMIT_RANGE % f"{key}: {{memory: 300Mi}}, defaultRequest: {{memory: 9Mi}}"
    service = only(deployment("        command: [python, a.py]\n") + limits)
    assert (service.limit, service.limit_label) == (300 * MIB, "kubernetes LimitRange")
    assert service.limit_source == "k8s/app.yaml:16 LimitRange"
    own = "        command: [python, a.py]\n        resources: {limits: {memory: 1Gi}}\n"
    assert only(deployment(own) + limits).limit == 1024 * MIB


QUANTITIES = ["512Mi", "512M", "0.5Gi", "1.5Gi", "1e9", "1E3", "128974848", "129M", "123Mi", "128974848000m", "400m", "1Ki",
              "1k", "2G", "3Ti", "1P", "1Ei", "12e6", "5e-1", "100u", "7n", ".5Gi", "1.Gi"]  # fmt: skip
NO_QUANTITIES = ["512mb", "512MB", "1 Gi", "1K", "512MiB", "0x10", "1e", "1gi", "", "1,5Gi"]


def canonical(folder: Path, text: str) -> str | None:
    """Return a quantity as kubectl writes it, None where it refuses it."""
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl on this machine")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "q"}}
    container = {"name": "c", "image": "x", "resources": {"limits": {"memory": text}}}
    (folder / "pod.json").write_text(json.dumps({**pod, "spec": {"containers": [container]}}))
    command = ["kubectl", "set", "resources", "--local", "-f", "pod.json", "--limits=ephemeral-storage=1", "-o", "json"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if told.returncode:
        return None
    return str(json.loads(told.stdout)["spec"]["containers"][0]["resources"]["limits"]["memory"])


@pytest.mark.parametrize("text", QUANTITIES)
def test_quantity_is_what_kubectl_reads(tmp_path: Path, text: str) -> None:
    told = canonical(tmp_path, text)
    assert told is not None
    assert kubernetes.parse_quantity(text) == kubernetes.parse_quantity(told)


@pytest.mark.parametrize("text", NO_QUANTITIES)
def test_no_quantity_is_one_that_kubectl_refuses(tmp_path: Path, text: str) -> None:
    assert canonical(tmp_path, text) is None
    assert kubernetes.parse_quantity(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("512Mi", 512 * MIB, id="binary"),
        pytest.param("512M", 512_000_000, id="decimal"),
        pytest.param("1e9", 10**9, id="exponent"),
        pytest.param("400m", Decimal("0.4"), id="thousandths"),
    ],
)
def test_quantity(text: str, value: Decimal) -> None:
    assert kubernetes.parse_quantity(text) == value


# Cloud Run

CLOUD_RUN = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: api
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/maxScale: '5'
    spec:
      containerConcurrency: 80
      containers:
      - image: us-docker.pkg.dev/acme/api
        command: [gunicorn, "app:app"]
        args: [--bind, ":$(PORT)"]
        env: [{name: A, value: b}]
"""


def test_cloud_run_has_defaults() -> None:
    found = read(CLOUD_RUN)
    service = found.services[0]
    assert (service.name, service.platform, service.command) == ("api", "cloud-run", "gunicorn app:app --bind :8080")
    assert (service.limit, service.cpus, service.replicas) == (512 * MIB, 1.0, 5)
    assert (service.limit_source, service.limit_label) == ("k8s/app.yaml:13 default", "cloud-run by default")
    assert service.environment == {"PORT": "8080", "K_SERVICE": "api", "A": "b"}
    assert (found.traps, found.skipped) == ((), ())


def test_cloud_run_limits() -> None:
    service = only(CLOUD_RUN + "        resources: {limits: {memory: 1Gi, cpu: 2000m}}\n")
    assert (service.limit, service.cpus) == (1024 * MIB, 2.0)
    assert service.limit_label == "cloud-run resources.limits.memory"
    assert only(CLOUD_RUN.replace("maxScale", "minScale")).replicas is None


# What is hostile, or no YAML yet


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(
            deployment("        command: [python]\n").replace("name: api", "name: {{ .Release.Name }}"), 4, id="helm"
        ),
        pytest.param("{{- if .Values.on }}\n" + deployment("") + "{{- end }}\n", 1, id="helm-condition"),
        pytest.param(deployment("        args: {{ args | to_json }}\n"), 13, id="jinja"),
    ],
)
def test_template_is_skipped_with_its_line(text: str, line: int) -> None:
    found = read(text)
    assert [(one.line, one.reason) for one in found.skipped] == [
        (line, "is a template, whose values are known only once it is filled in")
    ]
    assert not found.services


def test_template_in_quotes_is_a_value_like_any_other() -> None:
    service = only(deployment("        command: [python, a.py]\n        resources: {limits: {memory: '{{ mem }}'}}\n"))
    assert service.limit is None


def test_no_yaml_is_at_fault_with_its_place() -> None:
    with pytest.raises(MemguardError) as caught:
        read(deployment("        command: [python\n"))
    assert (caught.value.path, caught.value.line) == ("k8s/app.yaml", 14)


@pytest.mark.parametrize(
    "container",
    [
        pytest.param("        command: &a [*a, python]\n", id="command-that-holds-itself"),
        pytest.param("        command: {a: b}\n        args: {c: d}\n", id="mappings"),
        pytest.param("        command: python main.py\n", id="text-where-a-list-must-be"),
        pytest.param(
            "        command: [[python], {a: b}, null]\n        env: [null, [], {name: [], value: {}}]\n", id="items"
        ),
        pytest.param("        env: {a: b}\n        envFrom: x\n        resources: [limits]\n", id="wrong-types"),
        pytest.param('        command: ["\\0", python]\n        workingDir: [x]\n', id="null-byte"),
        pytest.param("        ? [python]\n        : {command: [python]}\n", id="odd-key"),
        pytest.param("        command: [python, a.py]\n        workingDir: ../../../etc\n", id="path-out"),
        pytest.param("        command: [python, a.py]\n        resources: {limits: {memory: 1e99, cpu: 1e99}}\n", id="huge"),
    ],
)
def test_wrong_types_are_survived(container: str) -> None:
    for found in (read(deployment(container)), read(deployment(container), Dockerfile=DOCKERFILE)):
        assert all(not one.path.startswith("..") for one in found.services)


def test_many_containers_are_bounded() -> None:
    container = "{name: c, image: x, command: *c, env: *e}"
    words = ", ".join(["python"] * 150)
    head = "x: &c [" + words + "]\ny: &e [" + ", ".join(["{name: A, value: $(A)}"] * 125) + "]\n"
    text = f"apiVersion: v1\nkind: Pod\n{head}spec: {{containers: [{', '.join([container] * 200)}]}}\n"
    with at_most(3_000_000):
        found = read(text)
    assert len(found.services) == kubernetes.MAX_CONTAINERS
    assert [one.reason for one in found.skipped] == [f"has more than {kubernetes.MAX_CONTAINERS} containers"]


def test_variables_that_double_each_other_are_bounded() -> None:
    doubling = "".join(f"        - {{name: A{n + 1}, value: $(A{n})$(A{n})}}\n" for n in range(400))
    service = only(
        deployment(f"        command: [python, a.py]\n        env:\n        - {{name: A0, value: xx}}\n{doubling}")
    )
    assert max(map(len, service.environment.values())) <= parameters.MAX_TEXT


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"apiVersion: v1\nkind: Pod\n\0", id="null-bytes"),
        pytest.param(b"apiVersion: v1\nkind: Pod\n\xff", id="no-utf-8"),
        pytest.param(b"apiVersion: v1\nkind: Pod\nx: " + b"[" * 2_000, id="deep"),
    ],
)
def test_hostile_files_are_one_error(data: bytes) -> None:
    with at_most(500_000), pytest.raises(MemguardError):
        kubernetes.read(data, "k8s/app.yaml")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"kind: Pod\n" + b"#" * 10 * MIB, "is larger than 256 KiB", id="ten-megabytes"),
        pytest.param(b"kind: Pod\n" + b"---\nkind: Pod\n" * 1_000, "has more than 300 documents", id="documents"),
    ],
)
def test_bundle_that_is_too_large_is_skipped(data: bytes, reason: str) -> None:
    assert [one.reason for one in kubernetes.read(data, "k8s/app.yaml").skipped] == [reason]


@pytest.mark.parametrize(
    ("copied", "file", "folder"),
    [("b.py", "src__b_py", "src"), ("src", "src__b_py", "src"), (".", "b_py", "")],
)
def test_a_dockerfile_in_a_folder_makes_the_image_in_it_or_in_the_root(copied: str, file: str, folder: str) -> None:
    image = f'FROM python:3.12\nWORKDIR /app\nCOPY {copied} ./\nCMD ["python", "b.py"]\n'
    (service,) = read(deployment(""), src__Dockerfile=image, **{file: ""}).services
    assert (service.command, service.path, service.folder) == ("python b.py", "src/Dockerfile", folder)


@pytest.mark.parametrize(
    "file", ["docker/Dockerfile.shop", "Dockerfile.shop", "docker/shop/Dockerfile", "docker/shop.Dockerfile"]
)
def test_a_dockerfile_called_like_the_image(file: str) -> None:
    held = {file: b'FROM python:3.12\nCOPY . .\nCMD ["python", "b.py"]\n', "b.py": b""}
    (service,) = kubernetes.read(deployment("").encode(), "k8s/app.yaml", held.get).services
    assert (service.command, service.path, service.folder) == ("python b.py", file, "")

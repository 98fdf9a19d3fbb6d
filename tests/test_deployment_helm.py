"""Charts of Helm: templates filled in with values, and the containers that they come to."""

from __future__ import annotations

import pytest
from work import at_most

from memguard_hooks.deployment import helm
from memguard_hooks.deployment.service import Deployment
from memguard_hooks.finding import MIB
from memguard_hooks.formats.go_template import Renderer, TemplateError, parse

HELPERS = """
{{/* The name of a release: "shop" */}}
{{- define "shop.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- define "shop.labels" -}}
app: {{ .Chart.Name }}
version: {{ .Chart.AppVersion | quote }}
{{- end }}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "shop.fullname" . }}
  labels:
    {{- include "shop.labels" . | nindent 4 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicaCount }}
  {{- end }}
  template:
    spec:
      {{- with .Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          {{- if .Values.command }}
          command: {{ toJson .Values.command }}
          {{- end }}
          env:
            {{- range $key, $value := .Values.env }}
            - name: {{ $key }}
              value: {{ $value | quote }}
            {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
"""
VALUES = """
replicaCount: 2
image: {repository: ghcr.io/acme/shop, tag: ""}
autoscaling: {enabled: false}
nodeSelector: {}
env: {WEB_CONCURRENCY: 3, DEBUG: false}
resources: {limits: {memory: 256Mi}}
"""
CHART = "apiVersion: v2\nname: shop\nversion: 0.1.0\nappVersion: '1.2'\n"
IMAGE = 'FROM python:3.12\nCOPY . .\nCMD ["gunicorn", "app:app"]\n'
FILES = {
    "chart/Chart.yaml": CHART,
    "chart/values.yaml": VALUES,
    "chart/templates/_helpers.tpl": HELPERS,
    "chart/templates/deployment.yaml": DEPLOYMENT,
    "Dockerfile": IMAGE,
    "app.py": "",
}


def read(**changed: str) -> Deployment:
    files = {**FILES, **{name.replace("__", "/").replace("_y", ".y"): text for name, text in changed.items()}}
    templates = sorted(name for name in files if "/templates/" in name)
    held = {name: text.encode() for name, text in files.items()}
    return helm.read("chart/Chart.yaml", templates, held.get)


def test_container_of_a_chart() -> None:
    (one,) = read().services
    assert (one.name, one.command, one.path, one.limit, one.replicas) == (
        "shop-shop", "gunicorn app:app", "Dockerfile", 256 * MIB, 2
    )  # fmt: skip
    assert one.limit_source == "chart/templates/deployment.yaml:30 resources.limits.memory"
    assert (one.environment["WEB_CONCURRENCY"], one.environment["DEBUG"]) == ("3", "false")
    assert one.variables["WEB_CONCURRENCY"].line == 26


def test_command_and_values_for_production() -> None:
    (one,) = read(
        chart__values_prod_yaml="",
        **{"chart/values-prod.yaml": "command: [gunicorn, -w, '4', 'app:app']\nreplicaCount: 5\n"},
    ).services
    assert (one.command, one.path, one.line, one.replicas) == (
        "gunicorn -w 4 app:app", "chart/templates/deployment.yaml", 22, 5
    )  # fmt: skip


def test_name_of_a_chart_that_its_values_override() -> None:
    (one,) = read(chart__values_yaml=f"{VALUES}fullnameOverride: store\n").services
    assert one.name == "store"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("kind: Deployment\n{{ if }}x", "a block has no end"),
        ("kind: Deployment\n{{ .Values", "an action has no end"),
        ("kind: Deployment\n{{ end }}", "end stands alone"),
    ],
)
def test_a_chart_that_is_not_filled_in_is_told(template: str, reason: str) -> None:
    found = read(**{"chart/templates/deployment.yaml": template})
    assert found.services == ()
    assert [(gap.path, gap.service, gap.reason) for gap in found.skipped] == [
        ("chart/Chart.yaml", "chart", f"its templates are not filled in here: {reason}")
    ]


def test_a_chart_of_another_language_is_no_service() -> None:
    found = read(**{"chart/templates/deployment.yaml": "kind: Pod\n{{ end }}", "Dockerfile": "FROM node\n"})
    assert [gap.service for gap in found.skipped] == [""]


def test_of_a_chart_only_the_template_that_comes_to_no_yaml_is_left_out() -> None:
    broken = {
        "chart/templates/other-worker.yaml": "kind: Deployment\na: [",
        "chart/templates/notes.yaml": "kind: Service\na: [",
    }
    found = read(**broken)
    whole = read()
    assert [one.name for one in found.services] == [one.name for one in whole.services]
    assert [(gap.path, gap.service) for gap in found.skipped] == [("chart/templates/other-worker.yaml", "other-worker")]
    assert found.skipped[0].reason.startswith("its templates are not filled in here: is not valid YAML")


@pytest.mark.parametrize(
    ("template", "printed"),
    [
        ("a {{- 1 -}} b", "a1b"),
        ("{{ .V.a }}|{{ .V.b.c }}|{{ $.V.d }}", "1|x|"),
        ("{{ if .V.no }}1{{ else if eq .V.a 1 }}2{{ else }}3{{ end }}", "2"),
        ("{{ range .V.l }}{{ . }},{{ else }}none{{ end }}", "p,q,"),
        ("{{ range $i, $x := .V.l }}{{ $i }}{{ $x }} {{ end }}", "0p 1q "),
        ("{{ range .V.no }}x{{ else }}none{{ end }}", "none"),
        ("{{ with .V.b }}{{ .c }}{{ end }}{{ with .V.no }}x{{ end }}", "x"),
        ('{{ $x := "a" }}{{ if true }}{{ $x = "b" }}{{ end }}{{ $x }}', "b"),
        ('{{ .V.no | default "d" | quote }}{{ printf "%s-%d" "a" 3 }}', '"d"a-3'),
        ("{{ (.V.b).c }}{{ .V.l | toYaml | nindent 2 }}", 'x\n  - "p"\n  - "q"'),
        ('{{ toYaml (dict "a" (dict "b" .V.l) "c" (list)) }}', '"a":\n  "b":\n    - "p"\n    - "q"\n"c": []'),
        ('{{ index . "V" "l" 1 }}{{ dig "b" "c" "d" .V }}{{ dig "b" "x" "d" .V }}', "qxd"),
        ('{{ define "r" }}{{ $.c }}{{ index $ "c" }}{{ end }}{{ include "r" .V.b }}', "xx"),
        ('{{ range until 2 }}{{ . }}{{ end }}{{ sha256sum "a" | trunc 4 }}', "01ca97"),
        ('{{ tpl "{{ .V.a }}" . }}{{ lookup "v1" "Secret" "x" "y" }}', "1"),
        ('{{ if .Capabilities.APIVersions.Has "x" }}x{{ end }}{{ ternary "a" "b" true }}', "a"),
        ('{{/* a "comment }} */}}{{ "}}" }}{{ `"` }}', '}}"'),
        ('{{ define "n" }}[{{ .c }}]{{ end }}{{ include "n" .V.b }}{{ include "m" . }}', "[x]"),
    ],
)  # fmt: skip
def test_templates(template: str, printed: str) -> None:
    nodes, defined = parse(template)
    values = {"V": {"a": 1, "b": {"c": "x"}, "l": ["p", "q"], "no": None}}
    assert "".join(one.text for one in Renderer(defined, values).render(nodes)) == printed


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{{" * 60_000, id="actions"),
        pytest.param("{{/*" + "*" * 120_000, id="comment"),
        pytest.param("{{ if x }}" * 12_000, id="blocks"),
        pytest.param("{{ " + "(" * 60_000 + " }}", id="brackets"),
        pytest.param('{{ define "a" }}{{ include "a" . }}{{ include "a" . }}{{ end }}{{ include "a" . }}', id="itself"),
        pytest.param("{{ range .V }}{{ range $.V }}{{ range $.V }}x{{ end }}{{ end }}{{ end }}", id="loops"),
        pytest.param('{{ $x := "aa" }}' + '{{ $x = printf "%s%s" $x $x }}' * 60, id="texts"),
        pytest.param("{{ $x := list 1 }}" + "{{ $x = list $x $x }}" * 60 + "{{ toYaml $x }}", id="lists"),
    ],
)
def test_hostile_templates_are_one_error(template: str) -> None:
    def fill_in() -> None:
        nodes, defined = parse(template)
        Renderer(defined, {"V": list(range(1000))}).render(nodes)

    with at_most(20_000_000), pytest.raises(TemplateError):
        fill_in()

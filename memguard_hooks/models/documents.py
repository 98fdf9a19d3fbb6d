"""Documents that code reads as it starts, such as `config.yaml`, as the tables that Python makes of them."""

from __future__ import annotations

import ast

from memguard_hooks.errors import MemguardError

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from typing import Any

    import yaml

FORMATS = {
    "json.load": "json", "json.loads": "json", "omegaconf.OmegaConf.load": "yaml", "orjson.loads": "json",
    "toml.load": "toml", "toml.loads": "toml", "tomli.load": "toml", "tomli.loads": "toml", "tomllib.load": "toml",
    "tomllib.loads": "toml", "yaml.full_load": "yaml", "yaml.load": "yaml", "yaml.safe_load": "yaml",
    "yaml.unsafe_load": "yaml",
}  # fmt: skip
"""Functions that read a document, and its format."""

DOCUMENTS = (".cfg", ".ini", ".json", ".toml", ".yaml", ".yml")
"""What names of documents end with."""

INI = "configparser.ConfigParser"
"""What reads files of sections."""


class IniSection(ast.Dict):
    """The options of a section: their names are in small letters, and are asked for in letters of any case."""


MAX_BYTES = 2**18
"""Of a document that is read for what it names; no hand writes more settings."""

MAX_DEPTH = 30
"""Tables and lists inside of each other."""

MAX_NODES = 20_000
"""Keys and values of a document: what YAML names a second time counts again."""


def read(data: bytes, path: str, form: str) -> ast.expr | None:
    """Return a document as an expression of Python, None for what cannot be read."""
    if len(data) > MAX_BYTES:
        return None
    try:
        if form == "yaml":
            from memguard_hooks.formats.yaml_nodes import compose

            return _Reader(path).of_yaml(compose(data, path), 0)
        if form == "ini":
            from memguard_hooks.formats.ini import read_options

            sections: dict[str, dict[str, str]] = {}
            for one in read_options(data.decode("utf-8", "replace")):
                sections.setdefault(one.section, {})[one.name] = "\n".join(piece.text for piece in one.pieces).strip()
            reader = _Reader(path)
            names: list[ast.expr | None] = [ast.Constant(name) for name in sections]
            return ast.Dict(names, [reader.of_section(one) for one in sections.values()])
        if form == "toml":
            from memguard_hooks.formats import toml_document

            return _Reader(path).of_plain(toml_document.parse(data, path).data, 0)
        from memguard_hooks.formats import json_document

        return _Reader(path).of_plain(json_document.parse(data, path, MAX_BYTES).data, 0)
    except MemguardError:
        return None


class _Reader:
    """Makes expressions of what a document holds, no more than some."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._left = MAX_NODES

    def of_plain(self, value: Any, depth: int) -> ast.expr:
        self._count()
        if depth < MAX_DEPTH and isinstance(value, dict):
            names: list[ast.expr | None] = [ast.Constant(name) for name in value]
            return ast.Dict(names, [self.of_plain(one, depth + 1) for one in value.values()])
        if depth < MAX_DEPTH and isinstance(value, list):
            return ast.List([self.of_plain(one, depth + 1) for one in value], ast.Load())
        return ast.Constant(value if isinstance(value, (str, int, float, bool, type(None))) else ...)

    def of_section(self, options: dict[str, str]) -> ast.expr:
        made = self.of_plain(options, 0)
        return IniSection(made.keys, made.values) if isinstance(made, ast.Dict) else made

    def of_yaml(self, node: yaml.Node | None, depth: int) -> ast.expr:
        import yaml

        from memguard_hooks.formats.yaml_nodes import NULL, items, pairs

        self._count()
        if isinstance(node, yaml.MappingNode) and depth < MAX_DEPTH:
            found = pairs(node)
            names: list[ast.expr | None] = [self.of_yaml(name, MAX_DEPTH) for name, _ in found]
            return ast.Dict(names, [self.of_yaml(value, depth + 1) for _, value in found])
        if isinstance(node, yaml.SequenceNode) and depth < MAX_DEPTH:
            return ast.List([self.of_yaml(one, depth + 1) for one in items(node)], ast.Load())
        if node is None or node.tag == NULL:
            return ast.Constant(None)
        return ast.Constant(str(node.value) if isinstance(node, yaml.ScalarNode) else ...)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise MemguardError(f"has more than {MAX_NODES} values", self._path)

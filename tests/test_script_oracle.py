"""Random start scripts: what the reader says that stays is what bash starts last, or it says that nobody can know.

Bash runs each script with `gunicorn` and `python` replaced by programs that record their words. Of the variables some are
known to both, some to bash alone, and some to neither.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from memguard_hooks.deployment import start_script
from memguard_hooks.deployment.start import Host
from memguard_hooks.formats.shell_words import ShellWord, expand, split_words

RECORDER = '#!{bash}\nprintf "%s\\0" "${{0##*/}}" "$@" >>"$RECORD"\nprintf "\\001" >>"$RECORD"\n'
KNOWN = {"E1": "4", "E2": "web", "E3": ""}
HIDDEN = {"H1": "7", "H2": "web"}
ARGUMENTS = ["web", "-w", "3"]
SEEDS = range(10)
SCRIPTS = 40


class Script:
    """Writes one random script."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable, and no secret
        self._functions: list[str] = []

    def text(self) -> str:
        """Return a script that ends in a command, if nothing before ends it."""
        lines = [f"N={self._number()}", f"V1={self._word()!r}", "A=(-w 4)"] if self._random.random() < 0.8 else []
        lines += self._body(0, self._random.randint(2, 7))
        return "\n".join([*lines, self._start()]) + "\n"

    def _pick(self, *options: str) -> str:
        return self._random.choice(options)

    def _word(self) -> str:
        return self._pick("web", "worker", "1", "2", "9", "a b", "x*", "")

    def _number(self) -> str:
        return str(self._random.randint(0, 12))

    def _value(self) -> str:
        return self._pick(
            "$V1", '"$V2"', "${V1}", "${D1:-4}", '"${D2:-$V1}"', "$E1", '"$E2"', '"$E3"', "$H1", '"$1"', "$#", '"${2:-x}"',
            f"$((N + {self._number()}))", f"$(( N > {self._number()} ? {self._number()} : N ))", "$N", "x", "'a b'", "y\\ z",
            '"${A[@]}"', "${A[0]}", '"${#A[@]}"', '"v$V1"', "$(nproc)", "${E3:-d}", "${E3-d}", "${E1:+e}",
        )  # fmt: skip

    def _condition(self, depth: int = 0) -> str:
        name = self._pick("$V1", "$V2", "$E1", "$E2", "$E3", "$H1", "${D1:-web}", "$N", "$1")
        found = self._pick(
            f'[ "{name}" = "{self._word()}" ]', f"[[ {name} == {self._pick('web', 'w*', '[0-9]', '?')} ]]",
            f'[ -z "{name}" ]', f'[[ -n "{name}" ]]', f'[ "$N" -gt {self._number()} ]', f"(( N < {self._number()} ))",
            f'[ "{name}" != "web" ]',
            f'[[ "{name}" == "web" || $N -le {self._number()} ]]', f'! [ "$N" -eq {self._number()} ]', "[ $# -gt 2 ]",
            f'[ "$N" -ge {self._number()} ] && [ "{name}" = "web" ]', "true", "false",
            f"[[ $N =~ ^[{self._number()[-1]}-9]+$ ]]",
        )  # fmt: skip
        return found if depth or self._random.random() < 0.8 else f"{found} && {self._condition(1)}"

    def _simple(self) -> str:
        return self._pick(
            f"V1={self._value()}", f"V2={self._value()}", f"export V1={self._value()}", f"N={self._number()}",
            f"N=$((N * 2 - {self._number()}))", f"A=({self._value()} {self._value()})", f"A+=({self._value()})", "A=()",
            f': "${{V1:={self._number()}}}"', "unset V2", "V2+=z", "echo $V1", "shift", f'set -- {self._value()} "$@"',
            "python manage.py migrate", "python m.py && V2=m" if self._random.random() < 0.3 else "echo up",
        )  # fmt: skip

    def _start(self) -> str:
        words = " ".join(self._value() for _ in range(self._random.randint(0, 3)))
        last = self._pick("", '"$@"', '"${A[@]}"', "$V1")
        first = self._pick("", "", "", "umask 0 && ", "ulimit -c 0; ", "cd . && ", "set -e; ")
        return f"{first}{self._pick('', 'exec ')}gunicorn {words} {last}".strip()

    def _body(self, depth: int, count: int) -> list[str]:
        return [line for _ in range(count) for line in self._statement(depth)]

    def _statement(self, depth: int) -> list[str]:
        kind = self._random.random()
        if depth > 2 or kind < 0.5:
            return [self._simple()]
        if kind < 0.58:
            return [f"{self._condition()} {self._pick('&&', '||')} {self._simple()}"]
        body, other = self._body(depth + 1, self._random.randint(1, 2)), self._body(depth + 1, 1)
        if self._random.random() < 0.12:
            body.append(self._start())
        if self._random.random() < 0.06:
            body += [self._start(), "exit 0"]
        if kind < 0.75:
            return [f"if {self._condition()}; then", *body, *(["else", *other] if self._random.random() < 0.6 else []), "fi"]
        if kind < 0.83:
            return [
                f"case {self._value()} in",
                f"{self._pick('web', '4', 'x|y', 'w*')})",
                *body,
                ";;",
                "*)",
                *other,
                ";;",
                "esac",
            ]
        if kind < 0.88:
            return [f"for F in {self._value()} {self._value()}; do", *body, "V2=$F", "done"]
        if kind < 0.91:
            return [f"while [ $# -gt {self._number()} ]; do", "shift", *other, "done"]
        if kind < 0.95 and not depth:
            name = f"f{len(self._functions)}"
            self._functions.append(name)
            return [f"{name}() {{", *body, *(["return"] if self._random.random() < 0.2 else []), *other, "}"]
        if self._functions:
            return [f"{self._random.choice(self._functions)} {self._value()}"]
        return ["{", *body, "}"] if kind < 0.98 else ["(", *other, ")"]


def started(script: str, folder: Path) -> list[str] | None:
    """Return the words of the last program that bash starts, None where it starts none."""
    bash = shutil.which("bash")
    assert bash is not None
    record = folder / "record"
    record.write_bytes(b"")
    programs = folder / "programs"
    if not programs.exists():
        programs.mkdir()
        for name in ("gunicorn", "python"):
            (programs / name).write_text(RECORDER.format(bash=bash))
            (programs / name).chmod(0o755)
        (programs / "nproc").write_text(f"#!{bash}\necho 6\n")
        (programs / "nproc").chmod(0o755)
    (folder / "start.sh").write_text(script)
    environment = {**KNOWN, **HIDDEN, "PATH": str(programs), "RECORD": str(record)}
    command = [bash, "start.sh", *ARGUMENTS]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=20, check=False)
    runs = record.read_bytes().decode().split("\1")[:-1]
    return runs[-1].split("\0")[:-1] if runs else None


def told(script: str) -> list[str] | None:
    """Return the words of the command that stays as the reader tells them, None where it says that nobody can know."""
    found = start_script.read(script.encode(), ARGUMENTS, Host(KNOWN, cpus=6), "start.sh")
    if isinstance(found, start_script.ScriptProgram) or len(found.commands) != 1 or found.commands[0].problem:
        return None
    (one,) = found.commands
    words = [
        word for token in split_words(one.text) if isinstance(token, ShellWord) for word in expand(token.text, one.variables)
    ]
    return None if any("$" in word or "`" in word for word in words) else words[words[:1] == ["exec"] :]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_stays_is_what_bash_starts(tmp_path: Path, seed: int) -> None:
    known = 0
    for number in range(SCRIPTS):
        script = Script(1_000 * seed + number).text()
        words = told(script)
        if words is not None:
            known += 1
            assert words == started(script, tmp_path), script
    assert known > SCRIPTS // 2

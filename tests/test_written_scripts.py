"""Start scripts that a Dockerfile writes itself are read as those of the repository are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.dockerfile import Image, read_image
from memguard_hooks.deployment.service import Service
from memguard_hooks.deployment.written_scripts import MAX_NAMED, with_scripts, written_by
from memguard_hooks.formats.dockerfile import Instruction, instructions

HEAD = "FROM python:3.12\nWORKDIR /app\nCOPY . .\n"
START = "gunicorn web:app --workers 3"


def started(dockerfile: str, command: str | None = None) -> Service:
    """Return what an image runs whose folder has `web.py` and `web.sh`."""

    def read(path: str) -> bytes | None:
        return b"" if path in ("web.py", "web.sh") else None

    image = read_image((HEAD + dockerfile).encode(), "Dockerfile", read=read)
    assert isinstance(image, Image)
    found = image.service("Dockerfile", read, command)
    assert isinstance(found, Service)
    return found


@pytest.mark.parametrize(
    "dockerfile",
    [
        f'COPY --chmod=755 <<EOF /app/start.sh\n#!/bin/sh\nexec {START}\nEOF\nCMD ["/app/start.sh"]\n',
        f'COPY <<-\'EOF\' start.sh\n\t#!/bin/bash\n\tset -e\n\t{START}\nEOF\nCMD ["bash", "start.sh"]\n',
        f"COPY <<start.sh <<other.sh /srv/\n{START}\nstart.sh\ntrue\nother.sh\nCMD sh /srv/start.sh\n",
        f"RUN cat <<'EOF' > /start.sh && chmod +x /start.sh\n#!/bin/sh\n{START}\nEOF\nENTRYPOINT [\"/start.sh\"]\n",
        f"RUN cat > start.sh <<EOF\n{START}\nEOF\nCMD exec ./start.sh\n",
        f"RUN tee /start.sh <<EOF\n{START}\nEOF\nCMD python -V && /start.sh\n",
        f"RUN echo '#!/bin/sh\\n{START}' > /start.sh && chmod +x /start.sh\nCMD [\"/start.sh\"]\n",
        f'RUN echo "#!/bin/sh" > /start.sh && \\\n    echo "{START}" >> /start.sh\nCMD ["/start.sh"]\n',
        f"RUN printf '#!/bin/sh\\n{START}\\n' > /usr/local/bin/serve\nCMD [\"serve\"]\n",
        f"RUN printf '%s\\n' '#!/bin/sh' '{START}' > /start.sh\nCMD [\"/start.sh\"]\n",
        (
            'COPY <<EOF /start.sh\n#!/bin/sh\nexec "\\$@"\nEOF\nENTRYPOINT ["/start.sh"]\n'
            'CMD ["gunicorn", "web:app", "-w", "3"]\n'
        ),
        "ENV WORKERS=3\nCOPY <<EOF /start.sh\ngunicorn web:app -w $WORKERS\nEOF\nCMD /start.sh\n",
        "ENV WORKERS=3\nCOPY <<'EOF' /start.sh\ngunicorn web:app -w $WORKERS\nEOF\nCMD /start.sh\n",
    ],
)
def test_a_script_of_the_dockerfile_starts_what_it_says(dockerfile: str) -> None:
    """Each of them starts three workers of gunicorn."""
    service = started(dockerfile)
    found = parse(service.command, Host(service.environment, lambda _: None, mounts=service.mounts))
    assert (found.entrypoint and found.entrypoint.text, found.workers) == ("web:app", 3), found.reason


@pytest.mark.parametrize(
    "dockerfile",
    [
        'COPY <<EOF /start\n#!/usr/bin/env python3\nprint(1)\nEOF\nCMD ["/start"]\n',
        'COPY <<EOF /app/other.sh\ngunicorn web:app\nEOF\nCMD ["/app/start.sh"]\n',
        f"COPY <<EOF /start.sh\n{chr(35) * 6000}\nEOF\nCMD /start.sh\n",
        f"RUN echo '{START}' | tee /start.sh\nCMD [\"/start.sh\"]\n",
        f'RUN cat other.sh > /start.sh\nRUN echo {START} >> /start.sh\nCMD ["/start.sh"]\n',
        "RUN printf '%d' 3 > /start.sh\nCMD [\"/start.sh\"]\n",
        f"RUN echo {START} >> web.py\nCMD sh web.py\n",
        f"RUN echo {START} >> web.sh\nCMD sh web.sh\n",
        f"RUN echo {START} > web.sh\nCOPY . .\nCMD sh web.sh\n",
    ],
)
def test_other_files_are_left_as_they_are_named(dockerfile: str) -> None:
    """What a shell does not run, has another name, is long, is not known as a whole, or is copied, is not put in."""
    assert "sh -c" not in started(dockerfile).command


def test_what_runs_in_two_instructions_is_one_script() -> None:
    """A line that another instruction adds stands behind the first, and where errors go is not where it is written."""
    service = started(
        'RUN echo "set -e" > /start.sh 2>/dev/null\n' + f"RUN echo {START} >> /start.sh\n" + 'CMD ["/start.sh"]\n'
    )
    assert service.command == f"/bin/sh -c 'set -e\n{START}\n' /start.sh"


def test_a_command_holds_a_script_some_times() -> None:
    """What names one again and again does not grow without bound."""
    script = "x" * 4000
    found = with_scripts("/a " * 1000, {"/a": script}, "/")
    assert found.count(script) == MAX_NAMED


def test_words_of_a_platform_follow_the_script() -> None:
    """A command that stands in the place of CMD is given to it."""
    service = started('COPY <<EOF /start.sh\nexec "\\$@"\nEOF\nENTRYPOINT ["/start.sh"]\n', "gunicorn web:app -w 2")
    assert parse(service.command, Host({}, lambda _: None)).workers == 2


@pytest.mark.parametrize(
    "run",
    [
        "echo '#!/bin/sh' > a.sh && echo \"exec x \\$PORT\" >> a.sh",
        "printf '#!/bin/sh\\nexec x\\t1\\n' > a.sh",
        "printf '%s\\n' '#!/bin/sh' 'set -e' > a.sh; chmod +x a.sh",
        "echo -n true > a.sh",
        "echo one > a.sh; echo two > a.sh",
    ],
)
def test_the_shell_writes_the_same(run: str, tmp_path: Path) -> None:
    """The text is that which a shell writes, but for the end of its last line."""
    instruction = next(instructions(f"RUN {run}\n"))
    assert isinstance(instruction, Instruction)
    subprocess.run(["/bin/sh", "-c", run], cwd=tmp_path, check=True, env={"PATH": os.environ["PATH"]})
    found = written_by(instruction, "/w", lambda word: word, {}, lambda _: False)
    assert [*found] == ["/w/a.sh"]
    assert found["/w/a.sh"].rstrip("\n") == (tmp_path / "a.sh").read_text("utf-8").rstrip("\n")

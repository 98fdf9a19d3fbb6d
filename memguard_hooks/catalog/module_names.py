"""By which modules a distribution is imported: as it was measured, by a short table of names that differ, or by its name."""

from __future__ import annotations

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.heavy import DEFAULT

OTHER_NAMES = {
    "attrs": ("attr", "attrs"), "beautifulsoup4": ("bs4",), "discord-py": ("discord",), "mysqlclient": ("MySQLdb",),
    "pillow": ("PIL",), "psycopg2-binary": ("psycopg2",), "pycryptodome": ("Crypto",), "pyjwt": ("jwt",),
    "pymupdf": ("fitz", "pymupdf"), "pyopenssl": ("OpenSSL",), "pyserial": ("serial",), "python-dateutil": ("dateutil",),
    "python-docx": ("docx",), "python-dotenv": ("dotenv",), "python-jose": ("jose",), "python-magic": ("magic",),
    "python-multipart": ("multipart", "python_multipart"), "python-pptx": ("pptx",), "python-telegram-bot": ("telegram",),
    "pyyaml": ("yaml",), "scikit-image": ("skimage",), "setuptools": ("setuptools", "pkg_resources"),
}  # fmt: skip
"""Distribution → its modules, where neither the catalog nor the name tells. Source: the wheels' own `top_level.txt`."""


def known_modules(distribution: str) -> tuple[str, ...]:
    """Return the modules by which a heavy or measured distribution is imported; nothing of any other."""
    names = [module for module, providers in DEFAULT.items() if distribution in providers]
    names += [one.name for one in lookup.distributions().get(distribution, ())]
    # A module that lies in a package which others share, such as google, counts as it is.
    return tuple(dict.fromkeys(name if name.startswith("google.") else name.partition(".")[0] for name in names))


def modules_of(distribution: str) -> tuple[str, ...]:
    """Return the modules by which a distribution is imported, or most likely is."""
    by_name = (distribution.replace("-", "_"), distribution.replace("-", "."))
    return known_modules(distribution) or OTHER_NAMES.get(distribution, by_name)

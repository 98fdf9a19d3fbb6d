"""The files that declare services, and the reader of each, which is loaded only for a file that is there."""

from __future__ import annotations

from functools import partial

from memguard_hooks.deployment.service import Deployment, Read

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal, TypeAlias

    from memguard_hooks.deployment.images import RepositoryImages

    Format: TypeAlias = Literal[
        "render", "fly", "railway", "heroku", "app-engine", "digitalocean", "serverless", "kubernetes", "systemd", "compose",
        "nixpacks", "procfile", "platform-sh", "zeabur", "clever-cloud", "zappa",
        "chalice", "railpack", "koyeb", "northflank", "zeabur-template", "app-runner",
        "dockerrun", "ecs", "copilot", "nomad", "cloud-foundry",
    ]  # fmt: skip

Reader: TypeAlias = "Callable[[bytes, str, Read], Deployment]"

PLATFORMS: Mapping[Format, tuple[str, ...]] = {
    "render": ("render.yaml",),
    "fly": ("fly.toml",),
    "railway": ("railway.json", "railway.toml"),
    "heroku": ("heroku.yml",),
    "app-engine": ("app.yaml",),
    "digitalocean": (".do/app.yaml", ".do/deploy.template.yaml"),
    "serverless": (
        "serverless.yml",
        "serverless.yaml",
        "template.yaml",
        "template.yml",
        "sam-template.yaml",
        "sam-template.yml",
        "sam.yaml",
    ),
    "platform-sh": (".platform.app.yaml", ".upsun/config.yaml", ".platform/applications.yaml"),
    "zeabur": ("zbpack.json",),
    "zeabur-template": ("zeabur.yaml", "zeabur.yml"),
    "clever-cloud": ("clevercloud/python.json", "clevercloud/docker.json", ".clever.json"),
    "koyeb": ("koyeb.yaml", "koyeb.yml"),
    "northflank": ("northflank.json",),
    "app-runner": ("apprunner.yaml",),
    "dockerrun": ("Dockerrun.aws.json",),
    "cloud-foundry": ("manifest.yml", "manifest.yaml", "manifest-production.yml", "manifest-prod.yml", "manifest-prd.yml"),
    "zappa": ("zappa_settings.json",),
    "chalice": (".chalice/config.json",),
}
"""The files of platforms; of several for one the first that is there counts."""

PLATFORM_FILES = frozenset(name for names in PLATFORMS.values() for name in names)

PLATFORM_FOLDERS = frozenset({".chalice", ".do", ".ebextensions", ".platform", ".railway", ".upsun", "clevercloud"})
"""Folders that hold such files, beside what they deploy."""

GENERIC: frozenset[Format] = frozenset({"app-engine", "serverless", "cloud-foundry"})
"""Platforms whose files have names that others give to templates of their own: `app.yaml`, `template.yaml`."""

GENERIC_FILES = frozenset(name for platform in GENERIC for name in PLATFORMS[platform])

NAMING_IMAGES: frozenset[Format] = frozenset({"compose", "ecs", "kubernetes", "nomad"})
"""Formats that name images: their readers take `images`, those that the repository makes."""


def reader_of(name: Format) -> Reader:
    """Return the reader of a format."""
    match name:
        case "render":
            from memguard_hooks.deployment.render import read
        case "fly":
            from memguard_hooks.deployment.fly import read
        case "railway":
            from memguard_hooks.deployment.railway import read
        case "heroku":
            from memguard_hooks.deployment.heroku import read
        case "app-engine":
            from memguard_hooks.deployment.app_engine import read
        case "digitalocean":
            from memguard_hooks.deployment.digitalocean import read
        case "serverless":
            from memguard_hooks.deployment.serverless import read
        case "kubernetes":
            from memguard_hooks.deployment.kubernetes import read
        case "systemd":
            from memguard_hooks.deployment.systemd import read
        case "compose":
            from memguard_hooks.deployment.compose import read
        case "nixpacks":
            from memguard_hooks.deployment.nixpacks import read
        case "platform-sh":
            from memguard_hooks.deployment.platform_sh import read
        case "zeabur":
            from memguard_hooks.deployment.zeabur import read
        case "clever-cloud":
            from memguard_hooks.deployment.clever_cloud import read
        case "zappa":
            from memguard_hooks.deployment.zappa import read
        case "chalice":
            from memguard_hooks.deployment.chalice import read
        case "railpack":
            from memguard_hooks.deployment.railpack import read
        case "koyeb":
            from memguard_hooks.deployment.koyeb import read
        case "northflank":
            from memguard_hooks.deployment.northflank import read
        case "zeabur-template":
            from memguard_hooks.deployment.zeabur import read_template as read
        case "app-runner":
            from memguard_hooks.deployment.app_runner import read
        case "dockerrun":
            from memguard_hooks.deployment.beanstalk import read_dockerrun as read
        case "ecs":
            from memguard_hooks.deployment.ecs import read
        case "copilot":
            from memguard_hooks.deployment.ecs import read_copilot as read
        case "cloud-foundry":
            from memguard_hooks.deployment.cloud_foundry import read
        case "nomad":
            from memguard_hooks.deployment.nomad import read
        case "procfile":
            from memguard_hooks.deployment.procfile import read
    return read


def reader_with(name: Format, images: Callable[[], RepositoryImages]) -> Reader:
    """Return the reader of a format; one whose files name images knows those that the repository makes."""
    read: Callable[..., Deployment] = reader_of(name)
    return partial(read, images=images()) if name in NAMING_IMAGES else read

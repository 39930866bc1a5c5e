"""Loads the profiles that ship with the package; the only module here that touches package data."""

import tomllib
from importlib import resources
from typing import Final

from custody.rules.profile import Library, parse_profile

SHIPPED: Final = ("bj185", "cn799", "ctl32", "default")


def load_library() -> Library:
    """The four shipped profiles. Callers with profiles of their own parse them and make a `Library` themselves."""
    folder = resources.files("custody.rules") / "profiles"
    texts = [(folder / f"{name}.toml").read_text(encoding="utf-8") for name in SHIPPED]
    return Library(tuple(parse_profile(tomllib.loads(text)) for text in texts))

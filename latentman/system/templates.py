"""The Jinja2 environment of every HTML page: values are escaped, and a missing one is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2


@cache
def environment(folder: Path) -> jinja2.Environment:
    """Return the environment of a folder of templates.

    Every value is escaped for HTML unless it is :class:`markupsafe.Markup`, and a name that a template uses but that
    it was not given raises :class:`jinja2.UndefinedError` instead of rendering as nothing.

    Args:
        folder: the folder that template names are relative to.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder, encoding="utf-8"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

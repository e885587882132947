"""OmegaConf's messages about values, put into the project's words: the key, the value received and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable

Words = Callable[[re.Match[str], str], str]

_KINDS = {
    "Integer": ("a whole number", "3"),
    "Float": ("a number", "0.5"),
    "Boolean": ("true or false", "true"),
    "bool": ("true or false", "true"),
}
"""What OmegaConf calls a type: what it takes, and an example."""


def _wrong_kind(match: re.Match[str], key: str) -> str:
    what, example = _KINDS.get(match["kind"], (match["kind"], "..."))
    return f"{key}={match['value']}: the value must be {what}, such as {key}={example}"


_RULES: tuple[tuple[str, Words], ...] = (
    (r"Value '(?P<value>.*)' of type '.*' could not be converted to (?P<kind>\w+)", _wrong_kind),
    (r"Value '(?P<value>.*)' is not a valid (?P<kind>bool) \(type .*\)", _wrong_kind),
    (
        r"Invalid value assigned: (?P<kind>\w+) is not a ListConfig, list or tuple\.?",
        lambda match, key: f"{key}: the value must be a list, such as {key}=[...], and not of the type {match['kind']}",
    ),
    (
        r"(?:Value|Cannot assign container) '(?P<value>.*?)'(?: of type '.*')? "
        r"(?:is incompatible with type hint|to) '?(?P<kind>[^']*)'?",
        lambda match, key: f"{key}={match['value']}: the value must be of the type {match['kind']}",
    ),
    (
        r"Invalid value '(?P<value>.*)', expected one of \[(?P<names>.*)\]",
        lambda match, key: f"{key}={match['value']}: choose one of {match['names']}",
    ),
    (
        r"Cannot assign (?P<kind>\w+) to DictConfig|.* is not a (?:dict|DictConfig).*",
        lambda match, key: f"{key}: the value must be a group of keys, such as {key}.KEY=VALUE",
    ),
    (
        r"(?:child )?'?(?:field )?'?(?P<name>.*?)'? is not Optional",
        lambda match, key: f"{key}=null: a value is needed here; leave {key} out for its default",
    ),
    (
        r"Cannot convert '(?P<kind>\w+)' to string: '(?P<value>.*)'",
        lambda match, key: f"{key}={match['value']}: the value must be text; put quotes around it for the shell",
    ),
    (
        r"Key '(?P<name>.*)' (?:is )?not in (?:struct|'\w+')",
        lambda match, key: f"{key}: unknown key '{match['name']}'; latentman run --cfg job shows the keys that exist",
    ),
    (
        r"Interpolation key '(?P<name>.*)' not found",
        lambda match, key: (
            f"{key} refers to ${{{match['name']}}}, and there is no key '{match['name']}'; "
            r"write \${ for a dollar sign and a brace as text"
        ),
    ),
    (
        r".*Environment variable '(?P<name>.*)' not found.*",
        lambda match, key: f"{key} refers to the environment variable {match['name']}, which is not set",
    ),
    (
        r"Unsupported interpolation type (?P<name>.*)",
        lambda match, key: (
            f"{key} refers to ${{{match['name']}:...}}, and there is no resolver '{match['name']}'; "
            "the resolvers are oc.env and now"
        ),
    ),
    (
        r"Missing mandatory value: (?P<name>.*)",
        lambda match, key: f"{key or match['name']} has no value: set it on the command line or in a YAML file",
    ),
)
"""Each pattern of a first line, and the words for it."""


def explained_value(error: Exception) -> str:
    """Return one line for an error of OmegaConf: in the project's words, or its own first line after the key."""
    key = str(getattr(error, "full_key", None) or "")
    line = (str(error).splitlines() or [type(error).__name__])[0].strip()
    ours = in_our_words(line, key)
    return ours if ours is not None else f"{key}: {line}" if key else line


def in_our_words(line: str, key: str) -> str | None:
    """Return the message for one of OmegaConf's, or None for a kind of message that is not known here.

    Args:
        line: the first line of OmegaConf's message.
        key: the full key that it concerns; it may be empty.
    """
    for pattern, words in _RULES:
        match = re.fullmatch(pattern, line, re.DOTALL)
        if match:
            return words(match, key or "a value of the configuration")
    return None

"""The arguments of ``latentman run``, prepared for Hydra: flags apart from overrides, free text quoted as typed.

Hydra reads ``prompt=a knight, waving`` as a sweep over two values and ``prompt=7`` as a number. Here the values of the
few keys that hold free text are quoted and escaped for the two grammars that read them (Hydra's overrides, OmegaConf's
interpolations), so that the text arrives as it was typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from latentman.engine.path_overrides import is_hydra_sweep, is_path_key, swept_paths
from latentman.errors import ConfigError, nearest

FREE_TEXT_KEYS = (
    "prompt",
    "motion.text",
    "text.suffix",
    "text.negative",
    "run_dir",
    "sweep_dir",
    "iuv.folder",
    "iuv.file",
)
"""Keys whose value is text or a path, and never a list, a sweep or an interpolation."""

FLAGS_WITH_VALUE = {
    "--cfg": "--cfg",
    "-c": "--cfg",
    "--package": "--package",
    "-p": "--package",
    "--config-path": "--config-path",
    "-cp": "--config-path",
    "--config-name": "--config-name",
    "-cn": "--config-name",
    "--config-dir": "--config-dir",
    "-cd": "--config-dir",
}
FLAGS_ALONE = {
    "--help": "--help",
    "-h": "--help",
    "--hydra-help": "--hydra-help",
    "--version": "--version",
    "--resolve": "--resolve",
    "--run": "--run",
    "-r": "--run",
    "--multirun": "--multirun",
    "-m": "--multirun",
    "--shell-completion": "--shell-completion",
    "-sc": "--shell-completion",
    "--info": "--info",
    "-i": "--info",
}
INFO_TOPICS = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
CHOICES = {"--cfg": ("job", "hydra", "all"), "--info": INFO_TOPICS}
"""The values that a flag takes, where they are few."""

SHOW_ONLY = {"--cfg", "--info", "--hydra-help", "--shell-completion"}
"""Flags with which something is printed and nothing runs."""

_OVERRIDE = re.compile(r"(?P<sigil>\+\+|\+)?(?P<key>[^=+~][^=]*)=(?P<value>.*)", re.DOTALL)
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<content>(?:(?!(?P=quote))[^\\]|\\.)*)(?P=quote)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Arguments:
    """A command line taken apart: ``flags`` maps each long flag to its value (None without one)."""

    flags: dict[str, str | None]
    overrides: list[str]


def split_arguments(argv: list[str]) -> Arguments:
    """Separate flags from overrides, in whatever order they come, and quote the free text.

    Raises:
        ConfigError: for an unknown flag, a flag with a missing or wrong value, or flags that exclude each other.
    """
    flags: dict[str, str | None] = {}
    overrides: list[str] = []
    rest = list(argv)
    completion = any(FLAGS_ALONE.get(word) == "--shell-completion" for word in argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            overrides.append(word if completion else quote_free_text(word))
            continue
        name, equals, value = word.partition("=")
        if name in FLAGS_WITH_VALUE:
            if not equals and not rest:
                raise ConfigError(f"{name} needs a value after it")
            flags[FLAGS_WITH_VALUE[name]] = value if equals else rest.pop(0)
        elif name in FLAGS_ALONE:
            flag = FLAGS_ALONE[name]
            if flag == "--info":
                takes_next = not equals and bool(rest) and rest[0] in INFO_TOPICS
                flags[flag] = value if equals else rest.pop(0) if takes_next else "all"
            elif equals:
                raise ConfigError(f"{name} takes no value, got '{value}'")
            else:
                flags[flag] = None
        else:
            raise ConfigError(_unknown_flag(word, rest))
    _check_flags(flags)
    return Arguments(flags, overrides)


def _check_flags(flags: dict[str, str | None]) -> None:
    for flag, choices in CHOICES.items():
        if flags.get(flag, choices[0]) not in choices:
            raise ConfigError(f"{flag}={flags[flag]}: choose one of {', '.join(choices)}")
    given = [flag for flag in flags if flag in SHOW_ONLY or flag in ("--run", "--multirun")]
    if len(given) > 1 and "--help" not in flags:
        raise ConfigError(f"{given[0]} and {given[1]} exclude each other: give one of them")
    if "--resolve" in flags and "--cfg" not in flags and "--help" not in flags:
        raise ConfigError("--resolve fills in the references that --cfg shows: add --cfg job")


def _unknown_flag(word: str, rest: list[str]) -> str:
    name, equals, value = word.lstrip("-").partition("=")
    if not equals and rest and "=" not in rest[0] and not rest[0].startswith("-"):
        equals, value = "=", rest[0]
    hint = nearest(f"--{name}", [*FLAGS_ALONE, *FLAGS_WITH_VALUE])
    example = f"{name.replace('-', '_')}={value if equals else '...'}"
    return (
        f"'{word}' is not a flag of latentman run{hint}\nsettings are written as key=value, without dashes: {example}"
    )


def quote_free_text(argument: str) -> str:
    """Return an override with its value quoted for Hydra if its key holds free text, and any other word as it is.

    If one matching pair of quotes encloses a whole value, the value is the text between them, so that commands written
    for Hydra (``prompt='"a, b"'``) mean the same here. ``null`` remains the null value, except for ``prompt``.
    """
    match = _OVERRIDE.fullmatch(argument)
    key = "" if match is None else match["key"].strip()
    if match is None or not (key in FREE_TEXT_KEYS or is_path_key(key)):
        return argument
    value = match["value"]
    if value == "null" and key != "prompt":
        return argument
    if is_path_key(key):
        if is_hydra_sweep(value):
            return argument
        paths = swept_paths(key, value)
        if paths is not None:
            listed = ",".join(part if part == "null" else quote(part) for part in paths)
            return f"{match['sigil'] or ''}{key}={listed}"
    return f"{match['sigil'] or ''}{key}={quote(_unquoted(value))}"


def _unquoted(value: str) -> str:
    """Return the text inside one matching pair of quotes around the whole value, or the value itself."""
    match = _QUOTED.fullmatch(value)
    if match is None:
        return value
    # Inside quotes Hydra halves the backslashes before a quote and at the end, and no others.
    inner = re.sub(r"(\\+)(?=%s|\Z)" % match["quote"], lambda run: run[0][: len(run[0]) // 2], match["content"])  # noqa: UP031
    # An escaped interpolation was escaped by a user who knows OmegaConf; quote() escapes it again.
    return re.sub(r"(\\+)(?=\$\{)", lambda run: run[0][: len(run[0]) // 2], inner)


def quote(text: str) -> str:
    r"""Return ``text`` as a quoted value that Hydra and OmegaConf read back as exactly ``text``.

    >>> print(quote('a "b", ${c}'))
    "a \"b\", \${c}"
    """
    # OmegaConf: n backslashes before "${" are read as escapes, so they become 2n + 1.
    plain = re.sub(r"(\\*)\$\{", lambda run: run[1] * 2 + r"\${", text)
    # Hydra: the same before a quote, and 2n at the end, where the closing quote follows.
    escaped = re.sub(r'(\\*)"', lambda run: run[1] * 2 + r"\"", plain)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f'"{escaped}{chr(92) * trailing}"'

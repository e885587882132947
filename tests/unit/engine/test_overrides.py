"""Free text arrives as typed, and flags may come anywhere."""

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from latentman.engine.compose import compose
from latentman.engine.overrides import FREE_TEXT_KEYS, quote, quote_free_text, split_arguments
from latentman.errors import ConfigError

PRINTABLE = st.characters(exclude_categories=["C", "Zl", "Zp"])
SPECIAL = st.sampled_from(
    ["${", "}", "\\", '"', "'", ",", "[", "]", "=", " ", "$", "(", ":", "#", "null", "true", "1e3"]
)
TEXT = st.lists(PRINTABLE | SPECIAL, max_size=12).map("".join)

NASTY = [
    "a knight, a dragon, and a (small) dog",
    'it\'s "quoted"',
    "a 'b' and \"c\"",
    '"a" and "b"',
    '"unfinished',
    "'",
    "[a, b]",
    "{a: b}",
    "x=y=z",
    "costs $5 or ${five}",
    "${",
    "\\${seed}",
    "\\\\${seed}",
    "a\\",
    "a\\\\",
    "a\\'b",
    'a\\"b',
    "ünï¢ödé 漢字 🕺",
    "  spaces around  ",
    "7",
    "1e3",
    "true",
    "null",
    "NULL",
    "choice(a,b)",
    "glob(*)",
    "range(1,3)",
    "a: b # c",
    "-m",
    "+x",
    "~x",
    "two\nlines",
    "a;b|c&d`e`!f?*g<h>i%j^k@l",
]


def as_hydra_reads_it(override: str, key: str) -> tuple[object, object]:
    """Return the value after a single run and after a sweep's second quoting, by Hydra's and OmegaConf's own code."""
    parser = OverridesParser.create()
    parsed = parser.parse_overrides([override])
    again = parser.parse_overrides(BasicSweeper.split_arguments(parsed, None)[0][0])
    values = []
    for one in (*parsed, *again):
        config = OmegaConf.create({"recorded": []})
        config.recorded.append(one.input_line)  # Hydra keeps the override itself in its configuration, too
        OmegaConf.update(config, key, one.value())
        values.append(OmegaConf.select(config, key))
    return values[0], values[1]


def is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"


@given(text=TEXT)
def test_any_printable_text_arrives_as_typed(text: str) -> None:
    assume(not is_quoted(text) and text != "???")
    override = quote_free_text(f"prompt={text}")
    assert as_hydra_reads_it(override, "prompt") == (text, text)


@given(text=TEXT)
def test_quoting_leaves_any_text_whole(text: str) -> None:
    assume(text != "???")
    assert as_hydra_reads_it(f"prompt={quote(text)}", "prompt") == (text, text)


@given(text=TEXT)
def test_what_was_quoted_once_stays_the_same(text: str) -> None:
    # A recorded command holds the quoted form; typed again it must mean the same.
    override = f"prompt={quote(text)}"
    assert quote_free_text(override) == override


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_arrives_in_the_composed_configuration(text: str) -> None:
    arguments = split_arguments([f"prompt={text}", f"text.negative={text}" if text != "null" else "seed=0"])
    config = compose(arguments.overrides)
    assert config.prompt == text
    assert text == "null" or config.text.negative == text


@pytest.mark.parametrize("key", FREE_TEXT_KEYS)
@pytest.mark.parametrize("sigil", ["", "+", "++"])
def test_every_free_text_key_is_quoted_with_and_without_plus(key: str, sigil: str) -> None:
    assert quote_free_text(f"{sigil}{key}=a, b") == f'{sigil}{key}="a, b"'


@pytest.mark.parametrize(
    "argument", ["seed=1,2", "sla=none", "+exp=ablation", "motion.fps=20", "prompts=single", "word", "~a"]
)
def test_other_arguments_pass_unchanged(argument: str) -> None:
    assert quote_free_text(argument) == argument


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ('"a, b"', "a, b"),
        ("'a, b'", "a, b"),
        ('"say \\"hi\\""', 'say "hi"'),
        ("'it\\'s'", "it's"),
        ('"a\\\\"', "a\\"),
        ('"null"', "null"),
        ('""', ""),
        ('"\\${x}"', "${x}"),
    ],
)
def test_one_pair_of_quotes_around_the_value_is_taken_off(typed: str, meant: str) -> None:
    assert as_hydra_reads_it(quote_free_text(f"prompt={typed}"), "prompt")[0] == meant


def test_null_stays_null_where_it_means_something() -> None:
    assert quote_free_text("motion.text=null") == "motion.text=null"
    assert quote_free_text("run_dir=null") == "run_dir=null"
    assert quote_free_text("prompt=null") == 'prompt="null"'
    assert compose(["motion.text=null"]).motion.text is None


@pytest.mark.parametrize(
    ("argv", "flags", "overrides"),
    [
        (["+exp=x", "-m", "seed=7"], {"--multirun": None}, ["+exp=x", "seed=7"]),
        (["--cfg", "job", "seed=7"], {"--cfg": "job"}, ["seed=7"]),
        (["a=1", "-c", "job", "b=2", "--package=setup"], {"--cfg": "job", "--package": "setup"}, ["a=1", "b=2"]),
        (["--info", "seed=7"], {"--info": "all"}, ["seed=7"]),
        (["seed=7", "--info", "defaults-tree", "a=1"], {"--info": "defaults-tree"}, ["seed=7", "a=1"]),
        (["-cd", "my conf", "seed=7"], {"--config-dir": "my conf"}, ["seed=7"]),
    ],
)
def test_flags_may_come_between_overrides(argv: list[str], flags: dict[str, str | None], overrides: list[str]) -> None:
    arguments = split_arguments(argv)
    assert arguments.flags == flags
    assert arguments.overrides == overrides


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (["--seed", "3"], ["'--seed' is not a flag", "seed=3"]),
        (["--seed=3"], ["seed=3"]),
        (["--num-frames", "-m"], ["num_frames=..."]),
        (["--multirn"], ["did you mean '--multirun'?"]),
        (["--cfg"], ["--cfg needs a value"]),
        (["--multirun=3"], ["--multirun takes no value, got '3'"]),
        (["--cfg", "jbo"], ["--cfg=jbo", "job, hydra, all"]),
        (["--info=plugin"], ["--info=plugin", "plugins"]),
        (["-m", "--cfg", "job"], ["--multirun and --cfg exclude each other"]),
        (["-m", "-r"], ["--multirun and --run exclude each other"]),
        (["--cfg", "job", "-sc"], ["--cfg and --shell-completion exclude each other"]),
        (["--resolve"], ["--cfg job"]),
        (["--experimental-rerun", "config.pickle"], ["not a flag"]),
    ],
)
def test_a_mistaken_flag_is_explained(argv: list[str], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        split_arguments(argv)
    for part in parts:
        assert part in str(caught.value)


def test_shell_completion_is_passed_on_untouched() -> None:
    assert split_arguments(["-sc", "install=bash", "prompt=a"]).overrides == ["install=bash", "prompt=a"]

"""The Tab key completes commands and settings in bash."""

import shutil
import subprocess
import sys

import pytest

from latentman.cli import main

BASH = shutil.which("bash")

TAB = """
eval "$(latentman run -sc install=bash)"
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
COMP_LINE="${{COMP_WORDS[*]}}"
COMP_POINT=${{#COMP_LINE}}
_latentman_completion
echo "${{COMPREPLY[@]}}"
"""
"""What bash does when the Tab key is pressed at the end of a line."""


@pytest.fixture
def completed(tmp_path, command_environment):
    """Return what bash completes the last of some words to, with ``latentman`` on its path."""
    program = tmp_path / "latentman"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m latentman "$@"\n')
    program.chmod(0o755)

    def complete(*words):
        environment = {**command_environment, "PATH": f"{tmp_path}:{command_environment['PATH']}"}
        script = TAB.format(words=" ".join(f"'{word}'" for word in words))
        done = subprocess.run(
            [BASH, "--norc", "-c", script], capture_output=True, text=True, env=environment, check=True, timeout=120
        )
        return done.stdout.split()

    return complete


@pytest.mark.slow
@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("latentman", "re"), ["report"]),
        (("latentman", "run", "sla="), ["sla=full", "sla=none"]),
        (("latentman", "run", "seed=3", "num_f"), ["num_frames="]),
        (("latentman", "run", "+exp=ablation_s"), ["+exp=ablation_sla"]),
        (("latentman", "run", "sla.win"), ["sla.window."]),
    ],
)
def test_bash_completes_commands_groups_choices_and_keys(completed, words, expected):
    assert completed(*words) == expected


@pytest.mark.parametrize("arguments", [(), ("install=fish",), ("instal=bash",), ("install=bash", "query=bash")])
def test_another_request_is_refused_with_the_command_that_installs(arguments, capsys):
    assert main(["run", "-sc", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "bash" in err


def test_zsh_reads_the_script_through_its_bash_completion(capsys):
    assert main(["run", "-sc", "install=zsh"]) == 0
    assert "bashcompinit" in capsys.readouterr().out

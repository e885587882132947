"""``latentman study`` on the command line."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_commands_say_what_is_wrong_without_traceback(tmp_path, command_environment):
    for arguments, message in [
        (["anal"], "not a command of latentman study; did you mean 'analyse'?"),
        (["analyse", "nowhere"], "give the folder that latentman study build wrote"),
        (["serve"], "required: STUDY_DIR"),
        (["build", "sweep", "--out", "o"], "required: --ours, --baseline"),
    ]:
        command = [sys.executable, "-m", "latentman.study", *arguments]
        done = subprocess.run(command, env=command_environment, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr

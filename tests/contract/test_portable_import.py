"""Every module of the package can be imported on a system without the Unix-only modules, such as Windows."""

import json
import subprocess
import sys

import pytest

IMPORT_ALL = """
import importlib, importlib.util, json, os, pkgutil, signal, sys

# This test is not about the imports of the libraries, so they are imported first.
for name in (
    "PIL.Image", "diffusers", "filelock", "flask", "hydra", "jinja2", "matplotlib.pyplot", "numpy", "omegaconf",
    "pandas", "psutil", "rich.progress", "safetensors.torch", "scipy", "scipy.optimize", "torch", "transformers",
    "waitress", "yaml",
):
    if importlib.util.find_spec(name.partition(".")[0]):
        importlib.import_module(name)

hidden = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"}
for name in hidden:
    sys.modules[name] = None
on_windows = {"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM", "SIG_DFL", "SIG_IGN"}
for name in [name for name in vars(signal) if name.startswith("SIG") and name not in on_windows]:
    delattr(signal, name)
for owner, names in (
    (signal, ("alarm", "setitimer", "pthread_sigmask", "pthread_kill", "sigwait")),
    (os, ("fork", "forkpty", "setsid", "killpg", "getpgid", "uname", "mkfifo", "wait3", "WNOHANG", "statvfs",
          "getloadavg", "sched_getaffinity", "sched_setaffinity", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY")),
):
    for name in names:
        if hasattr(owner, name):
            delattr(owner, name)

import latentman

failed, imported = {}, []

def attempt(name):
    try:
        importlib.import_module(name)
        imported.append(name)
    except Exception as error:
        # An extra that is not installed does not count.
        if not isinstance(error, ModuleNotFoundError) or error.name in hidden or error.name.startswith("latentman"):
            failed[name] = repr(error)

for module in pkgutil.walk_packages(latentman.__path__, "latentman.", onerror=lambda name: attempt(name)):
    if not module.name.endswith("__main__"):  # a command
        attempt(module.name)
print(json.dumps([imported, failed]))
"""


@pytest.mark.slow
def test_the_package_imports_without_the_unix_only_modules(command_environment):
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], env=command_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    imported, failed = json.loads(done.stdout.splitlines()[-1])
    assert failed == {}
    assert {"latentman.system.locks", "latentman.system.memory", "latentman.train.mini.loop"} <= set(imported)
    assert len(imported) > 200

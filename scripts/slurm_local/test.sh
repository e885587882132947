#!/usr/bin/env bash
# Runs the tests that need SLURM on a separate cluster: starts it, runs pytest -m slurm, and always stops it again.
#
# Where the system allows it, everything runs in separate namespaces: no port of the cluster can be reached from
# outside, and no process can outlive this script. Otherwise it runs without namespaces. Arguments go to pytest.
set -uo pipefail
self=$(readlink -f "$0")
here=$(dirname "$self")
cd "$here/../.." || exit 2

outside() {
  "$here/install.sh" || exit
  export SLURM_LOCAL_INSIDE=1
  if [ -z "${SLURM_LOCAL_DIR:-}" ]; then
    SLURM_LOCAL_DIR=$(mktemp -d /var/lib/latentman-slurm-test.XXXXXX) || exit 2
    export SLURM_LOCAL_DIR
  fi
  trap 'rm -rf "$SLURM_LOCAL_DIR"' EXIT
  local separate=(unshare --net --pid --fork --mount-proc --kill-child)
  if "${separate[@]}" true 2>/dev/null; then
    "${separate[@]}" "$self" "$@" &
    # Killing unshare kills everything inside.
    trap 'kill -KILL "$inside" 2>/dev/null; wait "$inside"; exit 130' INT TERM
  else
    echo 'slurm-local: namespaces are not available; the cluster listens on this machine itself'
    "$self" "$@" &
    trap 'kill "$inside" 2>/dev/null; wait "$inside"; exit 130' INT TERM
  fi
  inside=$!
  wait "$inside"
}

inside() {
  local tests=
  # In the background, since a shell handles no signal while it waits for a program in the foreground.
  trap 'kill $tests 2>/dev/null; exit 130' INT TERM
  trap '"$here/down.sh"' EXIT
  if [ "$$" = 1 ]; then
    ip link set lo up
    # slurmdbd needs an address besides 127.0.0.1, or it cannot resolve names.
    ip address add 10.254.254.1/32 dev lo
  fi
  "$here/up.sh" >/dev/null || exit 2
  export SLURM_CONF="$SLURM_LOCAL_DIR/slurm.conf"
  .venv/bin/python -m pytest tests/slurm "$@" &
  tests=$!
  wait "$tests"
}

if [ -z "${SLURM_LOCAL_INSIDE:-}" ]; then outside "$@"; else inside "$@"; fi

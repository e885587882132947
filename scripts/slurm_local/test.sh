#!/usr/bin/env bash
# Runs the tests that need a SLURM cluster against one of their own: up, pytest -m slurm, down, whatever happens.
#
# Where the system allows it, all of it happens in namespaces of its own: no port of the cluster can be reached from
# elsewhere, and no process can outlive this script. Elsewhere it runs as it is. Arguments go to pytest.
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
    # unshare takes everything inside with it.
    trap 'kill -KILL "$inside" 2>/dev/null; wait "$inside"; exit 130' INT TERM
  else
    echo 'slurm-local: no namespaces here; the cluster listens on this machine itself'
    "$self" "$@" &
    trap 'kill "$inside" 2>/dev/null; wait "$inside"; exit 130' INT TERM
  fi
  inside=$!
  wait "$inside"
}

inside() {
  local tests=
  # In the background, since a shell hears no signal while it waits for a program in front of it.
  trap 'kill $tests 2>/dev/null; exit 130' INT TERM
  trap '"$here/down.sh"' EXIT
  if [ "$$" = 1 ]; then
    ip link set lo up
    # slurmdbd wants an address besides 127.0.0.1, or it resolves nothing.
    ip address add 10.254.254.1/32 dev lo
  fi
  "$here/up.sh" >/dev/null || exit 2
  export SLURM_CONF="$SLURM_LOCAL_DIR/slurm.conf"
  .venv/bin/python -m pytest tests/slurm "$@" &
  tests=$!
  wait "$tests"
}

if [ -z "${SLURM_LOCAL_INSIDE:-}" ]; then outside "$@"; else inside "$@"; fi

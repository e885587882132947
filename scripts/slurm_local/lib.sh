# What the scripts beside this file share: where the cluster lives, and how one of its daemons is found and ended.
# shellcheck shell=bash

# Everything of the cluster is under this folder; user munge must be able to enter it, so no home folder will do.
D=${SLURM_LOCAL_DIR:-/var/lib/latentman-slurm-local}
NODE=$(hostname -s)
export SLURM_CONF="$D/slurm.conf"

# The daemons in the order in which they end, each with the file that holds its process id.
DAEMONS=(slurmd:run/slurmd.pid slurmctld:run/slurmctld.pid slurmdbd:run/slurmdbd.pid mariadbd:db/pid munged:munge/munged.pid)

stop_with() { # MESSAGE: one line, and exit status 2
  echo "slurm-local: $1" >&2
  exit 2
}

# Try a command until it succeeds: wait_until SECONDS COMMAND...
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}

# The state of a process, empty if it is gone: process_state PID
process_state() { sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null; }

# A process that its parent has not collected yet holds no port and no file: it counts as ended.
has_ended() {
  case $(process_state "$1") in '' | Z) return 0 ;; *) return 1 ;; esac
}

# The process id of a daemon of ours that runs, empty otherwise; a number that another program has got since is not it.
daemon_pid() { # NAME PIDFILE
  local pid
  pid=$(cat "$D/$2" 2>/dev/null) || return 0
  [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] && ! has_ended "$pid" && echo "$pid"
  return 0
}

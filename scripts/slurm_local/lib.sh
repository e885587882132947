# Shared by the scripts in this folder: the folder of the cluster, and how its daemons are found and stopped.
# shellcheck shell=bash

# All files of the cluster are under this folder. The user munge must be able to enter it, so it cannot be a home folder.
D=${SLURM_LOCAL_DIR:-/var/lib/latentman-slurm-local}
NODE=$(hostname -s)
export SLURM_CONF="$D/slurm.conf"

# The daemons in the order in which they are stopped, each with the file of its process id.
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

# The state of a process, empty if it does not exist: process_state PID
process_state() { sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null; }

# A zombie holds no port and no file, so it counts as ended.
has_ended() {
  case $(process_state "$1") in '' | Z) return 0 ;; *) return 1 ;; esac
}

# The process id of one of our daemons if it is running, otherwise empty. An id that was reused by another program does
# not count.
daemon_pid() { # NAME PIDFILE
  local pid
  pid=$(cat "$D/$2" 2>/dev/null) || return 0
  [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] && ! has_ended "$pid" && echo "$pid"
  return 0
}

#!/usr/bin/env bash
# Stops every job and daemon of the cluster that up.sh started, waits until they have ended, and removes its folder.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"
PATH="$PATH:/usr/sbin"

[ -e "$D/slurm.conf" ] || { echo "slurm-local: there is no cluster in $D"; exit 0; }

queue_is_empty() { [ -z "$(timeout 5 squeue -h -o %i)" ] && timeout 5 scontrol ping | grep -q ' is UP'; }

if [ -n "$(daemon_pid slurmctld run/slurmctld.pid)" ]; then
  timeout 10 squeue -h -o %A | sort -u | xargs -r timeout 10 scancel 2>/dev/null
  wait_until 30 queue_is_empty || echo 'slurm-local: some jobs are still running' >&2
fi

status=0
for daemon in "${DAEMONS[@]}"; do
  pid=$(daemon_pid "${daemon%%:*}" "${daemon#*:}")
  [ -n "$pid" ] || continue
  kill "$pid"
  if ! wait_until 20 has_ended "$pid"; then
    kill -KILL "$pid"
    wait_until 5 has_ended "$pid" || { echo "slurm-local: ${daemon%%:*} (process $pid) did not stop" >&2; status=1; }
  fi
done
[ "$status" = 0 ] && [ -z "${SLURM_LOCAL_KEEP:-}" ] && rm -rf "$D"
exit "$status"

#!/usr/bin/env bash
# Makes sure that SLURM, munge and MariaDB are installed. As root, it installs Debian's packages with apt-get.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

PACKAGES=(slurmctld slurmd slurm-client munge slurmdbd mariadb-server iproute2)
PROGRAMS=(slurmctld slurmd sbatch munged slurmdbd mariadbd ip)

missing=()
for program in "${PROGRAMS[@]}"; do
  PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || missing+=("$program")
done

[ "$(id -u)" = 0 ] || stop_with 'needs root, because the daemon of a node starts jobs as the user who submitted them'
[ "${#missing[@]}" -gt 0 ] || exit 0
command -v apt-get >/dev/null || stop_with "${missing[*]} not found, and there is no apt-get to install them"

echo "slurm-local: installing ${PACKAGES[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The packages must not start their daemons: ours run from a separate folder.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$log" "$policy"' EXIT
fi
{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${PACKAGES[@]}"; } \
  >"$log" 2>&1 || stop_with "apt-get could not install ${PACKAGES[*]}: $(tail -n 1 "$log")"

#!/usr/bin/env bash
# Starts a SLURM cluster on this machine, with accounting and two simulated GPUs, and prints how to use it.
#
# All files are in $SLURM_LOCAL_DIR (default /var/lib/latentman-slurm-local), none in /etc. down.sh stops the cluster.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
PATH="$PATH:/usr/sbin"

"$here/install.sh"
for daemon in "${DAEMONS[@]}"; do
  [ -z "$(daemon_pid "${daemon%%:*}" "${daemon#*:}")" ] || stop_with "is already running in $D; make slurm-local-down stops it"
done
[[ "$D" =~ ^/[A-Za-z0-9._/-]+$ ]] || stop_with "SLURM_LOCAL_DIR=$D must be an absolute path of plain characters"
trap 'status=$?; [ "$status" = 0 ] || { echo "slurm-local: could not start:"; tail -n 5 "$D"/log/*.log; "$here/down.sh"; } >&2' EXIT

fill() { # TEMPLATE TARGET
  sed -e "s|@D@|$D|g" -e "s|@NODE@|$NODE|g" -e "s|@FIRST@|$(($(date +%s) % 1000000 + 1000))|g" "$here/$1" >"$2"
}

make_folders() {
  mkdir -p "$D"/{munge,state,spool,log,run,db}
  chmod 755 "$D" "$D/munge"
  chown munge: "$D/munge"
  chown mysql: "$D/db"
}

start_munge() {
  local own="$D/munge"
  if [ ! -s "$own/munge.key" ]; then
    (umask 077 && head -c 1024 /dev/urandom >"$own/munge.key")
    chown munge: "$own/munge.key"
    chmod 400 "$own/munge.key"
  fi
  runuser -u munge -- /usr/sbin/munged --key-file="$own/munge.key" --socket="$own/munge.sock" \
    --pid-file="$own/munged.pid" --log-file="$own/munged.log" --seed-file="$own/munged.seed"
}

sql() { mariadb --no-defaults --socket="$D/db/sock" -e "$1"; }

start_database() {
  if [ ! -d "$D/db/mysql" ]; then
    mariadb-install-db --no-defaults --user=mysql --datadir="$D/db" --auth-root-authentication-method=socket \
      --skip-test-db >"$D/log/database-install.log" 2>&1
  fi
  # Reachable only by its socket.
  mariadbd --no-defaults --user=mysql --datadir="$D/db" --socket="$D/db/sock" --pid-file="$D/db/pid" \
    --skip-networking --innodb-buffer-pool-size=64M --innodb-lock-wait-timeout=900 \
    --innodb-flush-log-at-trx-commit=2 --log-error="$D/log/database.log" >/dev/null 2>&1 </dev/null &
  disown
  wait_until 60 sql 'select 1'
  sql "create database if not exists slurm_acct_db;
       create user if not exists 'slurm'@'localhost' identified by 'slurm';
       grant all on slurm_acct_db.* to 'slurm'@'localhost';"
}

start_accounting() {
  (umask 077 && fill slurmdbd.conf.in "$D/slurmdbd.conf")
  MYSQL_UNIX_PORT="$D/db/sock" slurmdbd
  wait_until 60 timeout 5 sacctmgr -n list cluster
  timeout 20 sacctmgr -i add cluster local >/dev/null 2>&1 || timeout 5 sacctmgr -n list cluster local | grep -q local
}

# SLURM hands out device files without opening them, so a copy of /dev/null can stand in for a GPU.
make_gpus() {
  : >"$D/gres.conf"
  for number in 0 1; do
    [ -e "$D/run/gpu$number" ] || mknod "$D/run/gpu$number" c 1 3
    echo "NodeName=$NODE Name=gpu File=$D/run/gpu$number" >>"$D/gres.conf"
  done
}

controller_answers() { scontrol ping | grep -q ' is UP'; }
node_is_idle() { [ "$(sinfo -h -o %T -p main)" = idle ]; }

make_folders
fill slurm.conf.in "$D/slurm.conf"
make_gpus
start_munge
start_database
start_accounting
slurmctld -f "$SLURM_CONF"
wait_until 30 controller_answers
slurmd -f "$SLURM_CONF" -N "$NODE"
wait_until 30 node_is_idle

echo "slurm-local: node $NODE is idle, partitions main and urgent, two simulated GPUs; to use it:"
echo "  export SLURM_CONF=$SLURM_CONF"
echo "  latentman run -m seed=0,1 setup=mini_fast hydra/launcher=slurm_local"

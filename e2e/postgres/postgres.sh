#!/usr/bin/env bash
# Runs a real PostgreSQL for tests, reachable on loopback only: the newest of this
# machine's Debian packages, which are installed if there is none.
#
#   postgres.sh start DIR [PORT]    starts the server of DIR, which is made where it is missing;
#                                   prints the URL of its database test; PORT is 25432 unless given,
#                                   and remembered
#   postgres.sh stop DIR            ends it as an administrator does: its connections are cut
#   postgres.sh kill DIR            ends it as a power failure would
#   postgres.sh restart DIR         stops it, if it runs, and starts it on its data; prints the URL
#   postgres.sh bin                 prints the directory of PostgreSQL's programs
#
# DIR belongs to who runs the server: root cannot, so user postgres does for it, and must
# be able to reach DIR. Nothing but stop and kill ends the server; who removes DIR removes its data.
set -euo pipefail

main() {
  local verb=${1:-} dir=
  case "$verb" in
    start | stop | kill | restart)
      [ -n "${2:-}" ] || fail "which directory?"
      dir=$(realpath -m -- "$2")
      ;;
  esac
  case "$verb" in
    start) start "$dir" "${3:-}" ;;
    stop) stop "$dir" ;;
    kill) crash "$dir" ;;
    restart) restart "$dir" ;;
    bin) programs ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" && exit 2 ;;
  esac
}

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

start() {
  local dir=$1 port=${2:-}
  port=${port:-$(cat "$dir/port" 2>/dev/null || echo 25432)}
  refuse_ephemeral "$port"
  bin=$(programs)
  [ -d "$dir/data" ] || create "$dir"
  if ! server "$dir" status >/dev/null; then
    echo "$port" >"$dir/port"
    # What a killed process wrote is with the system, which goes on: no fsync.
    server "$dir" -w -t 60 -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off" start >/dev/null ||
      fail "the server does not start: $(tail -n 5 "$dir/log")"
  fi
  port=$(cat "$dir/port")
  database "$port" || fail "the database test cannot be made"
  echo "postgres://postgres@127.0.0.1:$port/test?sslmode=disable"
}

create() {
  mkdir -p "$1"
  chmod 700 "$1"
  [ "$(id -u)" != 0 ] || chown postgres: "$1"
  as_user test -x "$1" || fail "user postgres cannot reach $1: a directory above it is closed to others"
  as_user "$bin/initdb" -D "$1/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
}

# database makes the database test where it is missing.
database() {
  local psql=("$bin/psql" -qAt -h 127.0.0.1 -p "$1" -U postgres)
  [ "$("${psql[@]}" -c "SELECT 1 FROM pg_database WHERE datname = 'test'" postgres)" = 1 ] || "${psql[@]}" -c 'CREATE DATABASE test' postgres
}

stop() {
  bin=$(programs)
  ! server "$1" status >/dev/null || server "$1" -m fast -w stop >/dev/null
}

# crash kills the server's process and its children, and waits until they are gone.
crash() {
  local server pid all deadline=$((SECONDS + 10))
  server=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && { tr '\0' ' ' <"/proc/$server/cmdline"; } 2>/dev/null | grep -qF -- "-D $1/data" ||
    fail "no server of $1 runs"
  kill -STOP "$server" # it starts no more children
  all="$server $(grep -l "^PPid:[[:space:]]*$server\$" /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3 | tr '\n' ' ')"
  kill -9 $all 2>/dev/null || true # a child may have ended meanwhile
  for pid in $all; do
    while grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$pid/status" 2>/dev/null; do sleep 0.02; done
  done
  # PostgreSQL takes a dead process for a server until its parent has noticed.
  while [ -d "/proc/$server" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.02; done
  [ ! -d "/proc/$server" ] || rm -f "$1/data/postmaster.pid"
}

restart() {
  [ -d "$1/data" ] || fail "$1 has no server"
  stop "$1"
  start "$1"
}

# server DIR ARGUMENTS…: runs pg_ctl.
server() {
  local dir=$1
  shift
  as_user "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" "$@"
}

as_user() {
  local run=()
  [ "$(id -u)" != 0 ] || run=(runuser -u postgres --)
  (cd / && LC_ALL=C.UTF-8 "${run[@]}" "$@" </dev/null)
}

# programs prints where PostgreSQL's are, after installing them if need be.
programs() {
  local found
  found=$(newest)
  if [ -z "$found" ]; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "PostgreSQL is not installed: in Debian, apt-get install postgresql"
    install >&2 || fail "PostgreSQL cannot be installed"
    found=$(newest)
  fi
  echo "${found:?nothing was installed}"
}

newest() { find /usr/lib/postgresql -path '*/bin/initdb' -printf '%h\n' 2>/dev/null | sort -V | tail -n 1 || true; } # there may be no such directory

# install installs the programs, and no server beside ours.
install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update && apt-get -q -y --no-install-recommends install postgresql-common &&
    sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf &&
    apt-get -q -y --no-install-recommends install postgresql
}

refuse_ephemeral() {
  local first=32768
  [ ! -r /proc/sys/net/ipv4/ip_local_port_range ] || read -r first _ </proc/sys/net/ipv4/ip_local_port_range
  [ "$1" -lt "$first" ] || fail "port $1 is one that the system gives to connections: choose one below $first"
}

main "$@"

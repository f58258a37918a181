#!/usr/bin/env bash
# Runs a real RabbitMQ for tests and measurements, reachable on loopback only: this
# machine's Debian package, which is installed if there is none.
#
#   rabbitmq.sh start [DIR [PORT]]    starts the broker of DIR, which is made where it is missing;
#                                     prints its URL; PORT is 25672 unless given, and remembered
#   rabbitmq.sh stop [DIR]            ends it, and removes DIR
#   rabbitmq.sh kill [DIR]            ends it as a power failure would
#   rabbitmq.sh pause [DIR]           freezes it: its connections stay open and say nothing
#   rabbitmq.sh resume [DIR]          lets it go on
#   rabbitmq.sh restart [DIR]         kills it, if it runs, and starts it on its data; prints its URL
#   rabbitmq.sh env [DIR]             prints its URL
#   rabbitmq.sh ctl DIR ARGUMENTS…    runs rabbitmqctl, such as: ctl DIR list_queues name messages
#
# DIR is /tmp/forge-rabbitmq unless given. The broker has the plugin
# rabbitmq_consistent_hash_exchange, takes also PORT + 1 and PORT + 2 for Erlang's
# nodes, and is a node, with a port mapper, of its own.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../kafka/common.sh"

bin=/usr/lib/rabbitmq/bin

main() {
  local verb=${1:-}
  dir=$(realpath -m -- "${2:-/tmp/forge-rabbitmq}")
  case "$verb" in
    start) start "${3:-}" ;;
    stop) stop ;;
    kill) end "$dir/pid" "$dir" ;;
    pause) signal STOP ;;
    resume) signal CONT ;;
    restart) end "$dir/pid" "$dir" && start '' ;;
    env) url ;;
    ctl) shift 2 && settings && "$bin/rabbitmqctl" -q "$@" ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" && exit 2 ;;
  esac
}

start() {
  local port=${1:-}
  port=${port:-$(cat "$dir/port" 2>/dev/null || echo 25672)}
  below_ephemeral "$((port + 2))"
  need rabbitmq-server rabbitmq-server
  mkdir -p "$dir"
  if ! runs "$dir/pid" "$dir"; then
    echo "$port" >"$dir/port"
    launch
  fi
  await
  url
}

# settings sets what the broker and its tools read, and nothing of the machine's own broker.
settings() {
  local port
  port=$(cat "$dir/port" 2>/dev/null) || fail "there is no broker in $dir"
  export HOME=$dir RABBITMQ_CONF_ENV_FILE=$dir/none RABBITMQ_CONFIG_FILE=$dir/rabbitmq RABBITMQ_ADVANCED_CONFIG_FILE=$dir/none
  export RABBITMQ_NODENAME=forge-$port@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$port
  export RABBITMQ_DIST_PORT=$((port + 1)) ERL_EPMD_PORT=$((port + 2)) ERL_EPMD_ADDRESS=127.0.0.1
  export RABBITMQ_MNESIA_BASE=$dir/data RABBITMQ_LOG_BASE=$dir/log RABBITMQ_PID_FILE=$dir/pid
  export RABBITMQ_ENABLED_PLUGINS_FILE=$dir/plugins LANG=C.UTF-8
  unset RABBITMQ_URL
}

launch() {
  settings
  echo '[rabbitmq_consistent_hash_exchange].' >"$dir/plugins"
  cat >"$dir/rabbitmq.conf" <<C
log.file.level = info
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 64000000
C
  # In a session of its own, so that an interrupt of the caller does not reach it.
  # The process that counts is its child, which writes its id to the file pid.
  rm -f "$dir/pid"
  setsid "$bin/rabbitmq-server" >>"$dir/output" 2>&1 </dev/null &
  wrapper=$!
}

# await waits until the broker takes clients: it listens when all else is up.
await() {
  local deadline=$((SECONDS + 90)) port
  port=$(cat "$dir/port")
  until listens "$port"; do
    runs "$dir/pid" "$dir" || kill -0 "${wrapper:-0}" 2>/dev/null || fail "the broker ended: $(tail -n 20 "$dir/output")"
    [ "$SECONDS" -lt "$deadline" ] || fail "the broker does not listen after 90 s: see $dir/output"
    sleep 0.2
  done
}

stop() {
  [ -f "$dir/port" ] || return 0
  settings
  end "$dir/pid" "$dir"
  # The port mapper, once no node uses it: it is told by its own port.
  "$(find /usr/lib/erlang -name epmd -type f -path '*erts*' | head -n 1)" -port "$ERL_EPMD_PORT" -kill >/dev/null 2>&1 || true
  rm -rf "$dir"
}

signal() {
  runs "$dir/pid" "$dir" || fail "no broker of $dir runs"
  kill "-$1" "$(cat "$dir/pid")"
}

url() { echo "amqp://guest:guest@127.0.0.1:$(cat "$dir/port" 2>/dev/null || fail "there is no broker in $dir")/"; }

main "$@"

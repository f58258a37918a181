#!/usr/bin/env bash
# Runs a real Apache Kafka for tests and measurements: brokers that are their own
# controllers (KRaft), as processes of this machine, reachable on loopback only.
#
#   kafka.sh start [1|3]     starts as many brokers (1), or those missing; prints their addresses
#   kafka.sh kill N          ends broker N as a power failure would
#   kafka.sh pause N         freezes it: its connections stay open and say nothing
#   kafka.sh resume N        lets it go on
#   kafka.sh restart N       starts it again on its data, and waits until it listens
#   kafka.sh tool CLASS …    runs a tool of org.apache.kafka.tools, such as TopicCommand --list
#   kafka.sh env             prints the addresses
#   kafka.sh fetch           downloads Kafka, prints the directory of its jars
#   kafka.sh stop            ends all brokers and removes their data
#
# Kafka is downloaded once, by Maven; both want a Java, at least 17. Settings:
#
#   KAFKA_VERSION           4.1.0
#   KAFKA_RUN_DIR           /tmp/forge-kafka; data, settings and log of broker N are in node-N
#   KAFKA_BASE_PORT         29090: broker N listens there + N, its controller there + 10 + N
#   KAFKA_PROXIED           yes: broker N listens also at the base + 30 + N, and tells who comes
#                           there to connect to the base + 20 + N, for a proxy in between
#   KAFKA_SECURE            yes: the same at the base + 50 + N and the base + 40 + N, by SASL_SSL,
#                           for which KAFKA_EXTRA_PROPERTIES has listener.name.secure.…
#   KAFKA_HEAP              1g, of each broker
#   KAFKA_START_TIMEOUT     120, in seconds, until a broker listens
#   KAFKA_EXTRA_PROPERTIES  more lines for server.properties
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=${KAFKA_VERSION:-4.1.0}
run=${KAFKA_RUN_DIR:-/tmp/forge-kafka}
base=${KAFKA_BASE_PORT:-29090}
libs=${XDG_CACHE_HOME:-$HOME/.cache}/forge/kafka-$version

main() {
  case "${1:-}" in
    start) start "${2:-1}" ;;
    kill) end "$(pid_file "${2:?which broker?}")" "$(settings_file "$2")" ;;
    pause) signal STOP "${2:?which broker?}" ;;
    resume) signal CONT "${2:?which broker?}" ;;
    restart) restart "${2:?which broker?}" ;;
    tool) shift && tool "$@" ;;
    env) addresses ;;
    fetch) fetch; echo "$libs" ;;
    stop) stop ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" && exit 2 ;;
  esac
}

start() {
  local count=$1 n
  [ "$count" = 1 ] || [ "$count" = 3 ] || fail "starts 1 broker or 3, not $count"
  below_ephemeral "$((base + 53))"
  fetch
  if [ -z "$(nodes)" ]; then
    format "$count"
  elif [ "$(nodes | wc -l)" != "$count" ]; then
    fail "$run has $(nodes | wc -l) brokers, not $count: stop them, or set KAFKA_RUN_DIR and KAFKA_BASE_PORT"
  fi
  for n in $(nodes); do launch "$n"; done
  for n in $(nodes); do await "$n"; done
  addresses
}

# fetch downloads Kafka and what it needs, a server's log included.
fetch() {
  need java default-jre-headless
  java=$(find_java 17) || fail "Kafka $version wants a Java, at least 17: JAVA names one"
  [ ! -d "$libs" ] || return 0
  need mvn maven
  mkdir -p "$(dirname "$libs")"
  (
    flock 9
    [ ! -d "$libs" ] || exit 0
    local work
    work=$(mktemp -d "$libs.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    write_pom >"$work/pom.xml"
    mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$work/libs" >&2 || fail "Kafka $version cannot be downloaded"
    mv "$work/libs" "$libs"
  ) 9>"$libs.lock"
}

write_pom() {
  local artifact
  echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
  echo '<groupId>forge</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>'
  for artifact in "org.apache.kafka:kafka_2.13:$version" "org.apache.kafka:kafka-tools:$version" org.apache.logging.log4j:log4j-slf4j-impl:2.24.3; do
    printf '<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n' ${artifact//:/ }
  done
  echo '</dependencies></project>'
}

# format writes the settings of new brokers, and makes their disks.
format() {
  local count=$1 n voters='' cluster
  for n in $(seq "$count"); do voters+=,$n@127.0.0.1:$((base + 10 + n)); done
  cluster=$(run_class kafka.tools.StorageTool random-uuid)
  for n in $(seq "$count"); do
    mkdir -p "$run/node-$n"
    write_settings "$n" "$count" "${voters#,}" >"$(settings_file "$n")"
    run_class kafka.tools.StorageTool format -t "$cluster" -c "$(settings_file "$n")" >>"$run/node-$n/log" 2>&1 ||
      fail "the disk of broker $n cannot be formatted: $(tail -n 3 "$run/node-$n/log")"
  done
}

write_settings() {
  local n=$1 count=$2 voters=$3 in_sync=$((count > 1 ? count - 1 : 1))
  local listeners=PLAINTEXT://127.0.0.1:$((base + n)) proxied='' advertised=''
  if [ -n "${KAFKA_PROXIED:-}" ]; then
    proxied=,PROXIED://127.0.0.1:$((base + 30 + n))
    advertised=,PROXIED://127.0.0.1:$((base + 20 + n))
  fi
  if [ -n "${KAFKA_SECURE:-}" ]; then
    proxied+=,SECURE://127.0.0.1:$((base + 50 + n))
    advertised+=,SECURE://127.0.0.1:$((base + 40 + n))
  fi
  cat <<P
process.roles=broker,controller
node.id=$n
controller.quorum.voters=$voters
listeners=$listeners,CONTROLLER://127.0.0.1:$((base + 10 + n))$proxied
advertised.listeners=$listeners$advertised
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,SECURE:SASL_SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$run/node-$n/data
num.partitions=6
default.replication.factor=$count
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$count
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=$count
transaction.state.log.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
${KAFKA_EXTRA_PROPERTIES:-}
P
}

# launch starts a broker that does not run.
launch() {
  local n=$1
  [ -f "$(settings_file "$n")" ] || fail "there is no broker $n in $run"
  ! alive "$n" || return 0
  java=$(find_java 17) || fail "Kafka wants a Java, at least 17: JAVA names one"
  # In a session of its own, so that an interrupt of the caller does not reach it.
  setsid "$java" "-Xmx${KAFKA_HEAP:-1g}" -XX:+UseSerialGC -cp "$libs/*" kafka.Kafka "$(settings_file "$n")" \
    >>"$run/node-$n/log" 2>&1 </dev/null &
  echo $! >"$(pid_file "$n")"
  until alive "$n" || ! kill -0 $! 2>/dev/null; do sleep 0.02; done # it is this shell's copy at first
}

await() {
  local n=$1 deadline=$((SECONDS + ${KAFKA_START_TIMEOUT:-120}))
  until listens "$((base + n))"; do
    alive "$n" || fail "broker $n ended: $(tail -n 20 "$run/node-$n/log")"
    [ "$SECONDS" -lt "$deadline" ] || fail "broker $n does not listen after ${KAFKA_START_TIMEOUT:-120} s: see $run/node-$n/log"
    sleep 0.2
  done
}

restart() {
  launch "$1"
  await "$1"
}

stop() {
  local n
  for n in $(nodes); do end "$(pid_file "$n")" "$(settings_file "$n")"; done
  rm -rf "$run"/node-*
  rmdir "$run" 2>/dev/null || true
}

signal() {
  alive "$2" || fail "broker $2 does not run"
  kill "-$1" "$(cat "$(pid_file "$2")")"
}

tool() {
  local class=${1:?which class?}
  shift
  run_class "org.apache.kafka.tools.$class" --bootstrap-server "$(addresses)" "$@"
}

addresses() {
  local n list=
  for n in $(nodes); do list+=,127.0.0.1:$((base + n)); done
  echo "${list#,}"
}

nodes() { find "$run" -mindepth 1 -maxdepth 1 -name 'node-*' 2>/dev/null | sed 's/.*node-//' | sort -n; }

alive() { runs "$(pid_file "$1")" "$(settings_file "$1")"; }

pid_file() { echo "$run/node-$1/pid"; }

settings_file() { echo "$run/node-$1/server.properties"; }

run_class() { "${java:-$(find_java 17)}" -cp "$libs/*" "$@"; }

main "$@"

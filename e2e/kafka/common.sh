# What the scripts of this folder have in common. They source it.

# fail WORDS…: says what is wrong on stderr, and ends the script.
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# need COMMAND PACKAGE: installs Debian's PACKAGE if there is no COMMAND.
need() {
  command -v "$1" >/dev/null || install_package "$2" || fail "there is no $1: install it, in Debian by apt-get install $2"
}

install_package() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -q update && apt-get -q -y --no-install-recommends install "$1"; } >&2
}

# find_java VERSION: prints a java of at least VERSION, or fails silently.
find_java() {
  local java version
  for java in ${JAVA:-} java /usr/lib/jvm/*/bin/java; do
    version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p') || true
    [ "${version:-0}" -lt "$1" ] || { echo "$java"; return; }
  done
  return 1
}

# below_ephemeral PORT: refuses a port that the system may give to any
# connection, because whoever got it would keep a killed server from coming back.
below_ephemeral() {
  local first=32768
  [ ! -r /proc/sys/net/ipv4/ip_local_port_range ] || read -r first _ </proc/sys/net/ipv4/ip_local_port_range
  [ "$1" -lt "$first" ] || fail "port $1 is one that the system gives to connections: choose ports below $first"
}

# listens PORT: whether a server accepts connections there, on loopback.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# runs PIDFILE TEXT: whether the file's process is there and has TEXT in its
# command line. Its id may long be that of another.
runs() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF -- "$2"
}

# end PIDFILE TEXT: kills that process and waits until it is gone, with its ports.
end() {
  local pid
  runs "$1" "$2" || return 0
  pid=$(cat "$1")
  kill -9 "$pid"
  until gone "$pid"; do sleep 0.05; done
}

# gone PID: whether nothing of the process is left but, perhaps, its entry.
gone() {
  ! grep -q '^State:' "/proc/$1/status" 2>/dev/null || grep -Pzq 'State:\tZ(.|\n)*Threads:\t1\n' "/proc/$1/status"
}

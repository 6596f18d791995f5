# Sourced by smoke: a node of its own, in a temporary state folder and on a free port, that never touches what
# production uses.

node_binary=$1
node_folder=$(mktemp -d /tmp/signalbox-ci.XXXXXX)
node_pid=
export SIGNALBOX_STATE="$node_folder/state" SIGNALBOX_SOCKET="$node_folder/socket"
export XDG_CONFIG_HOME="$node_folder/config"
unset REDIS_URL SIGNALBOX_HOST SIGNALBOX_TOKEN SIGNALBOX_TOKEN_FILE XDG_RUNTIME_DIR

free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 20000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  echo "no free port was found" >&2
  return 1
}

# http_get PATH: status line, headers and body, without needing curl.
http_get() {
  exec 3<>"/dev/tcp/127.0.0.1/$SIGNALBOX_API_PORT" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$1" "$SIGNALBOX_API_PORT" >&3
  timeout 10 cat <&3
  exec 3<&- 3>&-
}

start_node() {
  SIGNALBOX_API_PORT=$(free_port)
  # Any free port: a gateway of its own.
  export WEBSOCKET_PORT=0
  export SIGNALBOX_API_PORT
  mkdir -p "$node_folder/project"
  "$node_binary" --no-tui "$node_folder/project" 2>"$node_folder/log" &
  node_pid=$!
  for _ in {1..200}; do
    if (http_get /health/ready) 2>/dev/null | head -n 1 | grep -q ' 200 '; then return; fi
    kill -0 "$node_pid" 2>/dev/null || break
    sleep 0.05
  done
  echo "the node did not become ready; it said:" >&2
  cat "$node_folder/log" >&2
  return 1
}

# stop_node: SIGTERM, and whether it ended well within its 5 seconds.
stop_node() {
  local pid=$node_pid
  node_pid=
  kill -TERM "$pid"
  for _ in {1..140}; do
    if ! kill -0 "$pid" 2>/dev/null; then
      wait "$pid"
      return
    fi
    sleep 0.05
  done
  echo "the node did not stop within 7 seconds" >&2
  kill -KILL "$pid"
  return 1
}

clean_up() {
  [[ -z "$node_pid" ]] || kill -KILL "$node_pid" 2>/dev/null || true
  rm -rf "$node_folder"
}
trap clean_up EXIT

# Runs buildah's images without a container engine, for tryImages.sh: with namespaces and a bridge.
# shellcheck shell=bash

network=m2m-try subnet=10.231.7 work=$(mktemp --directory)
declare -A process=()
# The exit code of the container that ended last.
code=0

clean_up() {
  set +e
  local name
  for name in "${!process[@]}"; do kill -KILL "$(first_process "$name")"; ip netns delete "$network-$name"; done
  wait
  for name in $(ip -oneline link show master "$network" | sed 's/^[0-9]*: \([^@]*\)@.*/\1/'); do ip link delete "$name"; done
  ip link delete "$network"
  [[ -s $work/containers ]] && xargs buildah rm <"$work/containers" >/dev/null
  rm --recursive --force "$work"
} 2>/dev/null

# mounts/ contains the containers' /etc/hosts and their mounted folders.
create_network() {
  mkdir --parents "$work/mounts"
  echo '127.0.0.1 localhost' >"$work/mounts/hosts"
  ip link add "$network" type bridge
  ip address add "$subnet.1/24" dev "$network"
  ip link set "$network" up
}

configuration() { buildah inspect --type image "localhost/$1" | jq --raw-output ".Docker.config$2"; } # IMAGE FIELD

root_folder() { # IMAGE: of a new container
  local container
  container=$(buildah from --pull-never "localhost/$1")
  echo "$container" >>"$work/containers"
  buildah mount "$container"
}

# The first command of a container, as process 1 of its namespaces. It execs the command of the image.
# shellcheck disable=SC2016
become='
  set -e
  root=$1 mounts=$2; shift 2
  ip link set lo up
  mount --bind "$root" "$root"
  mount --types proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --bind "$mounts/hosts" "$root/etc/hosts"
  for folder in secrets client-secret; do
    mkdir --parents "$mounts/$folder" "$root/$folder"
    mount --bind "$mounts/$folder" "$root/$folder"
  done
  mount --options remount,bind,ro "$root"
  exec chroot "$root" setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs --bounding-set=-all "$@"'

# Starts the command of an image at an address of the network, in the background.
start() { # NAME IMAGE HOST-NUMBER [VARIABLE=VALUE...]
  local name=$1 image=$2 number=$3 root hosts settings command; shift 3
  root=$(root_folder "$image")
  # In place, because running containers have this file mounted.
  hosts=$(sed "/ $name\$/d" "$work/mounts/hosts")
  printf '%s\n%s %s\n' "$hosts" "$subnet.$number" "$name" >"$work/mounts/hosts"
  ip netns add "$network-$name"
  # The interface of the previous container disappears a moment after its namespace.
  ip link delete "try-$number" 2>/dev/null || true
  ip link add "try-$number" type veth peer name eth0 netns "$network-$name"
  ip link set "try-$number" master "$network" up
  ip -netns "$network-$name" address add "$subnet.$number/24" dev eth0
  ip -netns "$network-$name" link set eth0 up
  mapfile -t settings < <(configuration "$image" '.Env[]')
  mapfile -t command < <(configuration "$image" '.Cmd[]')
  printf '%s\n' "${settings[@]}" "$@" >"$work/$name.environment"
  ip netns exec "$network-$name" unshare --mount --pid --ipc --uts --fork bash -c "$become" become \
    "$root" "$work/mounts" env --ignore-environment --chdir=/app \
    "${settings[@]}" "$@" "${command[@]}" >>"$work/$name.log" 2>&1 &
  process[$name]=$!
}

first_process() { pgrep --parent "${process[$1]}"; } # NAME: its process 1, as a process id of the host

# Runs a command in a container with its environment, as user 1000 or $user.
inside() { # NAME COMMAND...
  local name=$1 settings; shift
  mapfile -t settings <"$work/$name.environment"
  nsenter --target "$(first_process "$name")" --mount --pid --net --ipc --uts --root \
    --setuid "${user:-1000}" --setgid "${user:-1000}" env --ignore-environment --chdir=/app "${settings[@]}" "$@"
}

# Sends SIGTERM to process 1, as a container engine does, and waits.
stop() { # NAME
  kill -TERM "$(first_process "$1")"
  await_end "$1"
}

await_end() { # NAME
  code=0
  # shellcheck disable=SC2034
  wait "${process[$1]}" || code=$?
  unset "process[$1]"
  ip netns delete "$network-$1"
}

#!/bin/sh
# What the DaemonSet does on a node: node.sh install|remove, which end when it is done and say what they wait for until then; run, which goes
# on; ready, for its probe. Any other word is a command of the tool's, on the node: node.sh doctor.
#
# HOST_ROOT is the node's root directory, TEMPLATE the network with @RANGES@ in it, NODE is the node's name. KUBERNETES_SERVICE_HOST and
# _PORT, and the token, are those that Kubernetes gives every pod.
set -eu

root=${HOST_ROOT:-/proc/1/root}
patchcord=${PATCHCORD:-/patchcord}
template=${TEMPLATE:-/conf/10-patchcord.conflist}
account=${SERVICE_ACCOUNT:-/var/run/secrets/kubernetes.io/serviceaccount}
work=${WORK:-/work}
name=10-patchcord.conflist

say() {
  echo "patchcord: $*"
}

# Each reason once, and again when it has been another one meanwhile.
said=
wait_for() {
  if [ "$said" != "$*" ]; then say "$*"; fi
  said=$*
  return 1
}

# The tool looks from where the runtime's plugins do, since it calls nobody gone whom it cannot see: in the node's mount namespace.
on_node() {
  NETCONFPATH=${NETCONFPATH:-$(network_directories | head -n 1)}
  export NETCONFPATH
  # shellcheck disable=SC2086  # words
  ${ENTER-nsenter --target 1 --mount --} "${TOOL:-$(installed)}" "$@"
}

# Where the node's runtimes look for plugins, and for networks: a line each.
plugin_directories() {
  "$patchcord" runtimes --root "$root" --output plugins 2>/dev/null || :
}

network_directories() {
  "$patchcord" runtimes --root "$root" --output networks 2>/dev/null || :
}

# The plugin, as the node sees it.
installed() {
  for directory in $(plugin_directories); do
    if [ -x "$root$directory/patchcord" ]; then echo "$directory/patchcord" && return; fi
  done
  return 1
}

# The node as JSON, from the API by its address: there may be no name service before there is a network.
node_object() {
  server=$KUBERNETES_SERVICE_HOST
  case $server in
    *:*) server="[$server]" ;;
  esac
  curl --silent --show-error --fail --max-time 30 --cacert "$account/ca.crt" \
    --header "Authorization: Bearer $(cat "$account/token")" \
    "https://$server:$KUBERNETES_SERVICE_PORT/api/v1/nodes/$NODE" 2>&1
}

# Prefixes of pods, one a line: podCIDRs (one of each family), or podCIDR of old clusters. A quote inside of a text, as annotations have
# it, stands behind a backslash and does not match.
prefixes_of() {
  flat=$(printf '%s' "$1" | tr -d ' \t\n\r')
  list=$(printf '%s' "$flat" | sed -n 's/.*"podCIDRs":\[\([^]]*\)\].*/\1/p')
  [ -n "$list" ] || list=$(printf '%s' "$flat" | sed -n 's/.*"podCIDR":\("[^"]*"\).*/\1/p')
  printf '%s' "$list" | tr ',' '\n' | sed 's/"//g'
}

# [[{"subnet": "A"}], [{"subnet": "B"}]]: an address of each. What is wrong with them, without the bracket.
ranges_of() {
  ranges=
  for prefix in $1; do
    case $prefix in
      *[!0-9a-fA-F:./]* | */*/*) ranges="node $NODE has the prefix $prefix, which is none" && break ;;
      */*) ranges="$ranges${ranges:+, }[{\"subnet\": \"$prefix\"}]" ;;
      *) ranges="node $NODE has the prefix $prefix, which has no length" && break ;;
    esac
  done
  case $ranges in
    node*) echo "$ranges" ;;
    *) echo "[$ranges]" ;;
  esac
}

# Runtimes read all that is in their directory, so a network comes there by a rename from beside it. containerd passes over what is moved
# in, until it is written to: set to the length that it has.
put_network() {
  new=$(dirname "$2")/.patchcord-new.$name
  mkdir -p "$2" && cp "$1" "$new" && mv -f "$new" "$2/$name" && truncate -c -s "$(wc -c <"$2/$name")" "$2/$name"
}

# The plugin comes before the network that names it. The network is checked before any runtime can read it.
install() {
  object=$(node_object) || { wait_for "waiting for the API, which does not tell of node $NODE: $object"; return; }
  ranges=$(ranges_of "$(prefixes_of "$object")")
  case $ranges in
    node*) wait_for "waiting, since $ranges"; return ;;
    "[]") grep -q @RANGES@ "$template" && { wait_for "waiting for a podCIDR of node $NODE, which has none yet: the controller manager needs" \
      "--allocate-node-cidrs, or the network a pool of its own"; return; } ;;
  esac
  "$patchcord" install --root "$root" || { wait_for "waiting for a directory of plugins that can be written to"; return; }
  sed "s|@RANGES@|$ranges|" "$template" >"$work/$name"
  plugins=$(installed) || return
  problem=$("$patchcord" validate "$work/$name" --plugin-dir "$root${plugins%/patchcord}" 2>&1) ||
    { wait_for "waiting for another network, since that of the ConfigMap cannot be used: $problem"; return; }
  for directory in $(network_directories); do
    place=$root$directory
    if ! cmp -s "$work/$name" "$place/$name"; then
      put_network "$work/$name" "$place" || { wait_for "waiting for $directory, which cannot be written to"; return; }
      say "$directory/$name has $ranges"
    fi
    first=$(first_network "$place")
    if [ "$first" != "$name" ]; then say "runtimes take the first file, which is $directory/$first"; fi
  done
}

# The one that runtimes take.
first_network() {
  for file in "$1"/*; do
    case $file in
      *.conf | *.conflist | *.json) basename "$file" && return ;;
    esac
  done
}

# Records, of the interfaces and of what plugins behind another one have made.
attachments() {
  for kind in attachments portmap firewall tuning bandwidth; do
    if [ -d "$root/run/patchcord/$kind" ]; then find "$root/run/patchcord/$kind" -mindepth 2 -type f; fi
  done | wc -l
}

# New pods go to the network that sorts before ours, and ours stays as long as the runtime needs it for a DEL. Whoever the runtime has
# disconnected by the other one is provably gone, and collected.
remove() {
  collect
  if [ "$(attachments)" -gt 0 ]; then
    wait_for_pods
    return
  fi
  for directory in $(network_directories); do
    # Out of the runtime's sight, and back if a pod was begun meanwhile.
    if [ -e "$root$directory/$name" ]; then mv -f "$root$directory/$name" "$(dirname "$root$directory")/.patchcord-old.$name"; fi
  done
  rest "${SETTLE:-5}"
  if [ "$(attachments)" -gt 0 ]; then
    for directory in $(network_directories); do
      old=$(dirname "$root$directory")/.patchcord-old.$name
      if [ -e "$old" ]; then put_network "$old" "$root$directory" && rm -f "$old"; fi
    done
    wait_for_pods
    return
  fi
  for directory in $(network_directories); do rm -f "$(dirname "$root$directory")/.patchcord-old.$name"; done
  "$patchcord" uninstall --root "$root"
}

collect() {
  if [ "$(attachments)" -gt 0 ]; then on_node gc | grep -v '^nothing to remove$' || :; fi
}

wait_for_pods() {
  hint="new pods go to the network that comes first"
  for directory in $(network_directories); do
    if [ "$(first_network "$root$directory")" = "$name" ]; then hint="drain the node, or put another network before $directory/$name"; fi
  done
  wait_for "waiting for $(attachments) attachments of pods that run; the plugin and its network stay until they are gone; $hint:
$(on_node list 2>&1 | awk '{ print "  " $1, $2, $3, $4, $NF }')"
}

# Puts back what was taken from pods that run, collects what is of pods that are gone, and tells Prometheus.
round() {
  on_node reconcile || :
  collect
  if on_node metrics >"$work/new"; then mv -f "$work/new" "$work/metrics.prom"; fi
}

# Whether the plugin and the network are there, and rounds are made.
ready() {
  [ "${TASK:-install}" = remove ] && return
  installed >/dev/null && [ -e "$work/metrics.prom" ] || return
  for directory in $(network_directories); do [ -e "$root$directory/$name" ] || return; done
}

# A shell that is process 1 ends on a signal only where it says so, and only between two commands: sleep runs beside it.
rest() {
  sleep "$1" &
  wait $!
}

trap 'exit 0' TERM INT
case ${1:-help} in
  install) until install; do rest "${INTERVAL:-5}"; done ;;
  remove)
    until remove; do rest "${INTERVAL:-5}"; done
    say "nothing is left on this node"
    ;;
  run)
    while :; do
      if [ "${TASK:-install}" != remove ]; then round; fi
      rest "${INTERVAL:-300}"
    done
    ;;
  ready) ready ;;
  *) on_node "$@" ;;
esac

#!/bin/sh
# What the DaemonSets do on a node: node.sh install|run|remove. Each may be repeated; a network that is right is not written again.
#
# HOST_ROOT has the node's /opt/cni/bin, /etc/cni/net.d and /run/patchcord, TEMPLATE the network with @RANGES@ in it, NODE is the node's
# name. KUBERNETES_SERVICE_HOST and _PORT, and the token, are those that Kubernetes gives every pod.
set -eu

root=${HOST_ROOT:-}
patchcord=${PATCHCORD:-/patchcord}
template=${TEMPLATE:-/conf/10-patchcord.conflist}
account=${SERVICE_ACCOUNT:-/var/run/secrets/kubernetes.io/serviceaccount}
plugins=$root/opt/cni/bin
configurations=$root/etc/cni/net.d
conflist=$configurations/10-patchcord.conflist

fail() {
  echo "patchcord: $1" >&2
  exit 1
}

# The node as JSON, from the API by its address: there may be no name service before there is a network.
node_object() {
  server=$KUBERNETES_SERVICE_HOST
  case $server in
    *:*) server="[$server]" ;;
  esac
  curl --silent --show-error --fail --max-time 30 --cacert "$account/ca.crt" \
    --header "Authorization: Bearer $(cat "$account/token")" \
    "https://$server:$KUBERNETES_SERVICE_PORT/api/v1/nodes/$NODE"
}

# Prefixes of pods, one a line: podCIDRs (one of each family), or podCIDR of old clusters. A quote inside of a text, as annotations have
# it, stands behind a backslash and does not match.
prefixes_of() {
  flat=$(printf '%s' "$1" | tr -d ' \t\n\r')
  list=$(printf '%s' "$flat" | sed -n 's/.*"podCIDRs":\[\([^]]*\)\].*/\1/p')
  [ -n "$list" ] || list=$(printf '%s' "$flat" | sed -n 's/.*"podCIDR":\("[^"]*"\).*/\1/p')
  printf '%s' "$list" | tr ',' '\n' | sed 's/"//g'
}

# [[{"subnet": "A"}], [{"subnet": "B"}]]: an address of each.
ranges_of() {
  ranges=
  for prefix in $1; do
    case $prefix in
      *[!0-9a-fA-F:./]* | */*/*) fail "node $NODE has the prefix $prefix, which is none" ;;
      */*) ranges="$ranges${ranges:+, }[{\"subnet\": \"$prefix\"}]" ;;
      *) fail "node $NODE has the prefix $prefix, which has no length" ;;
    esac
  done
  [ -n "$ranges" ] || fail "node $NODE has no podCIDR yet: the controller manager needs --allocate-node-cidrs, or the network a pool of its own"
  echo "[$ranges]"
}

# The plugin comes before the network that names it. The network is checked where no runtime reads, and moved into place as a whole.
install() {
  object=$(node_object) || fail "the API does not tell of node $NODE"
  ranges=$(ranges_of "$(prefixes_of "$object")")
  "$patchcord" install --dir "$plugins"
  mkdir -p "$configurations"
  new=$configurations/.10-patchcord.new
  sed "s|@RANGES@|$ranges|" "$template" >"$new"
  if ! "$patchcord" validate "$new" --plugin-dir "$plugins"; then
    rm -f "$new"
    fail "the network of the ConfigMap cannot be used"
  fi
  if cmp -s "$new" "$conflist"; then
    rm -f "$new"
  else
    mv -f "$new" "$conflist"
    echo "patchcord: $conflist has $ranges"
  fi
  for other in "$configurations"/*; do
    case $other in
      "$conflist") break ;;
      *.conf | *.conflist | *.json) echo "patchcord: runtimes take the first file, which is $other" >&2 ;;
    esac
  done
}

# Records, of the interfaces and of what plugins behind another one have made.
attachments() {
  for kind in attachments portmap firewall tuning bandwidth; do
    if [ -d "$root/run/patchcord/$kind" ]; then find "$root/run/patchcord/$kind" -mindepth 2 -type f; fi
  done | wc -l
}

# No network first, so that no pod is begun; no plugin when no pod is left that needs its DEL.
remove() {
  if [ -e "$conflist" ]; then
    rm -f "$conflist"
    echo "patchcord: $conflist is removed; no more pods start on this node, unless it has another network"
  fi
  left=$(attachments)
  if [ "$left" -gt 0 ]; then
    echo "patchcord: $left records of attachments are left, whose pods need the plugin to go; it stays until they have" >&2
    return 1
  fi
  if [ -e "$plugins/patchcord" ]; then "$patchcord" uninstall --dir "$plugins"; fi
}

# A shell that is process 1 ends on a signal only where it says so, and only between two commands: sleep runs beside it.
rest() {
  sleep "$1" &
  wait $!
}

trap 'exit 0' TERM INT
case ${1:-} in
  install) install ;;
  run)
    while :; do
      "$patchcord" reconcile || :
      rest "${INTERVAL:-300}"
    done
    ;;
  remove)
    until remove; do rest "${INTERVAL:-30}"; done
    echo "patchcord: nothing is left on this node"
    while :; do rest 3600; done
    ;;
  *) fail "node.sh install|run|remove" ;;
esac

"""What stands in the way of a network that is configured, and of what it publishes, for test_doctor: each made in earnest."""

import json
import os
import re
import subprocess
import sys

from doctor_conditions import condition, sysctl
from fake_node import bridge_config

LISTENER = """import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM if sys.argv[3] == 'udp' else socket.SOCK_STREAM)
s.bind((sys.argv[1], int(sys.argv[2])))
if sys.argv[3] == 'tcp': s.listen()
print(flush=True)
sys.stdin.read()
"""
FLOWS = """import socket, sys
left = int(sys.argv[1])
while left > 0:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in range(1024, min(65536, 1024 + left)):
        try: s.sendto(b'', ('127.0.0.1', port))
        except OSError: pass
    left -= 64512
"""


def other(t, **keys):
    """One more network, on a bridge of its own unless told otherwise."""
    config = bridge_config(t.node, name="third", bridge="pcbr3", subnets=("10.90.0.0/24",), isDefaultGateway=True) | keys
    t.configure("30-third.conflist", config)
    return config


def without(t, file):
    return lambda: os.unlink(os.path.join(t.net_d, file))


# -- addresses

def give_what_the_remedy_says(t):
    """The ranges that it prints, in the place of the first one."""
    cause, = t.diagnoses()
    ranges = json.loads(re.search(r"\[.*\]", cause["remedy"]).group())
    t.assertEqual(len(ranges), 2)
    t.configure("20-edgenet.conflist", t.routed | {"ipam": t.routed["ipam"] | {"ranges": [ranges, t.routed["ipam"]["ranges"][1]]}})


@condition("own-address-in-pool", "error")
def an_address_of_the_node_in_the_pool(t):
    t.node.on_host("ip", "addr", "add", "10.89.0.7/32", "dev", "lo")
    t.assertIn("10.89.0.7 is an address of the node's, on lo, and network edgenet gives it", t.diagnoses()[0]["text"])
    return lambda: give_what_the_remedy_says(t)


@condition("own-address-in-pool", "error")
def the_gateways_address_elsewhere(t):
    t.node.on_host("ip", "addr", "add", "10.90.0.1/32", "dev", "lo")
    other(t)
    t.assertIn("the gateway of network third", t.diagnoses()[0]["text"])
    return lambda: other(t, ipam=bridge_config(t.node, subnets=("10.91.0.0/24",))["ipam"])


@condition("next-hop-in-pool", "error")
def the_way_out_in_the_pool(t):
    t.make_uplink()
    t.node.on_host("ip", "route", "replace", "default", "via", "10.89.0.9", "dev", "up0", "onlink")
    return lambda: give_what_the_remedy_says(t)


@condition("route-conflict", "error")
def the_lan_in_the_pool(t):
    """Its own address and its next hop are there as well: one cause."""
    t.make_uplink(address="10.90.0.77/24", gateway="10.90.0.254")
    other(t)
    cause, = t.diagnoses()
    t.assertIn("10.90.0.0/24 through up0, and network third", cause["text"])
    t.assertIn("its own 10.90.0.77 is among them", cause["text"])
    t.assertIn("its next hop 10.90.0.254 is among them", cause["text"])
    subnet = re.search(r"such as (\S+),", cause["remedy"]).group(1)
    return lambda: other(t, ipam=bridge_config(t.node, subnets=(subnet,))["ipam"])


@condition("route-conflict", "error")
def a_route_to_a_part_of_the_pool(t):
    t.make_uplink()
    t.node.on_host("ip", "route", "add", "10.89.0.64/26", "via", "192.0.2.9")
    return lambda: t.node.on_host("ip", "route", "del", "10.89.0.64/26")


@condition("bridge-shared", "error")
def two_gateways_on_one_bridge(t):
    other(t, bridge="pcbr0")
    t.assertIn("networks shopnet and third", t.diagnoses()[0]["text"])
    return lambda: other(t)


@condition("bridge-unusable", "error")
def a_bridge_that_is_none(t):
    t.node.on_host("ip", "link", "add", "pcbr3", "type", "veth", "peer", "name", "pcbr3p")
    other(t)
    return lambda: t.node.on_host("ip", "link", "del", "pcbr3")


def read_only(t, directory):
    os.makedirs(directory, exist_ok=True)
    t.prefix = ("unshare", "--mount", "sh", "-c", f"mount --bind {directory} {directory} && mount -o remount,ro,bind {directory} && exec \"$@\"", "sh")
    return t.use_no_prefix


@condition("state-unwritable", "error")
def records_that_cannot_be_written(t):
    return read_only(t, t.node.state)


@condition("addresses-unavailable", "error")
def reservations_that_cannot_be_written(t):
    return read_only(t, t.node.networks)


# -- rules of others

def drop(t, table, chain, hook):
    t.node.on_host("nft", f"add table {table}; add chain {table} {chain} {{ type filter hook {hook} priority 0; policy drop; }}")


def accept_answers(t, table, chain):
    """As everybody has it; it lets nobody in."""
    t.node.on_host("nft", f"add rule {table} {chain} ct state established,related accept; add rule {table} {chain} iifname docker0 accept;"
                          f"add rule {table} {chain} tcp dport 22 accept; add rule {table} {chain} ip saddr 10.1.0.0/16 accept")


@condition("forward-policy-drop", "warning")
def a_chain_of_its_own_family(t):
    drop(t, "inet filter", "forward", "forward")
    accept_answers(t, "inet filter", "forward")
    cause, = t.diagnoses()
    t.assertEqual(cause["about"], ["shopnet", "edgenet"])
    t.assertEqual(t.tool("doctor").stdout.count("forward-policy-drop"), 1)
    return lambda: None


@condition("forward-policy-drop", "warning")
def a_chain_that_lets_one_network_through(t):
    drop(t, "inet fw", "f", "forward")
    t.node.on_host("nft", 'add chain inet fw pods; add rule inet fw f jump pods; add rule inet fw pods iifname "pcbr0" accept;'
                          'add rule inet fw pods ip6 saddr fd00:88::/32 drop')
    t.assertEqual([each["about"] for each in t.diagnoses()], [["edgenet"]])
    return lambda: None


@condition("forward-policy-drop", "warning")
def a_chain_within_bridges(t):
    drop(t, "bridge l2", "f", "forward")
    return lambda: None


@condition("output-policy-drop", "warning")
def what_the_node_sends_is_dropped(t):
    drop(t, "inet fw", "out", "output")
    t.node.on_host("nft", "add rule inet fw out oifname lo accept")
    return lambda: None


@condition("prerouting-policy-drop", "warning")
def what_comes_in_is_dropped(t):
    drop(t, "ip raw", "pre", "prerouting")
    return lambda: None


# -- published ports

def listen(t, address, port, protocol="tcp"):
    process = subprocess.Popen(["nsenter", f"--net={t.node.path_of(t.node.host)}", sys.executable, "-c", LISTENER, address, str(port), protocol],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    t.node.holders.append(process)
    process.stdout.readline()

    def end():
        process.stdin.close()
        process.wait()
        process.stdin = None
    return process, end


@condition("port-of-listener", "error")
def a_listener_on_a_published_port(t):
    for address, port in (("127.0.0.53", 8080), ("::1", 8080), ("0.0.0.0", 8081)):  # those are not the container's
        _, end = listen(t, address, port)
        t.assertEqual(t.names(), [])
        end()
    process, end = listen(t, "0.0.0.0", 8080)
    cause, = t.diagnoses()
    t.assertIn(f" ({process.pid}) of the node listens on tcp port 8080", cause["text"])
    t.assertEqual(cause["about"], ["shop/web-0"])
    return end


@condition("port-of-listener", "error")
def a_listener_for_both_families(t):
    _, end = listen(t, "::", 8080)
    return end


@condition("forwarding-off", "error")
def a_published_port_of_a_bridge_without_a_gateway(t):
    for container in (t.web, t.db):
        t.node.delete(t.bridge, {t.web: "web", t.db: "db-7f3a"}[container], netns=t.node.path_of(container))
    t.node.delete(t.routed, "edge-0c11", netns=t.node.path_of(t.edge))
    ports = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
    t.attach(bridge_config(t.node, name="shopnet", subnets=("10.88.0.0/24",)) | {"runtimeConfig": ports}, t.web, "web")
    sysctl(t, "net.ipv4.ip_forward", 0)
    return lambda: None


# -- settings of the kernel

@condition("arp-off", "error")
def no_address_is_answered_for(t):
    sysctl(t, "net.ipv4.conf.all.arp_ignore", 8)
    return lambda: None


@condition("arp-off", "error")
def none_on_the_bridge(t):
    sysctl(t, "net.ipv4.conf.pcbr0.arp_ignore", 8)
    return lambda: None


@condition("advertisements-accepted", "warning")
def a_bridge_that_listens_to_containers(t):
    sysctl(t, "net.ipv6.conf.pcbr0.accept_ra", 2)
    return lambda: None


@condition("bridge-mac-not-kept", "warning")
def a_bridge_that_somebody_made_anew(t):
    end_of_web = json.loads(t.tool("inspect", "web-0", "-o", "json").stdout)["attachments"][0]["hostInterface"]
    t.node.on_host("ip", "link", "del", "pcbr0")
    t.node.on_host("ip", "link", "add", "pcbr0", "type", "bridge")
    t.node.on_host("ip", "link", "set", "pcbr0", "up")
    t.node.on_host("sysctl", "-qw", "net.ipv6.conf.pcbr0.accept_ra=0", "net.ipv4.conf.pcbr0.route_localnet=1")
    for name in t.node.veths():
        if "shopnet" in t.node.ip_json(t.node.host, "link", "show", name)[0].get("ifalias", ""):
            t.node.on_host("ip", "link", "set", name, "master", "pcbr0")
            t.node.on_host("bridge", "link", "set", "dev", name, "guard", "on")
    t.node.on_host("bridge", "link", "set", "dev", end_of_web, "hairpin", "on")
    for address in ("10.88.0.1/24", "fd00:88::1/64"):
        t.node.on_host("ip", "addr", "add", address, "dev", "pcbr0", *(["nodad"] if ":" in address else []))
    t.prefix = ("unshare", "--mount", "sh", "-c", "mount -t sysfs none /sys && exec \"$@\"", "sh")
    return lambda: None


@condition("rp-filter-off", "warning")
def a_ptp_port_whose_sources_nobody_looks_at(t):
    sysctl(t, "net.ipv4.conf.all.rp_filter", 0)
    sysctl(t, "net.ipv4.conf.default.rp_filter", 0)
    config = {"cniVersion": "1.0.0", "name": "ptpnet", "type": "ptp",
              "ipam": {"type": "host-local", "dataDir": t.node.networks, "ranges": [[{"subnet": "10.92.0.0/24"}]]}}
    for name in ("p1", "p2"):
        t.node.call("ADD", config, t.node.container(name), plugin=t.node.plugin("ptp"))
    return lambda: None


@condition("conntrack-nearly-full", "warning")
def connections_without_end(t):
    with open("/proc/sys/net/netfilter/nf_conntrack_max", encoding="ascii") as stream:
        most = int(stream.read())
    if most > 300_000:
        t.skipTest("the kernel follows too many connections for a test to make them")
    t.node.on_host("nft", "add table ip watch; add chain ip watch out { type filter hook output priority 0; }; add rule ip watch out ct state new")
    t.node.run_in(t.node.host, sys.executable, "-c", FLOWS, str(most * 93 // 100))
    return lambda: t.node.on_host("conntrack", "-F")

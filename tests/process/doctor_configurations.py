"""What doctor finds in configurations, pools and attachments, for test_doctor: each made in earnest."""

import os

from doctor_conditions import condition
from patience import communicate


# -- configurations

@condition("no-configuration", "error")
def an_empty_directory(t):
    for name in os.listdir(t.net_d):
        os.unlink(os.path.join(t.net_d, name))


@condition("configuration-unreadable", "error")
def a_file_that_is_no_json(t):
    t.write("30-bad.conflist", "{\"name\": \"x\", \"plugins\": [")
    return lambda: os.unlink(os.path.join(t.net_d, "30-bad.conflist"))


@condition("configuration-unreadable", "error")
def a_plugin_without_a_type(t):
    t.write("30-bad.conflist", "{\"name\": \"x\", \"plugins\": [{}]}")


@condition("plugin-missing", "error")
def plugins_that_are_not_there(t):
    t.configure("30-macvlan.conflist", {"cniVersion": "1.0.0", "name": "mac", "type": "macvlan", "ipam": {"type": "dhcp"}})
    texts = " ".join(each["text"] for each in t.diagnoses())
    t.assertIn("needs the plugin macvlan", texts)
    t.assertIn("needs the plugin dhcp", texts)
    return lambda: os.unlink(os.path.join(t.net_d, "30-macvlan.conflist"))


@condition("subnets-overlap", "error")
def two_networks_of_one_subnet(t):
    t.configure("30-other.conflist", t.routed | {"name": "other"})
    return lambda: os.unlink(os.path.join(t.net_d, "30-other.conflist"))


@condition("route-conflict", "error")
def a_tunnel_that_takes_the_subnet(t):
    t.configure("30-other.conflist", t.routed | {"name": "other", "ipam": t.routed["ipam"] | {"ranges": [[{"subnet": "10.77.0.0/24"}]]}})
    t.assertEqual(t.names(), [])
    t.node.on_host("ip", "link", "add", "tun7", "type", "bridge")
    t.node.on_host("ip", "link", "set", "tun7", "up")
    t.node.on_host("ip", "route", "add", "10.77.0.0/16", "dev", "tun7")
    return lambda: t.node.on_host("ip", "link", "del", "tun7")


@condition("route-conflict", "error")
def a_bridge_that_the_networks_former_mode_left(t):
    t.node.on_host("ip", "link", "add", "pods0", "up", "type", "bridge")
    t.node.on_host("ip", "addr", "add", "10.89.0.1/24", "dev", "pods0")
    found, = t.diagnoses()
    t.assertEqual((found["command"], found["remedy"]), ("ip link del pods0", "a former configuration of the network left it"))
    return lambda: t.node.on_host("ip", "link", "del", "pods0")


@condition("route-conflict", "error")
def such_a_bridge_with_a_container_on_it(t):
    t.node.on_host("ip", "link", "add", "pods0", "up", "type", "bridge")
    t.node.on_host("ip", "addr", "add", "10.89.0.1/24", "dev", "pods0")
    t.node.on_host("ip", "link", "add", "port", "master", "pods0", "type", "veth", "peer", "name", "troop")
    found, = t.diagnoses()
    t.assertRegex(found["remedy"], "^a former .* when the containers on it are gone \\(1 port\\), ip link del pods0$")


def reserve(t, numbers):
    for number in numbers:
        with open(os.path.join(t.node.networks, "edgenet", f"10.89.0.{number}"), "w", encoding="ascii") as stream:
            stream.write("somebody\r\neth0")


@condition("pool-nearly-empty", "warning")
def a_pool_with_a_tenth_left(t):
    reserve(t, range(3, 227))
    t.assertEqual(t.names(), [])
    reserve(t, range(227, 245))
    return lambda: [os.unlink(os.path.join(t.node.networks, "edgenet", f"10.89.0.{number}")) for number in range(200, 245)]


@condition("pool-nearly-empty", "error")
def a_pool_with_nothing_left(t):
    reserve(t, [0, 1, *range(3, 256)])


# -- attachments

def add_ports(t, count):
    """To the bridge, two with each pair."""
    batch = os.path.join(t.node.directory, "batch")
    with open(batch, "w", encoding="ascii") as stream:
        for number in range(count // 2):
            stream.write(f"link add d{number} type veth peer name e{number}\nlink set d{number} master pcbr0\nlink set e{number} master pcbr0\n")
    t.node.on_host("ip", "-batch", batch)


@condition("bridge-nearly-full", "warning")
def a_bridge_with_920_ports_and_those_of_containers(t):
    add_ports(t, 920)


@condition("bridge-nearly-full", "error")
def a_bridge_that_takes_no_more_ports(t):
    add_ports(t, 1020)
    t.node.on_host("ip", "link", "add", "last", "type", "veth", "peer", "name", "first")
    t.node.on_host("ip", "link", "set", "last", "master", "pcbr0")
    t.assertNotEqual(t.node.run_in(t.node.host, "ip", "link", "set", "first", "master", "pcbr0", check=False).returncode, 0)


@condition("stale-attachments", "warning")
def a_container_that_is_gone(t):
    t.node.remove_container(t.edge, veths=len(t.node.veths()) - 1)
    return lambda: t.tool("gc")


@condition("stale-attachments", "warning")
def an_add_that_was_killed(t):
    killed = t.node.container("killed")
    process = t.node.start("ADD", t.routed, "killed-1", t.node.path_of(killed),
                           prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=write:signal=KILL:when=4"))
    communicate(process)
    drafts = [file for _, _, files in os.walk(t.node.state) for file in files if "killed-1" in file]
    t.assertNotEqual(drafts, [], "the ADD was killed before it had a draft")
    return lambda: t.tool("gc")


@condition("network-renamed", "error")
def a_network_with_another_name(t):
    t.configure("20-edgenet.conflist", t.routed | {"name": "edgenet2"})
    found, = t.diagnoses()
    t.assertIn("1 attachments are of network edgenet", found["text"])
    t.assertIn("name edgenet back", found["remedy"])
    return lambda: t.configure("20-edgenet.conflist", t.routed)


@condition("attachment-broken", "error")
def a_route_that_is_gone(t):
    t.node.run_in(t.edge, "ip", "route", "del", "default")
    return lambda: t.tool("reconcile")


@condition("attachment-broken", "error")
def a_record_that_is_gone(t):
    for directory, _, files in os.walk(t.node.state):
        for file in files:
            if "edge-0c11" in os.path.join(directory, file):
                os.unlink(os.path.join(directory, file))

"""Our names against the reference plugins of those names: same configuration, same result, same kernel, same files, same traffic.

Each case runs twice, each time in fresh namespaces: once with the reference's binaries, once with ours. Everything is compared, but for
what chance chooses (names of host ends, MACs, indices) and what INTENDED in reference_run.py lists, which docs/compatibility.md explains. Rules are compared
by what they do, because ours are others on purpose: who reaches whom, and with which address.
"""

import itertools
import unittest

from fake_node import REFERENCE_DIR, Node
from reference_run import Case, install, observe
from traffic import ports

VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
FAMILIES = {"v4": [[{"subnet": "10.77.0.0/24"}]], "v6": [[{"subnet": "fd00:77::/64"}]],
            "dual": [[{"subnet": "10.77.0.0/24"}], [{"subnet": "fd00:77::/64"}]]}
DEFAULT4, DEFAULT6 = {"dst": "0.0.0.0/0"}, {"dst": "::/0"}


def case(kind, version="1.0.0", ranges=None, routes=None, arguments="", **keys):
    config = {"cniVersion": version, "name": "diff", "type": kind, **({"bridge": "pcdiff0"} if kind == "bridge" else {}), **keys}
    if ranges is not None:
        config["ipam"] = {"type": "host-local", "ranges": ranges, **({"routes": routes} if routes else {})}
    return Case(config, arguments)


def versions_and_families():
    for kind, version, family in itertools.product(("bridge", "ptp"), VERSIONS, FAMILIES):
        keys = {"isDefaultGateway": True} if kind == "bridge" else {}
        routes = [DEFAULT4] if family == "v4" else None
        yield f"{kind}_{version}_{family}".replace(".", "_"), case(kind, version, FAMILIES[family], routes if kind == "ptp" else None, **keys)


BRIDGE_KEYS = {
    "isGateway": {"isGateway": True}, "no_gateway": {}, "mtu": {"mtu": 1400, "isGateway": True}, "mtu_negative": {"mtu": -1},
    "hairpin": {"hairpinMode": True}, "promisc": {"promiscMode": True}, "default_gateway": {"isDefaultGateway": True},
    "force": {"isGateway": True, "forceAddress": True}, "null_keys": {"mtu": None, "isGateway": None, "hairpinMode": None},
    "empty_args": {"args": {"cni": {}}}, "dns": {"dns": {"nameservers": ["192.0.2.53"], "search": ["a.example"]}},
    "unknown_key": {"somethingElse": {"a": 1}}, "vlan_0": {"vlan": 0},
}
ROUTES = {
    "default4": [DEFAULT4], "with_gw": [{"dst": "198.51.100.0/24", "gw": "10.77.0.9"}],
    "two": [{"dst": "198.51.100.0/24"}, {"dst": "203.0.113.0/24", "gw": "10.77.0.1"}],
}
RANGES = {
    "two_sets_of_v4": [[{"subnet": "10.77.0.0/24"}], [{"subnet": "10.78.0.0/24"}]],
    "gateway": [[{"subnet": "10.77.0.0/24", "gateway": "10.77.0.254"}]],
    "start_and_end": [[{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.20", "rangeEnd": "10.77.0.30"}]],
    "alternatives": [[{"subnet": "10.77.0.0/30"}, {"subnet": "10.78.0.0/24"}]],
    "small": [[{"subnet": "10.77.0.0/29"}]],
}
REFUSED = {
    "hairpin_and_promisc": case("bridge", ranges=FAMILIES["v4"], hairpinMode=True, promiscMode=True),
    "vlan_too_great": case("bridge", ranges=FAMILIES["v4"], vlan=4095),
    "vlan_negative": case("bridge", ranges=FAMILIES["v4"], vlan=-1),
    "mtu_text": case("bridge", ranges=FAMILIES["v4"], mtu="1500"),
    "unknown_argument": case("bridge", ranges=FAMILIES["v4"], arguments="FOO=bar"),
    "layer_2_in_0_2_0": case("bridge", "0.2.0"),
    "no_ranges": case("ptp", ranges=[]),
}


def masquerading(kind, family, **keys):
    routes = {"v4": [DEFAULT4], "v6": [DEFAULT6], "dual": [DEFAULT4, DEFAULT6]}[family]
    way = {"isDefaultGateway": True} if kind == "bridge" else {"routes": routes}
    return case(kind, ranges=FAMILIES[family], **way, **keys)._replace(traffic=True)


def masquerades():
    for kind, family in itertools.product(("bridge", "ptp"), FAMILIES):
        yield f"{kind}_masquerade_{family}", masquerading(kind, family, ipMasq=True)
    for kind in ("bridge", "ptp"):
        yield f"{kind}_no_masquerade", masquerading(kind, "dual", ipMasq=False)
        # Which the installed reference passes over: it has one backend.
        yield f"{kind}_masquerade_backend", masquerading(kind, "dual", ipMasq=True, ipMasqBackend="nftables")
        yield f"{kind}_masquerade_null_backend", masquerading(kind, "v4", ipMasq=True, ipMasqBackend=None)
        yield f"{kind}_masquerade_0_4_0", masquerading(kind, "v4", ipMasq=True, version="0.4.0")
    yield "bridge_masquerade_of_layer_2", case("bridge", ipMasq=True)


def chain(*members, version="1.0.0", family="v4", kind="bridge", traffic=False, prepare=(), sysctls=(), whole=False, **keys):
    """Members behind a bridge as podman has it, or ptp."""
    first = masquerading(kind, family, version=version, **({"hairpinMode": True} if kind == "bridge" else {}), **keys)
    return first._replace(members=members, traffic=traffic, prepare=prepare, sysctls=sysctls, whole=whole)


PUBLISHED = ports("8080:80", "8053:53/udp")


def portmaps():
    """Without masqAll and backends, which the installed reference does not know yet."""
    def portmap(**keys):
        return {"type": "portmap", **PUBLISHED, **keys}
    for version in VERSIONS:
        yield f"version_{version}".replace(".", "_"), chain(portmap(), version=version, traffic=version in ("0.3.1", "1.1.0"))
    for kind, family in itertools.product(("bridge", "ptp"), FAMILIES):
        yield f"{kind}_{family}", chain(portmap(), kind=kind, family=family, traffic=True)
    yield "without_snat", chain(portmap(snat=False), traffic=True)
    yield "mark_bit", chain(portmap(markMasqBit=7), traffic=True)
    yield "of_one_address", chain({"type": "portmap", **ports("192.0.2.1|8080:80", "192.0.2.1|8053:53/udp")}, traffic=True)
    yield "of_every_address", chain({"type": "portmap", **ports("0.0.0.0|8080:80", "::|8053:53/udp")}, family="dual", traffic=True)
    yield "capitalised", chain({"type": "portmap", "runtimeConfig": {"portMappings": [
        {"HostPort": 8080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}]}}, traffic=True)
    yield "many", chain({"type": "portmap", **ports(*(f"{8080 + each}:{80 + each}" for each in range(20)))}, traffic=True)
    yield "masqueraded", chain(portmap(), traffic=True, ipMasq=True)
    for name, member in {"none": {}, "null": {"runtimeConfig": {"portMappings": None}}, "empty": {"runtimeConfig": {"portMappings": []}}}.items():
        yield f"ports_{name}", chain({"type": "portmap", **member})
    for name, entry in {"host_port_0": {"hostPort": 0, "containerPort": 80}, "no_host_port": {"containerPort": 80},
                        "container_port_0": {"hostPort": 80, "containerPort": 0}, "port_text": {"hostPort": "80", "containerPort": 80}}.items():
        yield f"refused_{name}", chain({"type": "portmap", "runtimeConfig": {"portMappings": [{"protocol": "tcp", **entry}]}})
    yield "refused_mark_bit", chain(portmap(markMasqBit=32))
    yield "refused_without_previous", chain(portmap(prevResult=None))


def firewalls():
    """Without ingressPolicy isolated, which the installed reference does not know yet."""
    drop = ("iptables -P FORWARD DROP", "ip6tables -P FORWARD DROP")
    for version in VERSIONS:
        yield f"version_{version}".replace(".", "_"), chain({"type": "firewall"}, version=version)
    for kind, family in itertools.product(("bridge", "ptp"), FAMILIES):
        yield f"{kind}_{family}_under_a_policy_of_drop", chain(
            {"type": "firewall"}, kind=kind, family=family, traffic=True, prepare=drop, ipMasq=True)
    yield "same_bridge", chain({"type": "firewall", "ingressPolicy": "same-bridge"}, traffic=True)
    for name, keys in {"open": {"ingressPolicy": "open"}, "backend_iptables": {"backend": "iptables"}, "backend_unknown": {"backend": "x"},
                       "backend_empty": {"backend": ""}, "admin": {"iptablesAdminChainName": "OWN-RULES"}, "zone": {"firewalldZone": "x"}}.items():
        yield name, chain({"type": "firewall", **keys}, traffic=True, prepare=drop)
    yield "refused_policy", chain({"type": "firewall", "ingressPolicy": "other"})
    yield "refused_without_previous", chain({"type": "firewall", "prevResult": None})


def tunings():
    for version in VERSIONS:
        yield f"version_{version}".replace(".", "_"), chain({"type": "tuning", "mtu": 1400}, version=version)
    keys = {"mtu": {"mtu": 1400}, "mac": {"mac": "c2:11:22:33:44:66"}, "promisc": {"promisc": True}, "allmulti": {"allmulti": True},
            "no_allmulti": {"allmulti": False}, "queue": {"txQLen": 77}, "no_queue": {"txQLen": 0}, "nothing": {},
            "zeroes": {"mtu": 0, "mac": "", "promisc": False}, "nulls": {"mtu": None, "mac": None, "promisc": None, "sysctl": None},
            "runtime_mac": {"mac": "c2:11:22:33:44:66", "runtimeConfig": {"mac": "c2:11:22:33:44:77"}},
            "args_mac": {"mac": "c2:11:22:33:44:66", "runtimeConfig": {"mac": "c2:11:22:33:44:77"}, "args": {"cni": {"mac": "c2:11:22:33:44:88"}}},
            "args": {"mtu": 1300, "args": {"cni": {"mtu": 1400, "promisc": True, "allmulti": True, "txQLen": 55}}},
            "all": {"mtu": 1400, "mac": "c2:11:22:33:44:66", "promisc": True, "allmulti": True, "txQLen": 77}}
    for name, value in keys.items():
        yield name, chain({"type": "tuning", **value}, family="dual" if name == "all" else "v4")
    settings = {"net.core.somaxconn": "500", "net.ipv4.conf.IFNAME.arp_ignore": "2", "net/ipv4/conf/eth0/arp_announce": "1"}
    read = ("net.core.somaxconn", "net.ipv4.conf.eth0.arp_ignore", "net.ipv4.conf.eth0.arp_announce")
    yield "sysctls", chain({"type": "tuning", "sysctl": settings}, sysctls=read)
    yield "sysctls_of_args", chain({"type": "tuning", "sysctl": settings, "args": {"cni": {"sysctl": {"net.core.somaxconn": "600"}}}}, sysctls=read)
    yield "behind_ptp", chain({"type": "tuning", "mtu": 1400, "txQLen": 77}, kind="ptp")
    for name, value in {"kernel": {"sysctl": {"kernel.shmmax": "1"}}, "climbing": {"sysctl": {"net/../kernel/shmmax": "1"}},
                        "unknown": {"sysctl": {"net.ipv4.nosuch": "1"}}, "number": {"sysctl": {"net.core.somaxconn": 1}},
                        "mac": {"mac": "c2:11"}, "mtu": {"mtu": "1400"}, "small_mtu": {"mtu": 10}, "without_previous": {"prevResult": None}}.items():
        yield f"refused_{name}", chain({"type": "tuning", **value})


def bandwidths():
    both = {"ingressRate": 10_000_000, "ingressBurst": 1_000_000, "egressRate": 5_000_000, "egressBurst": 800_000}
    for version in VERSIONS:
        yield f"version_{version}".replace(".", "_"), chain({"type": "bandwidth", **both}, version=version)
    keys = {"ingress": {"ingressRate": 8_000_000, "ingressBurst": 160_000}, "egress": {"egressRate": 123_456_789, "egressBurst": 9_876_543},
            "runtime": {"runtimeConfig": {"bandwidth": both}},
            "runtime_capitalised": {"runtimeConfig": {"bandwidth": {key[0].upper() + key[1:]: value for key, value in both.items()}}},
            "static_first": {"ingressRate": 8_000_000, "ingressBurst": 160_000, "runtimeConfig": {"bandwidth": both}},
            "zeroes": {"ingressRate": 0, "ingressBurst": 0, "egressRate": 0, "egressBurst": 0}, "nothing": {},
            "one_zero": {"ingressRate": 0, "ingressBurst": 0, "egressRate": 8_000_000, "egressBurst": 160_000},
            "gigabit": {"ingressRate": 1_000_000_000, "ingressBurst": 80_000_000}}
    for name, value in keys.items():
        yield name, chain({"type": "bandwidth", **value})
    for kind, family in (("bridge", "dual"), ("ptp", "v4")):
        yield f"{kind}_{family}", chain({"type": "bandwidth", **both}, kind=kind, family=family)
    yield "mtu", chain({"type": "bandwidth", **both}, mtu=1400)
    for name, value in {"rate_alone": {"ingressRate": 1000}, "burst_alone": {"egressBurst": 1000}, "negative": {"ingressRate": -1, "ingressBurst": 8},
                        "fraction": {"ingressRate": 1.5, "ingressBurst": 8}, "text": {"ingressRate": "1", "ingressBurst": 8},
                        "burst_of_4_gib": {"ingressRate": 800, "ingressBurst": 8 * 2 ** 32}, "without_previous": {**both, "prevResult": None}}.items():
        yield f"refused_{name}", chain({"type": "bandwidth", **value})


def whole_chains():
    """As runtimes have them, every member ours."""
    podman = ({"type": "portmap", **PUBLISHED}, {"type": "firewall", "backend": ""}, {"type": "tuning"})
    containerd = ({"type": "portmap", **PUBLISHED}, {"type": "bandwidth", "runtimeConfig": {"bandwidth": {
        "IngressRate": 10_000_000, "IngressBurst": 1_000_000, "EgressRate": 0, "EgressBurst": 0}}}, {"type": "tuning", "mtu": 1400})
    for version in ("0.4.0", "1.0.0", "1.1.0"):
        yield f"podman_{version}".replace(".", "_"), chain(*podman, version=version, traffic=True, whole=True, ipMasq=True)
    yield "containerd", chain(*containerd, traffic=True, whole=True, ipMasq=True, family="dual")
    yield "containerd_ptp", chain(*containerd, traffic=True, whole=True, ipMasq=True, kind="ptp")


def interface_cases():
    yield from versions_and_families()
    for name, keys in BRIDGE_KEYS.items():
        yield f"bridge_key_{name}", case("bridge", ranges=FAMILIES["v4"], **keys)
    for name, routes in ROUTES.items():
        for kind in ("bridge", "ptp"):
            yield f"{kind}_routes_{name}", case(kind, ranges=FAMILIES["v4"], routes=routes)
    for name, ranges in RANGES.items():
        for kind in ("bridge", "ptp"):
            yield f"{kind}_ranges_{name}", case(kind, ranges=ranges)
    for version in ("0.3.1", "1.0.0"):
        yield f"bridge_layer_2_{version}".replace(".", "_"), case("bridge", version)
    yield "bridge_arguments", case("bridge", ranges=FAMILIES["v4"], arguments="IgnoreUnknown=1;FOO=bar")
    yield "ptp_mtu", case("ptp", ranges=FAMILIES["dual"], mtu=1400)
    yield "ptp_dns", case("ptp", ranges=FAMILIES["v4"], dns={"nameservers": ["192.0.2.53"]})
    for name, refused in REFUSED.items():
        yield f"refused_{name}", refused


class DiffCase(unittest.TestCase):
    maxDiff = None

    def compare(self, wanted):
        with Node() as place:
            ours = observe(install(place.directory), wanted)
        theirs = observe(REFERENCE_DIR, wanted)
        differing = {key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)}
        self.assertEqual({key: ours.get(key) for key in differing}, {key: theirs.get(key) for key in differing})


class InterfaceDiffTest(DiffCase):
    pass


class MasqueradeDiffTest(DiffCase):
    pass


class PortmapDiffTest(DiffCase):
    pass


class FirewallDiffTest(DiffCase):
    pass


class TuningDiffTest(DiffCase):
    pass


class BandwidthDiffTest(DiffCase):
    pass


class WholeChainDiffTest(DiffCase):
    pass


def add_tests(test_class, cases):
    for name, wanted in cases:
        setattr(test_class, f"test_{name}", lambda self, wanted=wanted: self.compare(wanted))
    return len(cases)


COUNT = sum(add_tests(test_class, list(cases)) for test_class, cases in (
    (InterfaceDiffTest, interface_cases()), (MasqueradeDiffTest, masquerades()), (PortmapDiffTest, portmaps()), (FirewallDiffTest, firewalls()),
    (TuningDiffTest, tunings()), (BandwidthDiffTest, bandwidths()), (WholeChainDiffTest, whole_chains())))
assert COUNT >= 80, COUNT


if __name__ == "__main__":
    unittest.main()

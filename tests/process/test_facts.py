"""What the reference plugins bridge, ptp, loopback, static and host-local do with each of their keys, and what we do: a row for each.

Rows that deviate on purpose say so with words that docs/compatibility.md has; the rest hold for the reference as well.
"""

import os
import unittest

from facts import ABSENT, DEFAULT, DUAL, RANGE4, Fails, RowsCase, masquerades, ranges, read, reservation, rewrite, static, write

ROWS = []


def row(kind, title, expectation, keys=None, deviates=None, before=None, **options):
    """`keys` of the configuration; None takes one away. `before` prepares, `expectation` gets the Try and says whether it is right."""
    ROWS.append((kind, title, expectation, keys or {}, deviates, before, options))


# -- bridge (cni-facts 2.1)

row("bridge", "bridge: absent is cni0", lambda t: t.result["interfaces"][0]["name"] == "cni0", {"bridge": ABSENT})
row("bridge", "bridge: null is cni0", lambda t: t.result["interfaces"][0]["name"] == "cni0", {"bridge": None})
row("bridge", "bridge: empty", Fails(7, "bridge"), {"bridge": ""})
row("bridge", "bridge: a device that is no bridge", Fails(103, "pcfact0"),
    before=lambda t: t.host("ip", "link", "add", "pcfact0", "type", "veth", "peer", "name", "p"))
row("bridge", "bridge: an existing one is used as it is", lambda t: t.link("pcfact0", host=True)["ifindex"] == 77,
    before=lambda t: t.host("ip", "link", "add", "pcfact0", "up", "index", "77", "type", "bridge"))
row("bridge", "isGateway: address, forwarding", lambda t: (t.addresses("pcfact0", host=True), t.sysctl("net.ipv4.ip_forward", True)) == (
    ["10.77.0.1/24"], "1"), {"isGateway": True}, before=lambda t: t.host("sysctl", "-qw", "net.ipv4.ip_forward=0"))
row("bridge", "isGateway: off leaves the bridge without an address", lambda t: t.addresses("pcfact0", host=True) == [])
row("bridge", "isGateway: a gateway that IPAM does not name is the first address", lambda t: t.result["ips"][0]["gateway"] == "10.77.0.1",
    {**static(("10.77.0.9/24",)), "isGateway": True})
row("bridge", "isGateway: nothing without IPAM", lambda t: t.addresses("pcfact0", host=True) == [], {"isGateway": True, "ipam": ABSENT})
row("bridge", "isDefaultGateway: implies isGateway, adds a default route",
    lambda t: (t.defaults(), t.addresses("pcfact0", host=True)) == (["10.77.0.1"], ["10.77.0.1/24"]), {"isDefaultGateway": True})
row("bridge", "isDefaultGateway: of each family", lambda t: len(t.result["routes"]) == 2, {**ranges(*DUAL), "isDefaultGateway": True})
row("bridge", "isDefaultGateway: not where IPAM has a default route with a gateway", lambda t: t.defaults() == ["10.77.0.7"],
    {"ipam+": {"routes": [{**DEFAULT, "gw": "10.77.0.7"}]}, "isDefaultGateway": True})
row("bridge", "isDefaultGateway: IPAM's default route without a gateway", lambda t: t.defaults() == ["10.77.0.1"],
    {"ipam+": {"routes": [DEFAULT]}, "isDefaultGateway": True}, deviates="default route from IPAM without `gw`, and `isDefaultGateway`")
row("bridge", "forceAddress: off, another IPv4 address conflicts", Fails(103, "10.78.0.1/24", "forceAddress"), {"isGateway": True},
    before=lambda t: t.again({"isGateway": True, **static(("10.78.0.5/24",))}))
row("bridge", "forceAddress: on, it is replaced", lambda t: t.addresses("pcfact0", host=True) == ["10.77.0.1/24"],
    {"isGateway": True, "forceAddress": True}, before=lambda t: t.again({"isGateway": True, **static(("10.78.0.5/24",))}))
row("bridge", "forceAddress: IPv6 addresses that do not overlap are kept", lambda t: len(t.addresses("pcfact0", host=True)) == 2,
    {"isGateway": True, **static(("fd00:77::5/64",))}, before=lambda t: t.again({"isGateway": True, **static(("fd00:78::5/64",))}))
row("bridge", "forceAddress: IPv6 addresses that overlap conflict", Fails(103, "fd00:77::"), {"isGateway": True, **static(("fd00:77::5/64",))},
    before=lambda t: t.again({"isGateway": True, **static(("fd00:77::5/48",))}))
row("bridge", "forceAddress: two IPv4 gateways", Fails(7, "forceAddress"),
    {**ranges(RANGE4, [{"subnet": "10.78.0.0/24"}]), "isGateway": True, "forceAddress": True}, deviates="two IPv4 gateways on one bridge")
row("bridge", "two IPv4 gateways without forceAddress", lambda t: sorted(t.addresses("pcfact0", host=True)) == ["10.77.0.1/24", "10.78.0.1/24"],
    {**ranges(RANGE4, [{"subnet": "10.78.0.0/24"}]), "isGateway": True}, deviates="two IPv4 gateways on one bridge")
row("bridge", "mtu: of the pair and of a new bridge", lambda t: [t.link()["mtu"], t.host_end()["mtu"], t.link("pcfact0", True)["mtu"]] == [1400] * 3,
    {"mtu": 1400})
row("bridge", "mtu: 0 and less leave the kernel's", lambda t: t.link()["mtu"] == 1500, {"mtu": -5})
row("bridge", "mtu: too great", Fails(7, "mtu"), {"mtu": 70000})
row("bridge", "hairpinMode", lambda t: t.host_end()["linkinfo"]["info_slave_data"]["hairpin"], {"hairpinMode": True})
row("bridge", "hairpinMode and promiscMode", Fails(7, "hairpinMode", "promiscMode"), {"hairpinMode": True, "promiscMode": True})
row("bridge", "promiscMode", lambda t: "PROMISC" in t.link("pcfact0", True)["flags"], {"promiscMode": True})
row("bridge", "promiscMode: never cleared", lambda t: "PROMISC" in t.link("pcfact0", True)["flags"], before=lambda t: t.again({"promiscMode": True}))
row("bridge", "vlan: 0 is none", lambda t: t.link("pcfact0", True)["linkinfo"]["info_data"].get("vlan_filtering", 0) == 0, {"vlan": 0})
for bad in ({"vlan": 4095}, {"vlan": -1}, {"vlanTrunk": [{"id": 0}]}, {"vlanTrunk": [{"id": 4095}]}, {"vlanTrunk": [{"minID": 5}]},
            {"vlanTrunk": [{"maxID": 5}]}, {"vlanTrunk": [{"minID": 6, "maxID": 5}]}):
    row("bridge", f"{bad} is refused", Fails(7, "vlan"), bad)
    row("bridge", f"{bad} does not keep DEL from its work", lambda t, bad=bad: t.call("DEL", {**t.config, **bad}) or t.held() == [],
        deviates="DEL with broken keys or CNI_ARGS")
row("bridge", "enabledad: off", lambda t: t.sysctl("net.ipv6.conf.eth0.accept_dad") == "0", {**ranges(*DUAL)})
row("bridge", "enabledad: on", lambda t: t.sysctl("net.ipv6.conf.eth0.enhanced_dad") == "1" and not any(
    each.get("tentative") for each in t.link()["addr_info"]), {**ranges(*DUAL), "enabledad": True})
row("bridge", "disableContainerInterface", lambda t: "UP" not in t.link()["flags"], {"ipam": ABSENT, "disableContainerInterface": True})
row("bridge", "disableContainerInterface with IPAM", Fails(7, "disableContainerInterface"), {"disableContainerInterface": True})
row("bridge", "portIsolation", lambda t: t.host_end()["linkinfo"]["info_slave_data"]["isolated"], {"portIsolation": True})
for empty in (ABSENT, {}, None, {"routes": []}):
    row("bridge", f"ipam: {'absent' if empty is ABSENT else empty} is layer 2", lambda t: "ips" not in t.result or t.result["ips"] == [], {"ipam": empty})
row("bridge", "ipam: a text", Fails(7, "ipam"), {"ipam": "host-local"})
row("bridge", "ipam: none, and CHECK", lambda t: t.check(), {"ipam": ABSENT}, deviates="fails for layer 2")
row("bridge", "dns: takes the place of IPAM's", lambda t: t.result["dns"] == {"nameservers": ["192.0.2.1"]},
    {**static(("10.77.0.9/24",), dns={"domain": "a"}), "dns": {"nameservers": ["192.0.2.1"]}})
row("bridge", "dns: a list that is empty does, too", lambda t: not t.result.get("dns"),
    {**static(("10.77.0.9/24",), dns={"domain": "a"}), "dns": {"nameservers": []}})
row("bridge", "MAC: runtimeConfig before args.cni before CNI_ARGS", lambda t: t.link()["address"] == "02:00:00:00:00:03",
    {"runtimeConfig": {"mac": "02:00:00:00:00:03"}, "args": {"cni": {"mac": "02:00:00:00:00:02"}}}, args="IgnoreUnknown=1;MAC=02:00:00:00:00:01")
row("bridge", "MAC: args.cni before CNI_ARGS", lambda t: t.link()["address"] == "02:00:00:00:00:02",
    {"args": {"cni": {"mac": "02-00-00-00-00-02"}}}, args="IgnoreUnknown=1;MAC=02:00:00:00:00:01")
row("bridge", "MAC: CNI_ARGS", lambda t: t.link()["address"] == "02:00:00:00:00:01", args="MAC=0200.0000.0001", deviates="`MAC` needs `IgnoreUnknown`")
row("bridge", "MAC: of a group", Fails(7, "01:00:00:00:00:01"), {"runtimeConfig": {"mac": "01:00:00:00:00:01"}})
row("bridge", "CNI_ARGS: unknown", Fails(4, "FOO"), args="FOO=bar")
row("bridge", "CNI_ARGS: nonsense does not keep DEL from its work", lambda t: t.call("DEL", args="nonsense") or t.held() == [],
    deviates="DEL with broken keys or CNI_ARGS")
row("bridge", "prevResult: kept", lambda t: [each["name"] for each in t.result["interfaces"]][0] == "before",
    {"prevResult": {"cniVersion": "1.0.0", "interfaces": [{"name": "before"}]}}, deviates="`prevResult` of an ADD")
row("bridge", "result: bridge, host end, container's end, and addresses of the third",
    lambda t: [bool(each.get("sandbox")) for each in t.result["interfaces"]] == [False, False, True] and t.result["ips"][0]["interface"] == 2)
row("bridge", "an interface of that name in the container", Fails(103, "eth0"), before=lambda t: t.run("ip", "link", "add", "eth0", "type", "bridge"))
row("bridge", "IPv6 off in the container is switched on", lambda t: "fd00:77::2/64" in t.addresses(), ranges(*DUAL),
    before=lambda t: t.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"))
row("bridge", "the bridge's MAC stays when containers go", lambda t: t.link("pcfact0", True)["address"] == t.result["interfaces"][0]["mac"] and (
    t.again() and t.call("DEL") or t.link("pcfact0", True)["address"] == t.result["interfaces"][0]["mac"]))
row("bridge", "ipMasq: what goes beyond its subnet has the host's address", lambda t: masquerades(t, "10.77.0.2", "10.77.0.0/24"), {"ipMasq": True})
row("bridge", "ipMasq: of each family", lambda t: masquerades(t, "10.77.0.2", "10.77.0.0/24") and masquerades(t, "fd00:77::2", "fd00:77::/64"),
    {**ranges(*DUAL), "ipMasq": True})
row("bridge", "ipMasq: of two addresses of a family, no subnet of the container", lambda t: masquerades(t, "10.77.0.2", "10.77.0.0/24, 10.78.0.0/24") and
    masquerades(t, "10.78.0.2", "10.77.0.0/24, 10.78.0.0/24"), {**ranges(RANGE4, [{"subnet": "10.78.0.0/24"}]), "ipMasq": True},
    deviates="no subnet of the container is masqueraded")
row("bridge", "ipMasq: false and null are none", lambda t: t.rules() == "" and t.again({"ipMasq": None}) and t.rules() == "", {"ipMasq": False})
row("bridge", "ipMasq: nothing without IPAM", lambda t: t.rules() == "", {"ipMasq": True, "ipam": ABSENT})
row("bridge", "ipMasq: a text that is no family", Fails(7, "ipMasq"), {"ipMasq": "yes"})
row("bridge", "ipMasq: DEL without a namespace", lambda t: t.call("DEL", netns="") or "10.77.0.2" not in t.rules(), {"ipMasq": True},
    deviates="elements of nftables sets")
row("bridge", "ipMasq: DEL where the interface is gone", lambda t: t.run("ip", "link", "del", "eth0") or t.call("DEL") or "10.77.0.2" not in t.rules(),
    {"ipMasq": True}, deviates="elements of nftables sets")
row("bridge", "ipMasq: DEL of one of a container's two interfaces", lambda t: t.add(ifname="eth1") and t.call("DEL", ifname="eth1") is None and
    masquerades(t, "10.77.0.2", "10.77.0.0/24") and "10.77.0.3" not in t.rules(), {"ipMasq": True}, deviates="elements of nftables sets")
for backend in (None, "nftables"):
    row("bridge", f"ipMasqBackend: {backend}", lambda t: masquerades(t, "10.77.0.2", "10.77.0.0/24"), {"ipMasq": True, "ipMasqBackend": backend})
row("bridge", "ipMasqBackend: iptables", lambda t: masquerades(t, "10.77.0.2", "10.77.0.0/24"), {"ipMasq": True, "ipMasqBackend": "iptables"},
    deviates="in nftables, whichever is named")
row("bridge", "ipMasqBackend: anything else", Fails(7, "ipMasqBackend"), {"ipMasq": True, "ipMasqBackend": "ebpf"},
    deviates="anything else is refused before anything is made")
row("bridge", "ipMasqBackend: DEL passes over it", lambda t: t.call("DEL", {**t.config, "ipMasqBackend": "ebpf"}) or "10.77.0.2" not in t.rules(),
    {"ipMasq": True})
row("bridge", "macspoofchk: the container's MAC passes, another does not", lambda t: t.reaches("10.77.0.1") and (
    t.run("ip", "link", "set", "eth0", "address", "02:00:00:00:00:99") or not t.reaches("10.77.0.1")), {"macspoofchk": True, "isDefaultGateway": True})
row("bridge", "macspoofchk: off, any MAC passes", lambda t: t.rules() == "" and (
    t.run("ip", "link", "set", "eth0", "address", "02:00:00:00:00:99") or t.reaches("10.77.0.1")), {"isDefaultGateway": True})
row("bridge", "macspoofchk: where it is", lambda t: "table bridge patchcord" in t.rules() and "table bridge nat" not in t.rules(), {"macspoofchk": True},
    deviates="elements of sets in table `bridge patchcord`")
row("bridge", "macspoofchk: of layer 2", lambda t: t.host_end()["ifname"] in t.rules(), {"macspoofchk": True, "ipam": ABSENT})
row("bridge", "macspoofchk: DEL without a namespace", lambda t: t.call("DEL", netns="") or t.result["interfaces"][1]["name"] not in t.rules(),
    {"macspoofchk": True}, deviates="left behind when the namespace is gone")
row("bridge", "macspoofchk: CHECK", lambda t: t.check() and not t.host("nft", "flush", "ruleset") and t.fails(105, t.check), {"macspoofchk": True})
row("bridge", "CHECK: needs prevResult", lambda t: t.fails(7, lambda: t.call("CHECK")))
row("bridge", "CHECK: promiscMode of the bridge", lambda t: t.check() and not t.host("ip", "link", "set", "pcfact0", "promisc", "off") and t.fails(
    105, t.check), {"promiscMode": True})
row("bridge", "CHECK: the namespace by another path", lambda t: t.check(netns=t.node.path_of(t.container).replace("/var/run", "/run")),
    deviates="goes by the record, or without one by what follows")
row("bridge", "CHECK: an address that is gone", lambda t: not t.run("ip", "addr", "flush", "dev", "eth0") and t.fails(105, t.check))
# VLANs themselves: tests/vm/test_vlan.py, on a kernel that has them.
row("bridge", "STATUS: of IPAM, too", lambda t: t.call("STATUS", {**t.config, "cniVersion": "1.1.0"}) is None and t.fails(
    50, lambda: t.call("STATUS", {**t.config, "cniVersion": "1.1.0", "ipam": {**t.config["ipam"], "dataDir": "/proc/self/nowhere"}})))
row("bridge", "routes: mtu and advmss", lambda t: t.routes()[-1]["metrics"] == [{"mtu": 1300, "advmss": 1200}],
    {"ipam+": {"routes": [{"dst": "198.51.100.0/24", "mtu": 1300, "advmss": 1200}]}}, deviates="`mtu`, `advmss` of routes")
row("bridge", "routes: scope of the link has no gateway", lambda t: "gateway" not in [r for r in t.routes() if r["dst"] == "198.51.100.0/24"][0],
    {"ipam+": {"routes": [{"dst": "198.51.100.0/24", "scope": 253}]}}, deviates="`scope` link or host")
row("bridge", "routes: priority and table", lambda t: t.routes("-4")[0]["dst"] and t.node.ip_json(
    t.container, "route", "show", "table", "100")[0]["metric"] == 7, {"ipam+": {"routes": [{"dst": "198.51.100.0/24", "priority": 7, "table": 100}]}})
row("bridge", "routes: in another table, and CHECK", lambda t: t.check(),
    {"ipam+": {"routes": [{"dst": "198.51.100.0/24", "table": 100}]}}, deviates="for routes in other tables")
row("bridge", "the host's own namespace", Fails(8, "host"), netns="/proc/self/ns/net", deviates="CNI_NETNS is the host's own")
row("bridge", "DEL of what was never there", lambda t: t.call("DEL", ifname="eth7") is None)
row("bridge", "DEL without a namespace", lambda t: t.call("DEL", netns="") or (t.held(), t.node.veths()) == ([], []))
row("bridge", "a failed ADD leaves nothing", lambda t: t.fails(103, lambda: t.add(ifname="lo")) and len(t.node.veths()) == 1 and len(t.held()) == 1,
    deviates="failed ADD")

# -- ptp (2.2)

row("ptp", "result: host end and container's end, and addresses of the second",
    lambda t: [bool(each.get("sandbox")) for each in t.result["interfaces"]] == [False, True] and t.result["ips"][0]["interface"] == 1)
row("ptp", "host side: the gateway's address, a route to the container", lambda t: t.addresses(t.host_end()["ifname"], True) == ["10.77.0.1/32"] and
    t.node.ip_json(t.node.host, "route", "show", "10.77.0.2")[0]["dev"] == t.host_end()["ifname"])
row("ptp", "container side: the subnet through the gateway", lambda t: {r["dst"]: r.get("gateway") for r in t.routes()} == {
    "10.77.0.0/24": "10.77.0.1", "10.77.0.1": None})
row("ptp", "mtu", lambda t: [t.link()["mtu"], t.host_end()["mtu"]] == [1400, 1400], {"mtu": 1400})
row("ptp", "ipam: missing is a link without addresses", lambda t: t.addresses() == [] and t.check(), {"ipam": ABSENT},
    deviates="a link without addresses")
row("ptp", "dns: takes the place of IPAM's, an empty list too", lambda t: not t.result.get("dns"),
    {**static(("10.77.0.9/24", "10.77.0.1"), dns={"domain": "a"}), "dns": {"search": []}})
row("ptp", "MAC: no key for it", lambda t: t.link()["address"] != "02:00:00:00:00:03", {"runtimeConfig": {"mac": "02:00:00:00:00:03"}})
row("ptp", "CNI_ARGS: none of its business", lambda t: t.given() == ["10.77.0.2/24"], args="IgnoreUnknown=1;FOO=bar")
row("ptp", "two addresses with one gateway", lambda t: len(t.addresses()) == 2, static(("10.77.0.5/24", "10.77.0.1"), ("10.77.0.6/24", "10.77.0.1")),
    deviates="two addresses with one gateway")
row("ptp", "an address without a gateway", Fails(7, "gateway"), static(("10.77.0.5/24",)))
row("ptp", "a /32", lambda t: t.addresses() == ["10.77.0.5/32"], static(("10.77.0.5/32", "192.0.2.1")), deviates="or a /32 or /128")
row("ptp", "a gateway outside of the subnet, and a route through it", lambda t: t.defaults() == ["192.0.2.1"],
    static(("10.77.0.5/24", "192.0.2.1"), routes=[DEFAULT]), deviates="next hop other than the gateway")
row("ptp", "IPv6 is usable at once", lambda t: not any(each.get("tentative") for each in t.link()["addr_info"] if each["scope"] == "global"),
    ranges(*DUAL), deviates="usable when ADD returns")
row("ptp", "DEL without a namespace", lambda t: t.call("DEL", netns="") or (t.held(), t.node.veths()) == ([], []))
row("ptp", "CHECK", lambda t: t.check())
row("ptp", "CHECK: a route that is gone", lambda t: not t.run("ip", "route", "del", "10.77.0.1") and t.fails(105, t.check))
row("ptp", "ipMasq", lambda t: masquerades(t, "10.77.0.2", "10.77.0.0/24") and masquerades(t, "fd00:77::2", "fd00:77::/64"),
    {**ranges(*DUAL), "ipMasq": True})
row("ptp", "ipMasq: DEL without a namespace", lambda t: t.call("DEL", netns="") or "10.77.0.2" not in t.rules(), {"ipMasq": True},
    deviates="elements of nftables sets")
row("ptp", "ipMasq: DEL where the interface is gone", lambda t: t.run("ip", "link", "del", "eth0") or t.call("DEL") or "10.77.0.2" not in t.rules(),
    {"ipMasq": True}, deviates="elements of nftables sets")
row("ptp", "ipMasqBackend: iptables", lambda t: masquerades(t, "10.77.0.2", "10.77.0.0/24"), {"ipMasq": True, "ipMasqBackend": "iptables"},
    deviates="in nftables, whichever is named")
row("ptp", "ipMasqBackend: anything else", Fails(7, "ipMasqBackend"), {"ipMasq": True, "ipMasqBackend": "ebpf"},
    deviates="anything else is refused before anything is made")
row("ptp", "forwarding: of the families that there are", lambda t: (t.sysctl("net.ipv4.ip_forward", True), t.sysctl(
    "net.ipv6.conf.all.forwarding", True)) == ("1", "0"), before=lambda t: t.host("sysctl", "-qw", "net.ipv4.ip_forward=0"))
row("ptp", "a failed ADD leaves nothing", lambda t: t.fails(103, lambda: t.add(ifname="lo")) and len(t.node.veths()) == 1 and len(t.held()) == 1,
    deviates="failed ADD")
row("ptp", "STATUS: of IPAM, too", lambda t: t.call("STATUS", {**t.config, "cniVersion": "1.1.0"}) is None and t.fails(
    50, lambda: t.call("STATUS", {**t.config, "cniVersion": "1.1.0", "ipam": {**t.config["ipam"], "dataDir": "/proc/self/nowhere"}})))

# -- loopback (2.3)

row("loopback", "any CNI_IFNAME is lo", lambda t: t.result["interfaces"][0]["name"] == "lo" and "UP" in t.link("lo")["flags"],
    before=lambda t: t.run("ip", "link", "set", "lo", "down"))
row("loopback", "result: lo and its two addresses", lambda t: t.given() == ["127.0.0.1/8", "::1/128"] and
    t.result["interfaces"][0]["mac"] == "00:00:00:00:00:00" and t.result["ips"][0]["interface"] == 0)
row("loopback", "prevResult goes on unchanged", lambda t: [each["name"] for each in t.result["interfaces"]] == ["x"],
    {"prevResult": {"cniVersion": "1.0.0", "interfaces": [{"name": "x"}]}})
row("loopback", "0.3.1: that version's form", lambda t: [ip["version"] for ip in t.result["ips"]] == ["4", "6"], {"cniVersion": "0.3.1"},
    deviates="`loopback` below 1.0.0")
row("loopback", "0.2.0: that version's form", lambda t: t.result["ip4"]["ip"] == "127.0.0.1/8", {"cniVersion": "0.2.0"}, deviates="`loopback` below 1.0.0")
row("loopback", "another address on lo", lambda t: "127.0.0.1/8" in t.given(), before=lambda t: t.run("ip", "addr", "add", "192.0.2.1/32", "dev", "lo"),
    deviates="`loopback`, another address on `lo`")
row("loopback", "DEL leaves lo up", lambda t: t.call("DEL") or "UP" in t.link("lo")["flags"], deviates="`loopback`, DEL")
row("loopback", "DEL without a namespace", lambda t: t.call("DEL", netns="") is None)
row("loopback", "CHECK: lo must be up", lambda t: t.check() and not t.run("ip", "link", "set", "lo", "down") and t.fails(105, t.check))

# -- static (2.4)

row("static", "addresses and routes as they are", lambda t: t.given() == ["10.77.0.9/24"] and len(t.result["routes"]) == 2,
    static(("10.77.0.9/24", "10.77.0.1"), routes=[DEFAULT, DEFAULT]))
row("static", "dns", lambda t: t.result["dns"] == {"domain": "d"}, static(("10.77.0.9/24",), dns={"domain": "d"}))
row("static", "CNI_ARGS IP: added", lambda t: t.given() == ["10.77.0.9/24", "10.78.0.9/24"], args="IP=10.78.0.9/24")
row("static", "CNI_ARGS GATEWAY: of the addresses whose subnet it is in", lambda t: t.result["ips"][1]["gateway"] == "10.78.0.1",
    args="IP=10.78.0.9/24;GATEWAY=10.78.0.1")
row("static", "args.cni.ips: in the place of all", lambda t: t.result["ips"] == [{"address": "10.79.0.9/24"}], {"args": {"cni": {"ips": ["10.79.0.9/24"]}}})
row("static", "runtimeConfig.ips: before all others", lambda t: t.given() == ["10.80.0.9/24"],
    {"runtimeConfig": {"ips": ["10.80.0.9/24"]}, "args": {"cni": {"ips": ["10.79.0.9/24"]}}})
row("static", "an address without a prefix", Fails(7, "10.77.0.9"), static(("10.77.0.9",)))
row("static", "ipam: missing", Fails(7, "ipam"), {"ipam": ABSENT})
row("static", "two of a family before 0.3.0", Fails(7, "0.3.0"), {**static(("10.77.0.9/24",), ("10.77.0.8/24",)), "cniVersion": "0.2.0"})
row("static", "no address at all", lambda t: not t.result.get("ips"), static())
row("static", "DEL reads nothing", lambda t: t.call("DEL", {**t.config, "ipam": "x"}) is None)
row("static", "CHECK: the gateway must be that of the configuration", lambda t: t.check() and t.fails(105, lambda: t.call(
    "CHECK", {**t.config, **static(("10.77.0.9/24", "10.77.0.2")), "prevResult": t.result})))
row("static", "CHECK: an address that prevResult does not have", lambda t: t.fails(105, lambda: t.call(
    "CHECK", {**t.config, **static(("10.77.0.10/24",)), "prevResult": t.result})), deviates="`static`, CHECK")
row("static", "an IPv4-mapped address is IPv4", lambda t: t.given() == ["10.77.0.9/24"], static(("::ffff:10.77.0.9/120",)))

# -- host-local (2.5)

row("host-local", "subnet: the legacy form comes first", lambda t: t.given() == ["10.78.0.2/24", "10.77.0.2/24"], {"ipam+": {"subnet": "10.78.0.0/24"}})
row("host-local", "rangeStart and rangeEnd", lambda t: t.given() == ["10.77.0.20/24"],
    ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.20", "rangeEnd": "10.77.0.21"}]))
row("host-local", "gateway: the first address unless named", lambda t: t.result["ips"][0]["gateway"] == "10.77.0.1")
row("host-local", "gateway: may lie outside", lambda t: t.result["ips"][0]["gateway"] == "192.0.2.1",
    ranges([{"subnet": "10.77.0.0/24", "gateway": "192.0.2.1"}]))
row("host-local", "ranges: one address of each set", lambda t: t.given() == ["10.77.0.2/24", "fd00:77::2/64"], ranges(*DUAL))
row("host-local", "ranges: none", Fails(7, "range"), {"ipam+": {"ranges": []}})
row("host-local", "ranges: an empty set", Fails(7, "range"), {"ipam+": {"ranges": [[]]}})
row("host-local", "runtimeConfig.ipRanges: before all others", lambda t: t.given()[0] == "10.79.0.2/24",
    {"runtimeConfig": {"ipRanges": [[{"subnet": "10.79.0.0/24"}]]}})
row("host-local", "routes", lambda t: t.result["routes"] == [{"dst": "0.0.0.0/0"}], {"ipam+": {"routes": [DEFAULT]}})
row("host-local", "resolvConf: missing", Fails(7, "/nowhere"), {"ipam+": {"resolvConf": "/nowhere"}})
row("host-local", "resolvConf", lambda t: t.result["dns"] == {"nameservers": ["192.0.2.1"], "domain": "d", "search": ["s"], "options": ["o"]}, {},
    before=lambda t: write(t, "resolv.conf", "# c\n; c\nnameserver 192.0.2.1\ndomain d\nsearch s\noptions o\n", "resolvConf"))
for place, keys, args in (("CNI_ARGS", {}, "IP=10.77.0.50"), ("args.cni.ips", {"args": {"cni": {"ips": ["10.77.0.50"]}}}, ""),
                          ("runtimeConfig.ips", {"runtimeConfig": {"ips": ["10.77.0.50/24"]}}, "")):
    row("host-local", f"{place}: a wish", lambda t: t.given() == ["10.77.0.50/24"], keys, args=args)
row("host-local", "wishes from all three places are one", lambda t: t.given() == ["10.77.0.50/24"],
    {"args": {"cni": {"ips": ["10.77.0.50"]}}, "runtimeConfig": {"ips": ["10.77.0.50"]}}, args="IP=10.77.0.50")
row("host-local", "a wish that is in no range", Fails(103, "10.99.0.1"), args="IP=10.99.0.1")
row("host-local", "a wish for the gateway", Fails(103, "10.77.0.1"), args="IP=10.77.0.1")
row("host-local", "a wish that is taken", Fails(103, "10.77.0.50"), args="IP=10.77.0.50", before=lambda t: t.again(args="IP=10.77.0.50"))
for prefix in ("10.77.0.0/31", "fd00:77::/127"):
    row("host-local", f"{prefix} has one address and a gateway", lambda t, prefix=prefix: t.given() == [prefix], ranges([{"subnet": prefix}]),
        deviates="a subnet of two addresses or one")
for prefix in ("10.77.0.7/32", "fd00:77::7/128"):
    row("host-local", f"{prefix} has one address", lambda t, prefix=prefix: t.given() == [prefix], ranges([{"subnet": prefix}]),
        deviates="a subnet of two addresses or one")
row("host-local", "a /30 has one address", lambda t: t.given() == ["10.77.0.2/30"] and t.fails(102, t.again), ranges([{"subnet": "10.77.0.0/30"}]))
row("host-local", "host bits in subnet", Fails(7, "10.77.0.1/24"), ranges([{"subnet": "10.77.0.1/24"}]))
row("host-local", "rangeStart outside", Fails(7, "10.78.0.1"), ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.78.0.1"}]))
row("host-local", "rangeStart behind rangeEnd", Fails(7, "10.77.0.9"), ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.9", "rangeEnd": "10.77.0.5"}]))
row("host-local", "rangeStart is the broadcast address, rangeEnd the default", Fails(7, "10.77.0.255"),
    ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.255"}]), deviates="`host-local`, `rangeStart`")
row("host-local", "two families in one set", Fails(7, "famil"), ranges([{"subnet": "10.77.0.0/24"}, {"subnet": "fd00:77::/64"}]))
row("host-local", "overlapping sets", Fails(7, "overlap"), ranges(RANGE4, [{"subnet": "10.77.0.128/25"}]))
row("host-local", "two sets of a family before 0.3.0", Fails(7, "0.3.0"), {**ranges(RANGE4, [{"subnet": "10.78.0.0/24"}]), "cniVersion": "0.2.0"})
row("host-local", "the network's address, if said", lambda t: t.given() == ["10.77.0.0/24"], ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.0"}]))
row("host-local", "the broadcast address, if said", lambda t: t.again()["ips"][0]["address"] == "10.77.0.255/24",
    ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.254", "rangeEnd": "10.77.0.255"}]))
row("host-local", "round robin: behind the last one", lambda t: t.call("DEL") or t.add()["ips"][0]["address"] == "10.77.0.3/24")
row("host-local", "the same attachment twice", Fails(103, "10.77.0.2"), before=lambda t: t.add())
row("host-local", "the same container with another interface", lambda t: t.add(ifname="net1")["ips"][0]["address"] == "10.77.0.3/24")
row("host-local", "files: content, and where the search goes on", lambda t: (read(t, "10.77.0.2"), read(t, "last_reserved_ip.0")) == (
    f"{t.container}\r\neth0", "10.77.0.2"))
row("host-local", "files: white space around", lambda t: rewrite(t, "10.77.0.2", f"  {t.container}\r\neth0 \n") or t.call("DEL") or t.held() == [])
row("host-local", "files: the old form", lambda t: rewrite(t, "10.77.0.2", t.container) or t.call("DEL") or t.held() == [])
row("host-local", "files: of nobody stay", lambda t: rewrite(t, "10.77.0.2", "") or t.call("DEL") or t.held() == ["10.77.0.2"])
row("host-local", "DEL of what was never there", lambda t: t.call("DEL", ifname="net7") is None and t.held() == ["10.77.0.2"])
row("host-local", "DEL outside of the ranges of today", lambda t: t.call("DEL", {**t.config, "ipam": {**t.config["ipam"], "ranges": [[{"subnet": "10.1.0.0/24"}]]}})
    or t.held() == [])
row("host-local", "DEL without ranges", lambda t: t.call("DEL", {**t.config, "ipam": {**t.config["ipam"], "ranges": []}}) or t.held() == [],
    deviates="`host-local`, DEL")
row("host-local", "CHECK: the reservation must be there", lambda t: t.check() and (t.call("DEL") or t.fails(105, t.check)))
row("host-local", "CHECK: the address of prevResult", lambda t: t.fails(105, lambda: t.call("CHECK", {**t.config, "prevResult": {
    **t.result, "ips": [{"address": "10.77.0.3/24"}]}})), deviates="`host-local`, CHECK")
row("host-local", "subnet: absent, ranges alone count", lambda t: t.given() == ["10.77.0.2/24"], {"ipam+": {"rangeStart": "10.1.0.9", "gateway": "10.1.0.1"}})
row("host-local", "dataDir: made where it is not, for its owner alone to write", lambda t: os.stat(os.path.join(t.node.directory, "deep", "er", "facts")).st_mode
    & 0o777 == 0o755, {}, before=lambda t: t.config["ipam"].update(dataDir=os.path.join(t.node.directory, "deep", "er")))
row("host-local", "rangeEnd: the default is the last but the broadcast address", lambda t: t.given() == ["10.77.0.254/24"] and t.fails(102, t.again),
    ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.254"}]))
row("host-local", "rangeEnd: of IPv6 the default is the last address", lambda t: t.given() == ["fd00:77::ffff/112"] and t.fails(102, t.again),
    ranges([{"subnet": "fd00:77::/112", "rangeStart": "fd00:77::ffff"}]))
row("host-local", "a range of the gateway alone is exhausted", Fails(102, "10.77.0"),
    ranges([{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.1", "rangeEnd": "10.77.0.1"}]))
row("host-local", "ranges of one set come one after the other", lambda t: t.again()["ips"][0]["address"] == "10.78.0.2/30",
    ranges([{"subnet": "10.77.0.0/30"}, {"subnet": "10.78.0.0/30"}]))
row("host-local", "ipRanges: runtimes may write their keys in any case", lambda t: t.given()[0] == "10.79.0.20/24", {"runtimeConfig": {
    "ipRanges": [[{"Subnet": "10.79.0.0/24", "RangeStart": "10.79.0.20", "RangeEnd": "", "Gateway": ""}]]}})
row("host-local", "files: modes", lambda t: {oct(os.stat(reservation(t, name)).st_mode & 0o777) for name in ("10.77.0.2", "last_reserved_ip.0")} == {"0o600"})
row("host-local", "files: a last_reserved_ip of nonsense is passed over", lambda t: t.call("DEL") or rewrite(t, "last_reserved_ip.0", "nonsense") or
    t.add()["ips"][0]["address"] == "10.77.0.2/24")
row("host-local", "a wish of an attachment that holds an address", lambda t: t.fails(103, lambda: t.add(args="IP=10.77.0.60")) and
    t.held() == ["10.77.0.2"], deviates="`host-local`, a wish")
row("host-local", "STATUS and GC", lambda t: t.call("STATUS", {**t.config, "cniVersion": "1.1.0"}) is None and t.call(
    "GC", {**t.config, "cniVersion": "1.1.0", "cni.dev/valid-attachments": []}) is None and t.held() == [],
    deviates="`host-local`, GC")
row("host-local", "a request that fails in its second set takes nothing away", lambda t: t.fails(
    103, lambda: t.add({**t.config, **{"ipam": {**t.config["ipam"], "ranges": DUAL}}}, args="IP=10.77.0.60")) and "10.77.0.2" in t.held(),
    deviates="`host-local`, failed ADD", before=None)


class FactsTest(RowsCase):
    def test_deviations_are_documented(self):
        self.assert_documented(ROWS)


FactsTest.add_rows(ROWS)


if __name__ == "__main__":
    unittest.main()

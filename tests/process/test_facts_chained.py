"""What the reference plugins portmap, firewall, tuning and bandwidth do with each of their keys, and what we do: a row for each.

As in test_facts, rows that deviate on purpose say so with words that docs/compatibility.md has. Who reaches whom is compared in
test_reference_diff; here it is the rules, the links and the answers.
"""

import os
import unittest

from chained_facts import OTHER_MAC, PREVIOUS_MISSING, WEB, ChainTry, isolation_chain, mapping, sysctls, use_iptables
from facts import DUAL, Fails, RowsCase
from traffic import ports

ROWS = []


def row(kind, title, expectation, keys=None, deviates=None, before=None, **options):
    """As in test_facts; the keys in `bridge+` are of the bridge before it."""
    ROWS.append((kind, title, expectation, keys or {}, deviates, before, options))


# -- portmap (cni-facts 2.7)

row("portmap", "portMappings: an element for each", lambda t: t.unchanged() and t.has(f"tcp . 8080 comment \"facts/{t.container}/eth0\" : {t.own()} . 80",
    f"udp . 8053 comment \"facts/{t.container}/eth0\" : {t.own()} . 53"), ports("8080:80", "8053:53/udp"))
for name, keys in {"none": {}, "null": {"runtimeConfig": {"portMappings": None}}, "no runtimeConfig": {"runtimeConfig": None},
                   "empty": {"runtimeConfig": {"portMappings": []}}}.items():
    row("portmap", f"portMappings: {name} pass the result on", lambda t: t.unchanged() and t.rules() == "", keys)
row("portmap", "portMappings: capitalised, as containerd writes them", lambda t: t.has("tcp . 8080"), {"runtimeConfig": {"PortMappings": [
    {"HostPort": 8080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}]}})
for bad in ({"hostPort": 0}, {"hostPort": None}, {"containerPort": 0}, {"containerPort": -1}, {"hostPort": "80"}):
    row("portmap", f"portMappings: {bad} is refused", Fails(7, "portMappings"), mapping(**bad))
    row("portmap", f"portMappings: {bad} does not keep DEL from its work", lambda t, bad=bad: t.call("DEL", {**t.config, **mapping(**bad)}) or
        t.lacks(t.own()), WEB, deviates="DEL without `runtimeConfig`")
row("portmap", "portMappings: ports have an upper bound", Fails(7, "hostPort", "65535"), mapping(hostPort=65536), deviates="1 to 65535")
row("portmap", "protocol: unknown", Fails(7, "protocol"), mapping(protocol="icmp"), deviates="tcp, udp, sctp in any case")
row("portmap", "protocol: in any case", lambda t: t.has("udp . 8080"), mapping(protocol="UDP"), deviates="tcp, udp, sctp in any case")
row("portmap", "protocol: absent is tcp", lambda t: t.has("tcp . 8080"), mapping(protocol=None), deviates="absent is tcp")
row("portmap", "protocol: sctp", lambda t: t.has("sctp . 8080"), mapping(protocol="sctp"))
row("portmap", "hostIP: that address alone", lambda t: t.has("192.0.2.1 . tcp . 8080"), ports("192.0.2.1|8080:80"))
row("portmap", "hostIP: unspecified is every address of its family", lambda t: t.has("tcp . 8080") and t.lacks("0.0.0.0 . tcp", "fd00:77::2 . 80"),
    {"ranges": DUAL, **ports("0.0.0.0|8080:80")})
row("portmap", "hostIP: unspecified of IPv6", lambda t: t.has("fd00:77::2 . 80") and t.lacks("10.77.0.2 . 80"), {"ranges": DUAL, **ports("::|8080:80")})
row("portmap", "hostIP: unspecified of a family that the container lacks", lambda t: t.unchanged(), ports("::|8080:80"))
row("portmap", "hostIP: of a family that the container lacks", Fails(7, "2001:db8::1"), ports("2001:db8::1|8080:80"),
    deviates="`hostIP` of a family that the container lacks")
row("portmap", "hostIP: no address", Fails(7, "nonsense"), mapping(hostIP="nonsense"), deviates="`hostIP` that is no address")
row("portmap", "hostIP: ::1", Fails(7, "::1"), {"ranges": DUAL, **mapping(hostIP="::1")}, deviates="`hostIP` `::1`")
row("portmap", "two mappings of one host port", Fails(7, "8080"), ports("8080:80", "8080:81"), deviates="two mappings of one host port")
row("portmap", "target: the first address of each family", lambda t: t.has("10.77.0.2 . 80", "fd00:77::2 . 80"), {"ranges": DUAL, **WEB})
row("portmap", "target: an address without an interface counts", lambda t: t.has("10.9.9.9 . 80"),
    {**WEB, "prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.9.9.9/24"}]}})
row("portmap", "target: an address of another interface does not", lambda t: t.has("10.77.0.2 . 80") and t.lacks("10.9.9.9"), WEB, before=lambda t:
    t.config.update(prevResult={**t.previous, "ips": [{"address": "10.9.9.9/24", "interface": 0}, *t.previous["ips"]]}))
row("portmap", "snat: on, 127.0.0.1 leads there too", lambda t: t.sysctl("net.ipv4.conf.pcfact0.route_localnet", True) == "1" and
    t.has(f"127.0.0.1 . {t.own()}"), WEB)
row("portmap", "snat: off, neither it nor the container itself", lambda t: t.sysctl("net.ipv4.conf.pcfact0.route_localnet", True) == "0" and
    t.lacks(f"127.0.0.1 . {t.own()}", f"{t.own()} . {t.own()} "), {**WEB, "snat": False})
row("portmap", "snat: null is on", lambda t: t.sysctl("net.ipv4.conf.pcfact0.route_localnet", True) == "1", {**WEB, "snat": None})
row("portmap", "snat: where the packet goes back", lambda t: t.has(f'"pcfact0" . {t.own()}'), WEB, deviates="from the interface that the packet goes back by")
row("portmap", "masqAll: whoever comes", lambda t: t.own() in t.rules().split("set port_masquerade4 {")[1].split("\n\t}")[0],
    {**WEB, "masqAll": True})
row("portmap", "masqAll: without snat", Fails(7, "masqAll"), {**WEB, "masqAll": True, "snat": False}, deviates="without `snat` error 7")
for bit in (0, 13, 31):
    row("portmap", f"markMasqBit: {bit}", lambda t: t.has("tcp . 8080") and t.lacks("meta mark set"), {**WEB, "markMasqBit": bit},
        deviates="no mark is needed")
for bit in (-1, 32, "13"):
    row("portmap", f"markMasqBit: {bit!r} is refused", Fails(7, "markMasqBit"), {**WEB, "markMasqBit": bit})
row("portmap", "externalSetMarkChain", lambda t: t.has("tcp . 8080"), {**WEB, "externalSetMarkChain": "KUBE-MARK-MASQ"},
    deviates="nothing needs to be marked")
row("portmap", "conditionsV4", lambda t: t.has("ip saddr != { 192.0.2.0/24 }"), {**WEB, "conditionsV4": ["!", "-s", "192.0.2.0/24"]},
    deviates="of addresses and interfaces are translated")
for key in ("conditionsV4", "conditionsV6"):
    row("portmap", f"{key}: other words", Fails(2, key) if key == "conditionsV4" else lambda t: t.has("tcp . 8080"), {**WEB, key: ["-m", "mark"]},
        deviates="of addresses and interfaces are translated")
    row("portmap", f"{key}: empty", lambda t: t.has("tcp . 8080"), {**WEB, key: []})
for backend in (None, "", "nftables"):
    row("portmap", f"backend: {backend!r}", lambda t: t.has("tcp . 8080"), {**WEB, "backend": backend})
row("portmap", "backend: iptables", lambda t: t.has("tcp . 8080"), {**WEB, "backend": "iptables"}, deviates="nftables for all")
row("portmap", "backend: anything else", Fails(7, "backend"), {**WEB, "backend": "ebpf"})
row("portmap", "prevResult: needed", Fails(7, "prevResult"), {**WEB, **PREVIOUS_MISSING})
row("portmap", "prevResult: CHECK needs it", lambda t: t.fails(7, lambda: t.call("CHECK", {**t.config, **PREVIOUS_MISSING})), WEB)
row("portmap", "prevResult: DEL does not", lambda t: t.call("DEL", {**t.config, **PREVIOUS_MISSING}) or t.lacks(t.own()), WEB)
row("portmap", "a host port of a container that lives", Fails(103, "8080", "/eth0"), WEB, before=lambda t: t.again(),
    deviates="error 103 naming it, if it lives")
row("portmap", "a host port of a container that is gone", lambda t: t.has(f"{t.own()} . 80") and t.rules().count("tcp . 8080") == 1, WEB,
    before=lambda t: t.node.remove_container(t.again()[0]), deviates="else replaced")
row("portmap", "DEL: nothing is left", lambda t: t.call("DEL") or t.lacks(t.own()), WEB)
row("portmap", "DEL: without portMappings", lambda t: t.forget() or t.lacks(t.own()), WEB, deviates="DEL without `runtimeConfig`")
row("portmap", "DEL: of what was never there", lambda t: t.call("DEL", ifname="eth7") is None and t.has("tcp . 8080"), WEB)
row("portmap", "DEL: of one of a container's networks leaves the other's", lambda t: t.add({**t.config, "name": "other", **ports("9090:90")}) and (
    t.call("DEL", {**t.config, "name": "other"}) or t.has("tcp . 8080") and t.lacks("tcp . 9090")), WEB)
row("portmap", "CHECK: each mapping", lambda t: t.check() and not t.host("nft", "delete", "element", "inet", "patchcord", "ports4", "{ tcp . 8080 }")
    and t.fails(105, t.check), WEB, deviates="each mapping, by its element")
row("portmap", "a container id that is long", lambda t: t.node.call("ADD", {**t.config, **ports("9090:90")}, "c" * 200, netns=t.node.path_of(
    t.container), plugin=t.node.plugin("portmap")) and t.has("tcp . 8080", "tcp . 9090"), WEB)
row("portmap", "GC: what is not listed goes", lambda t: t.gc({"containerID": t.container, "ifname": "eth0"}) is None and t.has(t.own()) and (
    t.gc() or t.lacks(t.own())), WEB)
row("portmap", "0.2.0: that version's form", lambda t: t.result["ip4"]["ip"] == "10.77.0.2/24", {**WEB, "cniVersion": "0.2.0"}, before=lambda t:
    t.config.update(prevResult={"cniVersion": "0.2.0", "ip4": {"ip": "10.77.0.2/24"}}))

# -- firewall (2.8)

for backend in (None, "", "iptables", "nftables", "something"):
    row("firewall", f"backend: {backend!r}", lambda t: t.unchanged() and t.has(t.own()), {"backend": backend}, deviates="our own for all")
FIREWALLD = ("nft", "add table inet firewalld; add chain inet firewalld filter_FORWARD")
row("firewall", "backend: firewalld where it is not at work", lambda t: t.unchanged() and t.has(t.own()), {"backend": "firewalld"},
    deviates="`firewalld` is error 2 where that is at work")
row("firewall", "firewalldZone: named in the remedy", Fails(2, "firewalld", "firewall-cmd", "--zone=zone7"),
    {"backend": "firewalld", "firewalldZone": "zone7"}, before=lambda t: t.host(*FIREWALLD), deviates="`firewalld` is error 2 where that is at work")
row("firewall", "firewalldZone: by default trusted", Fails(2, "--zone=trusted"), {"backend": "firewalld"}, before=lambda t: t.host(*FIREWALLD))
row("firewall", "firewalldZone: without firewalld it has no meaning", lambda t: t.unchanged(), {"firewalldZone": "zone7"})


row("firewall", "rules: none for a container in iptables, one for all", lambda t: t.own() not in t.listed() and "-j CNI-PATCHCORD" in t.listed(),
    before=use_iptables, deviates="one element for each address")
row("firewall", "rules: no FORWARD, none in iptables", lambda t: t.lacks("FORWARD"), deviates="nothing where iptables (nf_tables) has no FORWARD")
row("firewall", "iptablesAdminChainName: by default CNI-ADMIN", lambda t: "-j CNI-ADMIN" in t.listed(), before=use_iptables)
row("firewall", "iptablesAdminChainName", lambda t: "-j OWN-RULES" in t.listed(), {"iptablesAdminChainName": "OWN-RULES"}, before=use_iptables,
    deviates="asked before the rule that accepts")
row("firewall", "iptablesAdminChainName: empty is the default", lambda t: "-j CNI-ADMIN" in t.listed(), {"iptablesAdminChainName": ""},
    before=use_iptables)
for bad in ("x" * 29, "two words", "-x", "FORWARD"):
    row("firewall", f"iptablesAdminChainName: {bad}", Fails(7, "iptablesAdminChainName"), {"iptablesAdminChainName": bad},
        deviates="28 characters, no spaces, else error 7")
for policy in (None, "", "open"):
    row("firewall", f"ingressPolicy: {policy!r} is open", lambda t: t.unchanged() and t.lacks("drop"), {"ingressPolicy": policy})
for policy in ("same-bridge", "isolated"):
    row("firewall", f"ingressPolicy: {policy}", lambda t: t.unchanged() and t.has("pcfact0", "drop"), {"ingressPolicy": policy},
        deviates="by the bridge, or host end, that the container is on")
row("firewall", "ingressPolicy: by the bridge, whatever is first in prevResult", lambda t: t.has('"pcfact0"') and t.lacks('"other0"'),
    {"ingressPolicy": "same-bridge"}, before=lambda t: t.config.update(prevResult={
        **t.previous, "interfaces": [{"name": "other0"}, *t.previous["interfaces"]], "ips": [{**ip, "interface": 3} for ip in t.previous["ips"]]}),
    deviates="by the first interface of prevResult")
row("firewall", "ingressPolicy: unknown", Fails(7, "ingressPolicy"), {"ingressPolicy": "closed"})
row("firewall", "ingressPolicy: unknown does not keep DEL from its work", lambda t: t.call("DEL", {**t.config, "ingressPolicy": "closed"}) or
    t.lacks(t.own()), deviates="removes what the record says")
row("firewall", "versions: from 0.4.0 on", Fails(1, "0.3.1"), {"cniVersion": "0.3.1"})
row("firewall", "prevResult: needed", Fails(7, "prevResult"), PREVIOUS_MISSING)
row("firewall", "prevResult: of both families", lambda t: t.unchanged() and t.has("10.77.0.2", "fd00:77::2"), {"ranges": DUAL})
row("firewall", "prevResult: addresses of another interface are passed over", lambda t: t.has("10.77.0.2") and t.lacks("10.9.9.9"), before=lambda t:
    t.config.update(prevResult={**t.previous, "ips": [{"address": "10.9.9.9/24", "interface": 0}, *t.previous["ips"]]}),
    deviates="addresses of prevResult that are another interface's")
row("firewall", "DEL: nothing is left", lambda t: t.call("DEL") or t.lacks(t.own()))
row("firewall", "DEL: without prevResult", lambda t: t.forget() or t.lacks(t.own()), deviates="DEL without prevResult")
row("firewall", "DEL: of an address that has a new owner", lambda t: t.again({"prevResult": t.previous | {"interfaces": [
    *t.previous["interfaces"][:2], {**t.previous["interfaces"][2]}]}})[1] and (t.call("DEL") or t.has(t.own())),
    deviates="DEL of an address that has a new owner")
row("firewall", "CHECK: makes nothing", lambda t: t.check() and not t.host("nft", "flush", "ruleset") and t.fails(105, t.check) and t.rules() == "",
    deviates="makes nothing, looks at everything")
row("firewall", "CHECK: ingressPolicy too", lambda t: t.check() and not t.host("nft", "flush", "chain", "inet", "patchcord", isolation_chain(t)) and
    t.fails(105, t.check), {"ingressPolicy": "same-bridge"}, deviates="makes nothing, looks at everything")
row("firewall", "a repeated ADD", lambda t: t.fails(103, t.add), deviates="error 103 while the container lives")
row("firewall", "GC: what is not listed goes", lambda t: t.gc({"containerID": t.container, "ifname": "eth0"}) is None and t.has(t.own()) and (
    t.gc() or t.lacks(t.own())))


# -- tuning (2.9)


row("tuning", "nothing asked passes the result on", lambda t: t.unchanged())
row("tuning", "sysctl: a dot separates", lambda t: t.sysctl("net.core.somaxconn") == "500", sysctls(net__core__somaxconn="500"))
row("tuning", "sysctl: a slash does", lambda t: t.sysctl("net.core.somaxconn") == "500", {"sysctl": {"net/core/somaxconn": "500"}})
row("tuning", "sysctl: IFNAME is the interface", lambda t: t.sysctl("net.ipv4.conf.eth0.arp_ignore") == "2", sysctls(net__ipv4__conf__IFNAME__arp_ignore="2"))
row("tuning", "sysctl: a dot among slashes is one", lambda t: t.run("cat", "/proc/sys/net/ipv4/conf/a.7/arp_ignore") == "2\n",
    {"sysctl": {"net/ipv4/conf/a.7/arp_ignore": "2"}}, before=lambda t: t.run("ip", "link", "add", "a.7", "type", "bridge"),
    deviates="in a key with slashes a dot is a dot")
for key in ("kernel.shmmax", "net/../kernel/shmmax", "vm.swappiness", "net"):
    row("tuning", f"sysctl: {key} is none of a network namespace", Fails(7, "sysctl"), {"sysctl": {key: "1"}})
row("tuning", "sysctl: one that the kernel does not have", Fails(100, "net/ipv4/nosuch"), sysctls(net__ipv4__nosuch="1"))
row("tuning", "sysctl: a number", Fails(7, "sysctl"), {"sysctl": {"net.core.somaxconn": 1}})
row("tuning", "sysctl: a value that the kernel takes in another way", Fails(100, "net/ipv4/conf/eth0/arp_ignore"),
    sysctls(net__ipv4__conf__eth0__arp_ignore="4294967297"), deviates="a value that the kernel took in another way")
row("tuning", "sysctl: of several fields", lambda t: t.check(), sysctls(net__ipv4__ip_local_port_range="20000 50000"),
    deviates="spaces and the way a number is written make no difference")
row("tuning", "sysctl: those that set others go first", lambda t: t.sysctl("net.ipv4.conf.eth0.forwarding") == "0", {"sysctl": {
    "net.ipv4.conf.eth0.forwarding": "0", "net.ipv4.ip_forward": "1"}}, deviates="those that set others first")
row("tuning", "sysctl: DEL puts them back", lambda t: t.call("DEL") or t.sysctl("net.core.somaxconn") != "500", sysctls(net__core__somaxconn="500"),
    deviates="are put back, while the namespace is there")
row("tuning", "sysctl: the host's own stay", lambda t: t.sysctl("net.core.somaxconn", host=True) != "501", sysctls(net__core__somaxconn="501"))
row("tuning", "mac: in the kernel and in the result", lambda t: t.link()["address"] == OTHER_MAC and t.result["interfaces"][2]["mac"] == OTHER_MAC,
    {"mac": OTHER_MAC})
row("tuning", "mac: as the kernel writes it", lambda t: t.result["interfaces"][2]["mac"] == OTHER_MAC and t.check(), {"mac": "C2-11-22-33-44-66"},
    deviates="as the kernel prints it, of the container's")
row("tuning", "mac: of a group", Fails(7, "mac"), {"mac": "01:00:5e:00:00:01"}, deviates="`mac` that is no unicast address")
row("tuning", "mac: CNI_ARGS before the configuration", lambda t: t.link()["address"] == "c2:00:00:00:00:01", {"mac": OTHER_MAC}, args="MAC=c2:00:00:00:00:01")
row("tuning", "mac: runtimeConfig before CNI_ARGS", lambda t: t.link()["address"] == "c2:00:00:00:00:02", {
    "mac": OTHER_MAC, "runtimeConfig": {"mac": "c2:00:00:00:00:02"}}, args="MAC=c2:00:00:00:00:01")
row("tuning", "mac: args.cni before all", lambda t: t.link()["address"] == "c2:00:00:00:00:03", {
    "mac": OTHER_MAC, "runtimeConfig": {"mac": "c2:00:00:00:00:02"}, "args": {"cni": {"mac": "c2:00:00:00:00:03"}}}, args="MAC=c2:00:00:00:00:01")
row("tuning", "promisc: on", lambda t: "PROMISC" in t.link()["flags"], {"promisc": True})
row("tuning", "promisc: off does nothing", lambda t: "PROMISC" in t.link()["flags"], {"promisc": False},
    before=lambda t: t.run("ip", "link", "set", "eth0", "promisc", "on"))
row("tuning", "mtu", lambda t: t.link()["mtu"] == 1400 and t.unchanged(), {"mtu": 1400})
row("tuning", "mtu: 0 leaves it", lambda t: t.link()["mtu"] == 1500, {"mtu": 0})
row("tuning", "mtu: below what IPv4 needs", Fails(7, "mtu"), {"mtu": 67}, deviates="`mtu` below 68")
row("tuning", "txQLen", lambda t: t.link()["txqlen"] == 77, {"txQLen": 77})
row("tuning", "txQLen: 0 is one", lambda t: t.link().get("txqlen", 0) == 0, {"txQLen": 0})
row("tuning", "allmulti: on", lambda t: "ALLMULTI" in t.link()["flags"], {"allmulti": True})
row("tuning", "allmulti: off acts too", lambda t: "ALLMULTI" not in t.link()["flags"], {"allmulti": False},
    before=lambda t: t.run("ip", "link", "set", "eth0", "allmulticast", "on"))
for key, value, shown in (("mtu", 1300, lambda t: t.link()["mtu"] == 1300), ("promisc", True, lambda t: "PROMISC" in t.link()["flags"]),
                          ("allmulti", True, lambda t: "ALLMULTI" in t.link()["flags"]), ("txQLen", 55, lambda t: t.link()["txqlen"] == 55),
                          ("sysctl", {"net.core.somaxconn": "600"}, lambda t: t.sysctl("net.core.somaxconn") == "600")):
    row("tuning", f"args.cni.{key}: before the configuration", shown, {"mtu": 1400, "allmulti": False, "txQLen": 77, **sysctls(
        net__core__somaxconn="500"), "args": {"cni": {key: value}}})
row("tuning", "args.cni.sysctl: without sysctl", lambda t: t.sysctl("net.core.somaxconn") == "600", {
    "args": {"cni": {"sysctl": {"net.core.somaxconn": "600"}}}}, deviates="`args.cni.sysctl` without `sysctl`")
row("tuning", "dataDir: nothing is written there", lambda t: not os.path.exists(t.config["dataDir"]), {"mtu": 1400},
    deviates="the record; the reference's file")
row("tuning", "dataDir: the reference's backup serves our DEL, and goes", lambda t: t.repeat({"mtu": 0}) and t.by_reference(mtu=1400) and (
    t.call("DEL") or (t.link()["mtu"], os.listdir(t.config["dataDir"])) == (1500, [])), deviates="the reference's file is read, and removed, by our DEL")
row("tuning", "prevResult: needed", Fails(7, "prevResult"), {"mtu": 1400, **PREVIOUS_MISSING})
row("tuning", "CNI_ARGS: unknown", Fails(4, "FOO"), {"mtu": 1400}, args="FOO=bar")
row("tuning", "DEL: what was before", lambda t: t.call("DEL") or (*(t.link()[key] for key in ("mtu", "address", "txqlen")), "PROMISC" in t.link()[
    "flags"]) == (1500, t.previous["interfaces"][2]["mac"], 1000, False), {"mtu": 1400, "mac": OTHER_MAC, "txQLen": 5, "promisc": True, "allmulti": True})
row("tuning", "DEL: the namespace is gone", lambda t: t.node.remove_container(t.container) or t.forget() is None, {"mtu": 1400})
row("tuning", "DEL: of what was never there", lambda t: t.call("DEL", ifname="eth7") is None and t.link()["mtu"] == 1400, {"mtu": 1400})
for change, keys in (("mtu 1300", {"mtu": 1400}), ("address c2:00:00:00:00:09", {"mac": OTHER_MAC}), ("promisc off", {"promisc": True}),
                     ("allmulticast off", {"allmulti": True}), ("txqueuelen 9", {"txQLen": 77})):
    row("tuning", f"CHECK: {change}", lambda t, change=change: t.check() and not t.run("ip", "link", "set", "eth0", *change.split()) and t.fails(
        105, t.check), keys)
row("tuning", "CHECK: a sysctl", lambda t: t.check() and not t.run("sysctl", "-qw", "net.core.somaxconn=9") and t.fails(105, t.check),
    sysctls(net__core__somaxconn="500"))
row("tuning", "CHECK: promiscuous for somebody else", lambda t: not t.run("ip", "link", "set", "eth0", "promisc", "on") and t.check(), {"mtu": 1400},
    deviates="fails while a packet capture makes the interface promiscuous")
row("tuning", "a repeated ADD", lambda t: t.fails(103, t.add), {"mtu": 1400}, deviates="and takes its own values for the originals")

# -- bandwidth (2.10)

IN, OUT = {"ingressRate": 8_000_000, "ingressBurst": 160_000}, {"egressRate": 4_000_000, "egressBurst": 800_000}
row("bandwidth", "ingress: a bucket on the host end, bits are bytes there", lambda t: t.rate(t.end()) == 1_000_000 and t.ifbs() == [] and t.unchanged(), IN)
row("bandwidth", "egress: a bucket on an ifb", lambda t: t.rate(t.ifbs()[0]) == 500_000 and t.queue(t.end())[0] == "noqueue", OUT)
row("bandwidth", "egress: the ifb is the last interface of the result", lambda t: t.result["interfaces"][-1]["name"] == t.ifbs()[0] and
    t.result["interfaces"][:-1] == t.previous["interfaces"] and t.result["ips"] == t.previous["ips"], OUT)
row("bandwidth", "egress: name and MTU of the ifb", lambda t: t.ifbs()[0].startswith("bwp") and len(t.ifbs()[0]) == 15 and
    t.link(t.ifbs()[0], True)["mtu"] == 1400, {**OUT, "bridge+": {"mtu": 1400}})
row("bandwidth", "egress: two interfaces of a container", lambda t: t.call(
    "ADD", {**t.config, "prevResult": t.attach(t.container, ifname="eth1")}, ifname="eth1") and len(t.ifbs()) == 2, OUT,
    deviates="so that a second interface of one container fails")
row("bandwidth", "burst", lambda t: t.queue(t.end())[1]["burst"] == 20_000, IN)
for key, keys in (("ingressBurst", {"ingressRate": 1000}), ("ingressRate", {"ingressBurst": 1000}), ("egressBurst", {"egressRate": 1000}),
                  ("egressRate", {"egressBurst": 1000})):
    row("bandwidth", f"{key}: missing beside the other", Fails(7, key), keys)
row("bandwidth", "burst: 4 GiB", Fails(7, "ingressBurst", "4 GiB"), {"ingressRate": 800, "ingressBurst": 8 * 2 ** 32})
row("bandwidth", "burst: whose time overflows", lambda t: t.queue(t.end())[1]["burst"] > 250_000, {"ingressRate": 8_000, "ingressBurst": 2 ** 32 - 1},
    deviates="burst whose time has more than 32 bits of ticks")
row("bandwidth", "burst: smaller than a packet", lambda t: t.queue(t.end())[1]["burst"] >= 1500, {"ingressRate": 800_000, "ingressBurst": 8},
    deviates="burst smaller than a packet")
row("bandwidth", "rate: below 8 bit/s", Fails(7, "8 bit/s"), {"ingressRate": 7, "ingressBurst": 80}, deviates="rate below 8 bit/s")
for bad in (-1, 1.5, "1"):
    row("bandwidth", f"rate: {bad!r}", Fails(7, "ingressRate"), {"ingressRate": bad, "ingressBurst": 8})
for name, keys in {"absent": {}, "all zero": dict.fromkeys((*IN, *OUT), 0), "null": {"runtimeConfig": {"bandwidth": None}}}.items():
    row("bandwidth", f"limits: {name}", lambda t: t.unchanged() and t.ifbs() == [], keys)
    row("bandwidth", f"limits: {name}, and no prevResult", Fails(7, "prevResult"), {**keys, **PREVIOUS_MISSING}, deviates="no limits and no prevResult")
row("bandwidth", "prevResult: needed", Fails(7, "prevResult"), {**IN, **PREVIOUS_MISSING})
row("bandwidth", "runtimeConfig.bandwidth", lambda t: t.rate(t.end()) == 1_000_000, {"runtimeConfig": {"bandwidth": {**IN, **OUT}}})
row("bandwidth", "runtimeConfig.bandwidth: as containerd writes it", lambda t: t.rate(t.end()) == 1_000_000 and t.ifbs() == [], {"runtimeConfig": {
    "bandwidth": {"IngressRate": 8_000_000, "IngressBurst": 2 ** 32 - 1, "EgressRate": 0, "EgressBurst": 0}}})
row("bandwidth", "runtimeConfig.bandwidth: does not count beside static keys", lambda t: t.rate(t.end()) == 1_000_000 and t.ifbs() == [],
    {**IN, "runtimeConfig": {"bandwidth": OUT}})
row("bandwidth", "runtimeConfig.bandwidth: not even beside one that is 0", lambda t: t.unchanged(), {"ingressRate": 0, "runtimeConfig": {"bandwidth": OUT}})
for key in ("unshapedSubnets", "shapedSubnets"):
    row("bandwidth", f"{key}: classes, the rate without excess", lambda t: t.queue(t.end())[0] == t.queue(t.ifbs()[0])[0] == "htb" and "ceil 8Mbit" in t.host(
        "tc", "class", "show", "dev", t.end()), {**IN, **OUT, key: ["10.99.0.0/16", "fd00:99::/48"]}, deviates="htb, that may be exceeded up to twice")
    row("bandwidth", f"{key}: no subnet", Fails(7, key), {**IN, key: ["10.0.0.0/33"]})
row("bandwidth", "both lists of subnets", Fails(7, "shapedSubnets"), {**IN, "unshapedSubnets": ["10.0.0.0/8"], "shapedSubnets": ["10.0.0.0/8"]})
row("bandwidth", "latency: ours, in the queue behind the bucket", lambda t: any(text in t.host("tc", "qdisc", "show", "dev", t.end()) for text in (
    "bfifo 10: parent 1:1 limit 100000b", "fq_codel 10:")), {**IN, "latency": 100}, deviates="25 ms, or as configured")
row("bandwidth", "latency: out of range", Fails(7, "latency"), {**IN, "latency": 10_001}, deviates="milliseconds, 1 to 10,000")
row("bandwidth", "versions: from 0.3.0 on", Fails(1, "0.2.0"), {**IN, "cniVersion": "0.2.0"})
row("bandwidth", "an interface without an end on the host", Fails(103, "eth0"), IN, before=lambda t: t.run(
    "sh", "-c", "ip link del eth0 && ip link add eth0 type bridge"))
row("bandwidth", "DEL: the queues, too", lambda t: t.call("DEL") or (t.ifbs(), t.queue(t.end())[0]) == ([], "noqueue"), {**IN, **OUT},
    deviates="DEL before the interface's own")
row("bandwidth", "DEL: without namespace, limits, prevResult", lambda t: t.node.remove_container(t.container) or t.forget() or t.ifbs() == [], OUT)
row("bandwidth", "DEL: of what was never there", lambda t: t.call("DEL", ifname="eth7") is None and len(t.ifbs()) == 1, OUT)
row("bandwidth", "CHECK: the bucket", lambda t: t.check() and not t.host(
    *f"tc qdisc replace dev {t.end()} root handle 1: tbf rate 9mbit burst 20000 limit 45000".split()) and t.fails(105, t.check), IN)
row("bandwidth", "CHECK: the ifb", lambda t: t.check() and not t.host("ip", "link", "del", t.ifbs()[0]) and t.fails(105, t.check), OUT)
row("bandwidth", "a repeated ADD", lambda t: t.fails(103, t.add) and t.check(), {**IN, **OUT}, deviates="error 103, likewise")
row("bandwidth", "GC: what is not listed goes", lambda t: t.gc({"containerID": t.container, "ifname": "eth0"}) is None and len(t.ifbs()) == 1 and (
    t.gc() or t.ifbs() == []), OUT)


class ChainedFactsTest(RowsCase):
    attempt = ChainTry

    def test_deviations_are_documented(self):
        self.assert_documented(ROWS)


ChainedFactsTest.add_rows(ROWS)


if __name__ == "__main__":
    unittest.main()

"""What doctor says where kube-proxy is, in each of its modes, and where a bridge's packets meet the rules of the node, for test_doctor."""

import os

from doctor_conditions import condition, sysctl

BRIDGE_NETFILTER = "/proc/sys/net/bridge/bridge-nf-call-iptables"


@condition("bridge-netfilter", "warning")
def nat_of_what_stays_on_the_bridge(t):
    if not os.path.exists(BRIDGE_NETFILTER):
        t.skipTest("this kernel has no br_netfilter")
    sysctl(t, "net.bridge.bridge-nf-call-iptables", 1)
    t.assertEqual(t.names(), [])  # without NAT it does no harm
    t.node.on_host("nft", "add table ip nat; add chain ip nat POSTROUTING { type nat hook postrouting priority 100; }; "
                          "add rule ip nat POSTROUTING masquerade")
    return lambda: sysctl(t, "net.bridge.bridge-nf-call-iptables", 0)


KUBE_PROXY = {
    "iptables": "add table ip nat; add chain ip nat KUBE-SERVICES; add chain ip nat POSTROUTING { type nat hook postrouting priority 100; }; "
                "add rule ip nat POSTROUTING masquerade; add table ip6 nat; add chain ip6 nat KUBE-SERVICES",
    "nftables": "add table ip kube-proxy; add table ip6 kube-proxy"}


def start_kube_proxy(t, mode):
    """What is seen of it. Its chain in POSTROUTING is no reason to advise against it."""
    if not os.path.exists(BRIDGE_NETFILTER):
        t.skipTest("this kernel has no br_netfilter")
    t.use_hairpin(True)
    for family in ("iptables", "ip6tables"):
        sysctl(t, f"net.bridge.bridge-nf-call-{family}", 1)
    if mode in KUBE_PROXY:
        t.node.on_host("nft", KUBE_PROXY[mode])
    elif mode == "IPVS":
        t.node.on_host("ip", "link", "add", "kube-ipvs0", "type", "dummy" if t.has_dummy() else "bridge")
    else:
        for tool in ("iptables-legacy", "ip6tables-legacy"):
            if t.node.run_in(t.node.host, tool, "-t", "nat", "-N", "KUBE-SERVICES", check=False).returncode != 0:
                t.skipTest("this kernel has no legacy iptables")
    t.assertEqual(t.names(), [])


def answers_pass_by(mode, family):
    def make(t):
        start_kube_proxy(t, mode)
        sysctl(t, f"net.bridge.bridge-nf-call-{family}", 0)
        found, = t.diagnoses()
        t.assertIn(f"kube-proxy ({mode.replace('legacy ', '')})", found["text"])
        t.assertEqual(f"sysctl -w net.bridge.bridge-nf-call-{family}=1", found["command"])
        return lambda: sysctl(t, f"net.bridge.bridge-nf-call-{family}", 1)
    make.__name__ = f"{mode}_{family}".replace(" ", "_")
    return make


for _mode in ("iptables", "nftables", "IPVS", "legacy iptables"):
    condition("services-bypassed", "error")(answers_pass_by(_mode, "iptables"))
condition("services-bypassed", "error")(answers_pass_by("nftables", "ip6tables"))


@condition("services-bypassed", "error")
def kube_proxy_without_br_netfilter(t):
    start_kube_proxy(t, "nftables")
    t.prefix = ("unshare", "--mount", "sh", "-c", "mount -t tmpfs none /proc/sys/net/bridge && exec \"$@\"", "sh")
    t.assertIn("modprobe br_netfilter", t.diagnoses()[0]["command"])
    return t.use_no_prefix


@condition("bridge-netfilter", "warning", "forward-policy-drop")
def a_filter_that_drops_where_kube_proxy_is(t):
    start_kube_proxy(t, "nftables")
    t.node.on_host("nft", "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }")
    for each in t.diagnoses():
        t.assertNotIn("iptables=0", each["command"])
    return lambda: t.node.on_host("nft", "delete table ip filter")


@condition("no-hairpin", "warning")
def kube_proxy_and_a_bridge_that_sends_nothing_back(t):
    start_kube_proxy(t, "nftables")
    t.use_hairpin(False)
    done = t.tool("validate")
    t.assertEqual(done.returncode, 0)
    t.assertRegex(done.stderr, r"10-shopnet.conflist: hairpinMode: .*kube-proxy \(nftables\)")
    t.assertNotIn("20-edgenet", done.stderr)
    return lambda: t.use_hairpin(True)

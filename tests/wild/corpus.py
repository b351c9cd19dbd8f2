"""Configurations as they circulate: documentation, installers and defaults of runtimes and distributions, with addresses of our own. The plugin of
a vendor that makes a link by itself (calico, flannel, aws-cni) is the bridge or ptp that it delegates to, or that does the same.

What the runtime adds is in `runtime`: each member gets what its capabilities ask for, as libcni does it. `holds` names what must be so with our
plugins and with the reference's, and nothing else of these must: the host and the container reach each other (host), so does another container of
that network (peer), the container reaches another machine by the node's address (out), another machine reaches its published ports (ports).
"""

from typing import NamedTuple


class Row(NamedTuple):
    source: str
    plugins: tuple
    holds: str
    version: str = "1.0.0"
    runtime: dict = {}
    args: str = ""
    sysctls: dict = {}  # of the container
    dns: dict = {}  # of the result
    differs: str = ""  # the line of docs/compatibility.md that says in what the results do


PORTS = {"portMappings": True}
SHAPE = {"bandwidth": True}
DEFAULT4, DEFAULT6 = {"dst": "0.0.0.0/0"}, {"dst": "::/0"}
WEB = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
WEB_AND_DNS = {"portMappings": [*WEB["portMappings"], {"hostPort": 8053, "containerPort": 53, "protocol": "udp"}]}
LIMITS = {"bandwidth": {"ingressRate": 20_000_000, "ingressBurst": 2_000_000, "egressRate": 20_000_000, "egressBurst": 2_000_000}}
KUBELET = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=8f2d;K8S_POD_UID=5b1e"


def bridge(name, /, **keys):
    return {"type": "bridge", "bridge": name, **keys}


def ptp(**keys):
    return {"type": "ptp", **keys}


def one(subnet, *routes, **keys):
    """host-local in its oldest form."""
    return {"ipam": {"type": "host-local", "subnet": subnet, **({"routes": list(routes)} if routes else {}), **keys}}


def ranges(*subnets, routes=(), **keys):
    """host-local with a set for each subnet, or what else a range has."""
    sets = [[each if isinstance(each, dict) else {"subnet": each}] for each in subnets]
    return {"ipam": {"type": "host-local", "ranges": sets, **({"routes": list(routes)} if routes else {}), **keys}}


def static(*addresses, **keys):
    return {"ipam": {"type": "static", "addresses": [{"address": address} for address in addresses], **keys}}


PORTMAP = {"type": "portmap", "capabilities": PORTS}
PORTMAP_SNAT = {**PORTMAP, "snat": True}
BANDWIDTH = {"type": "bandwidth", "capabilities": SHAPE}
FIREWALL, TUNING, LOOPBACK = {"type": "firewall"}, {"type": "tuning"}, {"type": "loopback"}
CALICO_KEYS = {"log_level": "info", "datastore_type": "kubernetes", "nodename": "node-1", "policy": {"type": "k8s"},
               "kubernetes": {"kubeconfig": "/etc/cni/net.d/calico-kubeconfig"}}

KUBERNETES = (
    Row("Kubernetes documentation, network plugins: hostPort", (
        ptp(mtu=1440, **CALICO_KEYS, **ranges("10.101.0.0/24", routes=[DEFAULT4])), PORTMAP_SNAT), "host peer ports", "0.3.0", WEB, KUBELET),
    Row("Kubernetes documentation, network plugins: traffic shaping", (
        ptp(**CALICO_KEYS, **ranges("10.101.1.0/24", routes=[DEFAULT4])), BANDWIDTH), "host peer", "0.3.0", LIMITS, KUBELET),
    Row("Kubernetes documentation, container runtimes: loopback", (LOOPBACK,), "", "1.0.0", {}, KUBELET),
    Row("kelseyhightower/kubernetes-the-hard-way, 10-bridge.conf", (
        bridge("cnio0", isGateway=True, ipMasq=True, **ranges("10.101.2.0/24", routes=[DEFAULT4])),), "host peer out"),
    Row("kelseyhightower/kubernetes-the-hard-way, 99-loopback.conf", (LOOPBACK,), "", "1.1.0"),
    Row("kubenet (kops, microk8s, Azure): what kubelet wrote", (
        bridge("cbr0", mtu=1460, addIf="eth0", isGateway=True, ipMasq=False, hairpinMode=True,
               **one("10.101.3.0/24", DEFAULT4, gateway="10.101.3.1")),), "host peer", "0.1.0", {}, KUBELET),
    Row("kops with GCE: portmap behind it", (
        bridge("cbr0", mtu=1460, addIf="eth0", isGateway=True, promiscMode=False, **ranges("10.101.4.0/24", routes=[DEFAULT4])), PORTMAP),
        "host peer ports", "0.3.1", WEB, KUBELET),
    Row("kubernetes/minikube, 1-k8s.conflist", (
        bridge("bridge", addIf="true", isDefaultGateway=True, forceAddress=False, ipMasq=True, hairpinMode=True, **one("10.101.5.0/24")),
        PORTMAP, FIREWALL), "host peer out ports", "0.4.0", WEB, KUBELET),
    Row("kubernetes-sigs/kind, kindnet", (
        ptp(ipMasq=False, mtu=1500, **ranges("10.101.6.0/24", routes=[DEFAULT4])), PORTMAP), "host peer ports", "0.3.1", WEB, KUBELET),
    Row("kubernetes-sigs/kind, kindnet with two families", (
        ptp(ipMasq=False, mtu=1500, **ranges("10.101.7.0/24", "fd00:101:7::/64", routes=[DEFAULT4, DEFAULT6])), PORTMAP),
        "host peer ports", "0.3.1", WEB, KUBELET),
    Row("flannel-io/flannel, kube-flannel.yml: its delegate", (
        bridge("cni0", name="cbr0", mtu=1450, hairpinMode=True, ipMasq=False, isGateway=True, isDefaultGateway=True,
               **ranges("10.102.0.0/24", routes=[{"dst": "10.102.0.0/16"}])), PORTMAP), "host peer ports", "0.3.1", WEB, KUBELET),
    Row("flannel-io/flannel with two families", (
        bridge("cni0", mtu=1450, hairpinMode=True, ipMasq=False, isGateway=True, isDefaultGateway=True, **ranges(
            "10.102.1.0/24", "fd00:102:1::/64", routes=[{"dst": "10.102.0.0/16"}, {"dst": "fd00:102::/48"}])), PORTMAP),
        "host peer ports", "1.0.0", WEB, KUBELET),
    Row("k3s-io/k3s, 10-flannel.conflist", (
        bridge("cni0", mtu=1450, hairpinMode=True, forceAddress=True, ipMasq=False, isGateway=True, isDefaultGateway=True,
               **ranges("10.102.2.0/24", routes=[{"dst": "10.102.0.0/16"}])), PORTMAP, BANDWIDTH),
        "host peer ports", "1.0.0", {**WEB_AND_DNS, **LIMITS}, KUBELET),
    Row("cloudnativelabs/kube-router (and k0s), 10-kuberouter.conflist", (
        bridge("kube-bridge", isDefaultGateway=True, hairpinMode=True, **one("10.102.3.0/24")), PORTMAP_SNAT),
        "host peer ports", "0.3.0", WEB, KUBELET),
    Row("cloudnativelabs/kube-router, automatic MTU", (
        bridge("kube-bridge", isDefaultGateway=True, mtu=1480, **one("10.102.4.0/24")),), "host peer", "0.3.0", {}, KUBELET),
    Row("projectcalico/calico with host-local", (
        ptp(**CALICO_KEYS, container_settings={"allow_ip_forwarding": False}, **ranges(
            {"subnet": "10.102.5.0/24", "rangeStart": "10.102.5.10", "rangeEnd": "10.102.5.90"}, routes=[DEFAULT4])), PORTMAP_SNAT, BANDWIDTH),
        "host peer ports", "0.3.1", {**WEB, **LIMITS}, KUBELET),
    Row("projectcalico/calico for flannel (canal, RKE2)", (
        ptp(mtu=0, **CALICO_KEYS, **one("10.102.6.0/24", DEFAULT4)), PORTMAP_SNAT, BANDWIDTH), "host peer ports", "0.3.1", WEB, KUBELET),
    Row("weaveworks/weave, 10-weave.conflist", (
        bridge("weave", hairpinMode=True, isGateway=True, ipMasq=True, **one("10.102.7.0/24", DEFAULT4)), PORTMAP_SNAT),
        "host peer out ports", "0.3.0", WEB, KUBELET),
    Row("antrea-io/antrea with host-local", (
        bridge("gw0", isDefaultGateway=True, mtu=1450, **ranges("10.102.8.0/24")), PORTMAP, BANDWIDTH),
        "host peer ports", "0.3.0", {**WEB, **LIMITS}, KUBELET),
)

CLOUDS = (
    Row("GKE, 10-containerd-net.conflist", (
        ptp(mtu=1460, **ranges("10.103.0.0/24", routes=[DEFAULT4])), PORTMAP), "host peer ports", "0.3.1", WEB, KUBELET),
    Row("GKE with two families", (
        ptp(mtu=1460, **ranges("10.103.1.0/24", "fd00:103:1::/64", routes=[DEFAULT4, DEFAULT6])), PORTMAP),
        "host peer ports", "0.3.1", WEB, KUBELET),
    Row("aws/amazon-vpc-cni-k8s: IPv4 beside IPv6 pods", (
        ptp(ipMasq=True, mtu=9001, **ranges({"subnet": "169.254.172.0/22"}, routes=[DEFAULT4])), PORTMAP_SNAT),
        "host peer out ports", "0.4.0", WEB, KUBELET),
    Row("aws/amazon-ecs-agent, bridge mode of awsvpc: no way but to the agent", (
        bridge("ecs-bridge", mtu=1500, **ranges("169.254.176.0/22", routes=[{"dst": "192.0.2.1/32"}]), isGateway=True),), "host peer", "0.3.0"),
    Row("Azure/azure-container-networking, 10-azure.conflist", (
        bridge("azure0", mode="bridge", isGateway=True, ipMasq=True, ipsToRouteViaHost=["192.0.2.53"], **one("10.103.2.0/24", DEFAULT4)),
        PORTMAP_SNAT), "host peer out ports", "0.3.0", WEB, KUBELET),
    Row("OpenShift, additional network of type bridge", (
        bridge("ocp0", isGateway=True, ipMasq=True, forceAddress=False, hairpinMode=True, promiscMode=False,
               **one("10.103.3.0/24", DEFAULT4)), {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.accept_redirects": "1"}}),
        "host peer out", "0.4.0", {}, KUBELET, {"net.ipv4.conf.eth0.accept_redirects": "1"}),
    Row("OpenShift, all-multicast for a secondary network", (
        bridge("ocp1", isGateway=True, **one("10.103.4.0/24")), {"type": "tuning", "allmulti": True, "mtu": 1400}), "host peer", "0.4.0"),
    Row("hashicorp/nomad, the bridge that it makes", (
        LOOPBACK, bridge("nomad", ipMasq=True, isGateway=True, forceAddress=True, hairpinMode=False, **ranges(
            "10.103.5.0/24", routes=[DEFAULT4])), {**FIREWALL, "backend": "iptables", "iptablesAdminChainName": "NOMAD-ADMIN"}, PORTMAP_SNAT),
        "host peer out ports", "0.4.0", WEB_AND_DNS),
    Row("hashicorp/nomad, the same with two families", (
        LOOPBACK, bridge("nomad", ipMasq=True, isGateway=True, forceAddress=True, **ranges(
            "10.103.6.0/24", "fd00:103:6::/64", routes=[DEFAULT4, DEFAULT6])),
        {**FIREWALL, "backend": "iptables", "iptablesAdminChainName": "NOMAD-ADMIN"}, PORTMAP_SNAT), "host peer out ports", "1.0.0", WEB),
    Row("apache/mesos, bridge network", (
        bridge("mesos-cni0", isGateway=True, ipMasq=True, **one("10.103.7.0/24", DEFAULT4)),), "host peer out", "0.2.0"),
)

RUNTIMES = (
    Row("containerd/containerd, script/setup/install-cni", (
        bridge("cni0", isGateway=True, ipMasq=True, promiscMode=True, **ranges(
            "10.104.0.0/24", "fd00:104::/64", routes=[DEFAULT4, DEFAULT6])), PORTMAP), "host peer out ports", "1.0.0", WEB, KUBELET),
    Row("containerd/go-cni, the example of its README", (
        bridge("cni0", isGateway=True, ipMasq=True, **one("10.104.1.0/24", DEFAULT4)), PORTMAP), "host peer out ports", "0.4.0", WEB),
    Row("cri-o/cri-o, 10-crio-bridge.conflist", (
        bridge("cni0", isGateway=True, ipMasq=True, hairpinMode=True, **ranges(
            "10.104.2.0/24", "fd00:104:2::/64", routes=[DEFAULT4, DEFAULT6])),), "host peer out", "1.0.0", {}, KUBELET),
    Row("cri-o/cri-o, 99-loopback.conflist", (LOOPBACK,), "", "1.0.0", {}, KUBELET),
    Row("containers/podman, 87-podman-bridge.conflist", (
        bridge("cni-podman0", isGateway=True, ipMasq=True, hairpinMode=True, **ranges(
            {"subnet": "10.104.3.0/24", "gateway": "10.104.3.1"}, routes=[DEFAULT4])), PORTMAP, FIREWALL, TUNING),
        "host peer out ports", "0.4.0", WEB_AND_DNS),
    Row("containers/podman, network create --ipv6 -o mtu=1400", (
        bridge("cni-podman1", isGateway=True, ipMasq=True, hairpinMode=True, mtu=1400, **ranges(
            {"subnet": "10.104.4.0/24", "gateway": "10.104.4.1"}, {"subnet": "fd00:104:4::/64", "gateway": "fd00:104:4::1"},
            routes=[DEFAULT4, DEFAULT6])), PORTMAP, {**FIREWALL, "backend": ""}, TUNING), "host peer out ports", "0.4.0", WEB),
    Row("containers/podman, network create --internal", (
        bridge("cni-podman2", isGateway=False, hairpinMode=True, **ranges({"subnet": "10.104.5.0/24", "gateway": "10.104.5.1"})),
        PORTMAP, {**FIREWALL, "backend": ""}, TUNING), "peer", "0.4.0"),
    Row("containers/podman, run --ip --mac-address", (
        bridge("cni-podman3", isGateway=True, ipMasq=True, hairpinMode=True, capabilities={"ips": True}, **ranges(
            {"subnet": "10.104.6.0/24", "gateway": "10.104.6.1"}, routes=[DEFAULT4])),
        PORTMAP, {**FIREWALL, "backend": ""}, {**TUNING, "capabilities": {"mac": True}}),
        "host peer out ports", "0.4.0", {**WEB, "ips": ["10.104.6.77"], "mac": "c2:b0:57:10:46:77"}),
    Row("containerd/nerdctl, its default network", (
        bridge("nerdctl0", isGateway=True, ipMasq=True, hairpinMode=True, **ranges(
            {"subnet": "10.104.7.0/24", "gateway": "10.104.7.1"}, routes=[DEFAULT4])),
        PORTMAP, {**FIREWALL, "ingressPolicy": "same-bridge"}, TUNING), "host peer out ports", "1.0.0", WEB),
    Row("containerd/nerdctl, network create --subnet", (
        bridge("br-3f0ab9d2c1e7", isGateway=True, ipMasq=True, hairpinMode=True, capabilities={"ips": True}, **ranges(
            {"subnet": "10.104.8.0/24", "gateway": "10.104.8.254", "rangeStart": "10.104.8.64", "rangeEnd": "10.104.8.127"},
            routes=[DEFAULT4])), PORTMAP, {**FIREWALL, "ingressPolicy": "same-bridge"}, {**TUNING, "capabilities": {"mac": True}}),
        "host peer out ports", "1.0.0", WEB_AND_DNS),
    Row("moby/buildkit, cni.conflist", (
        LOOPBACK, bridge("buildkit0", isDefaultGateway=True, ipMasq=True, hairpinMode=True, **ranges(
            {"subnet": "10.104.9.0/24", "gateway": "10.104.9.1"})), {**FIREWALL, "ingressPolicy": "same-bridge"}), "host peer out"),
    Row("apptainer/apptainer, 00_bridge.conflist", (
        bridge("sbr0", isGateway=True, ipMasq=True, **one("10.104.10.0/24", DEFAULT4)), FIREWALL, PORTMAP_SNAT),
        "host peer out ports", "0.4.0", WEB),
    Row("apptainer/apptainer, 10_ptp.conflist", (
        ptp(ipMasq=True, **one("10.104.11.0/24", DEFAULT4)), FIREWALL, PORTMAP_SNAT), "host peer out ports", "0.4.0", WEB),
    Row("weaveworks/ignite, 10-ignite.conflist", (
        bridge("ignite0", isGateway=True, isDefaultGateway=True, promiscMode=True, ipMasq=True, **one("10.104.12.0/24")), PORTMAP, FIREWALL),
        "host peer out ports", "0.4.0", WEB),
    Row("firecracker-microvm/firecracker-containerd, fcnet.conflist", (
        ptp(ipMasq=True, **one("10.104.13.0/24", DEFAULT4)), FIREWALL), "host peer out", "0.4.0"),
    Row("kata-containers, with CRI-O or containerd", (
        bridge("cni0", name="kata-net", isGateway=True, ipMasq=True, hairpinMode=True, **ranges("10.104.14.0/24", routes=[DEFAULT4])), PORTMAP),
        "host peer out ports", "0.4.0", WEB, KUBELET),
)

EXAMPLES = (
    Row("containernetworking/cni, README: 10-mynet.conf", (
        bridge("cni0", isGateway=True, ipMasq=True, **one("10.105.0.0/24", DEFAULT4)),), "host peer out", "0.2.0"),
    Row("containernetworking/cni, README: 99-loopback.conf", (LOOPBACK,), "", "0.2.0", differs="`loopback` below 1.0.0"),
    Row("cni.dev, cnitool: myptp", (ptp(ipMasq=True, **one("10.105.1.0/24", DEFAULT4)),), "host peer out", "0.4.0"),
    Row("containernetworking/cni, SPEC.md: dbnet", (
        bridge("cni0", keyA=["some more", "plugin specific", "configuration"], isGateway=True, **one(
            "10.105.2.0/24", DEFAULT4, gateway="10.105.2.1"), dns={"nameservers": ["10.105.2.1"]}),
        {"type": "tuning", "capabilities": {"mac": True}, "sysctl": {"net.core.somaxconn": "500"}}, PORTMAP),
        "host peer ports", "1.1.0", {**WEB, "mac": "c2:b0:57:10:52:02"}, "", {"net.core.somaxconn": "500"}, {"nameservers": ["10.105.2.1"]}),
    Row("cni.dev, bridge: layer 2 only", (bridge("mynet0"),), "", "0.3.1"),
    Row("cni.dev, ptp: with dns", (
        ptp(**one("10.105.3.0/24"), dns={"nameservers": ["192.0.2.53", "192.0.2.54"], "search": ["a.example"]}),),
        "host peer", "0.3.1", {}, "", {}, {"nameservers": ["192.0.2.53", "192.0.2.54"], "search": ["a.example"]}),
    Row("cni.dev, portmap: without snat", (
        bridge("mynet1", isGateway=True, **one("10.105.4.0/24", DEFAULT4)), {**PORTMAP, "snat": False}), "host peer ports", "0.3.1", WEB),
    Row("cni.dev, host-local: several ranges", (
        bridge("mynet2", isDefaultGateway=True, ipMasq=True, **ranges(
            {"subnet": "10.105.5.0/24", "rangeStart": "10.105.5.20", "rangeEnd": "10.105.5.50", "gateway": "10.105.5.254"},
            {"subnet": "fd00:105:5::/64"}, routes=[{"dst": "198.51.100.0/24"}])),), "host peer out"),
    Row("cni.dev, static with a name server", (
        bridge("mynet3", isGateway=True, ipMasq=True, ipam={
            "type": "static", "routes": [DEFAULT4], "dns": {"nameservers": ["192.0.2.53"]},
            "addresses": [{"address": "10.105.6.10/24", "gateway": "10.105.6.1"}]}),),
        "host out", "0.3.1", {}, "", {}, {"nameservers": ["192.0.2.53"]}, "`bridge`, `dns` of IPAM"),
    Row("cni.dev, bandwidth: configured, not asked for", (
        bridge("mynet4", isGateway=True, **one("10.105.7.0/24", DEFAULT4)), {"type": "bandwidth", **LIMITS["bandwidth"]}), "host peer", "0.3.1"),
    Row("k8snetworkplumbingwg/multus-cni, a bridge as second network", (
        bridge("mybr", **one("10.105.8.0/24")),), "peer", "0.3.1", {}, KUBELET),
    Row("k8snetworkplumbingwg/multus-cni, addresses by annotation", (
        bridge("mybr", capabilities={"ips": True}, ipam={"type": "static"}), {**TUNING, "capabilities": {"mac": True}}),
        "", "0.3.1", {"ips": ["10.105.9.7/24"], "mac": "c2:b0:57:10:59:07"}, KUBELET),
    Row("cni.dev, sbr behind an interface, which answers only then", (
        bridge("mybr2", isGateway=True, **one("10.105.10.0/24", DEFAULT4)), {"type": "sbr"}), "host", "0.3.1", {}, KUBELET),
    Row("containernetworking/cni, CONVENTIONS.md: an address by CNI_ARGS", (
        bridge("mybr3", isDefaultGateway=True, ipMasq=True, ipam={"type": "static"}),),
        "host out", "0.4.0", {}, "IgnoreUnknown=1;IP=10.105.11.20/24;GATEWAY=10.105.11.1"),
    Row("containernetworking/cni, CONVENTIONS.md: addresses by args.cni", (
        bridge("mybr4", isDefaultGateway=True, args={"cni": {"ips": ["10.105.12.20"]}}, **one("10.105.12.0/24")),), "host", "0.4.0"),
    Row("kubevirt, cnv-bridge for virtual machines", (bridge("br1", ipam={}, preserveDefaultVlan=False), TUNING), "", "0.3.1", {}, KUBELET),
    Row("kubevirt, the same that bears no other MAC", (bridge("br2", macspoofchk=True, ipam={}),), "", "0.3.1", {}, KUBELET),
)

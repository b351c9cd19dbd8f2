"""Router advertisements of a container, in all that they may be wrapped into, and what the node has of them."""


import frames as f
from frames_case import FramesCase
from fake_node import PluginError

FALSE_PREFIX, TRUE_PREFIX = "2001:db8:bad::", "2001:db8:900d::"


def false_router(a, *before):
    return f.in_frame(a.mac, f.group_mac(f.ALL_NODES), f.router_advertisement(a.link_local, FALSE_PREFIX, a.mac, before))


WRAPPED = {
    "plain": false_router,
    "in a tag of VLAN 0": lambda a: f.tagged(false_router(a), (f.DOT1Q, 0)),
    "in a service tag of VLAN 0": lambda a: f.tagged(false_router(a), (f.DOT1AD, 0)),
    "in two tags": lambda a: f.tagged(false_router(a), (f.DOT1Q, 0), (f.DOT1Q, 0)),
    "in a tag in a service tag": lambda a: f.tagged(false_router(a), (f.DOT1AD, 0), (f.DOT1Q, 0)),
    "in a service tag in a tag": lambda a: f.tagged(false_router(a), (f.DOT1Q, 0), (f.DOT1AD, 0)),
    "behind options": lambda a: false_router(a, (f.HOP_BY_HOP, f.PADDING)),
    "behind options in a tag": lambda a: f.tagged(false_router(a, (f.HOP_BY_HOP, f.PADDING), (f.DESTINATION_OPTIONS, f.PADDING)), (f.DOT1Q, 0)),
    "as the one fragment": lambda a: false_router(a, (f.FRAGMENT, f.fragment_header(0, 0))),
    "to a group of switches": lambda a: f.packed_mac(f.LLDP_GROUP) + false_router(a)[6:],
    "to another group of switches": lambda a: f.packed_mac(f.EAPOL_GROUP) + false_router(a)[6:],
}
# The node does not believe those anyhow (RFC 6980).
NEVER_BELIEVED = ("as the one fragment",)
# They come in by the port, whose own setting is not the bridge's.
PAST_THE_BRIDGE = ("to a group of switches", "to another group of switches")


class AdvertisementCase(FramesCase):
    def setUp(self):
        self.make_node()
        self.on_host = self.node.on_host

    def make_bridge(self, name="lan0", **options):
        """As an administrator's tools leave one."""
        words = [word for key, value in options.items() for word in (key, str(value))]
        self.on_host("ip", "link", "add", name, "type", "bridge", *words)
        self.on_host("ip", "link", "set", name, "up")
        self.assertEqual(self.setting(f"net.ipv6.conf.{name}.accept_ra"), "1")

    def believes(self, prefix, interface=None):
        """Whether the node has an address of that prefix, or a router whom it heard of it from."""
        where = ("dev", interface) if interface else ()
        addresses = self.on_host("ip", "-6", "addr", "show", *where)
        routes = self.on_host("ip", "-6", "route", "show", "proto", "ra")
        shown = prefix.rstrip(":")
        return shown in addresses or shown in routes

    def has_router(self, link_local):
        return link_local in self.on_host("ip", "-6", "route", "show", "default")

    def forget(self):
        """What was heard of routers, as if it had not been."""
        self.on_host("ip", "-6", "route", "flush", "proto", "ra")
        for link in self.node.ip_json(self.node.host, "-6", "addr", "show"):
            for address in link.get("addr_info", []):
                if address.get("local", "").startswith(FALSE_PREFIX.rstrip(":")):
                    self.on_host("ip", "addr", "del", f"{address['local']}/{address['prefixlen']}", "dev", link["ifname"])

    def tell(self, attacker, bridge, told):
        attacker.wire.send(told)
        self.deliver(attacker, bridge)
        lied_to = self.believes(FALSE_PREFIX) or self.has_router(attacker.link_local)
        self.forget()
        return lied_to

    def told(self, attacker, bridge):
        """Those of the wrappings in which the node believes a false router."""
        return [name for name, make in WRAPPED.items() if self.tell(attacker, bridge, make(attacker))]

    def findings(self, config, container, result, **how):
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, container, result, **how)
        self.assertEqual(caught.exception.code, 105)
        return caught.exception.msg

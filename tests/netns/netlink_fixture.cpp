#include "netlink_fixture.h"

#include "netlink/veth.h"

Pair::Pair() : pod(host.add_container()) {
  netlink::create_veth(
      host.socket(),
      {.near = {.name = "v0"}, .far = {.name = "eth0"}, .far_namespace = pod.netns().fd()});
  v0 = host.link("v0");
  eth0 = pod.link("eth0");
}

void Pair::set_up() {
  netlink::change_link(host.socket(), v0, {.up = true});
  netlink::change_link(pod.socket(), eth0, {.up = true});
}

base::IpAddress address(std::string_view text) {
  return base::IpAddress::parse(text).value();
}
base::IpPrefix prefix(std::string_view text) {
  return base::IpPrefix::parse(text).value();
}
base::MacAddress mac(std::string_view text) {
  return base::MacAddress::parse(text).value();
}

#include "plugin/attachment/record_links.h"

#include "plugin/attachment/record_texts.h"

namespace attachment {
namespace {

using nlohmann::json;

base::MacAddress read_mac(const cni::Object& object, std::string_view key) {
  return base::MacAddress::parse(object.text(key).value_or("")).value_or(base::MacAddress());
}

bool read_flag(const cni::Object& object, std::string_view key) {
  return object.boolean(key).value_or(false);
}

json write_vlans(const PortVlans& vlans) {
  json trunk = json::array();
  for (const VlanRange& range : vlans.trunk) trunk.push_back({range.first, range.last});
  return {
      {"native", vlans.native}, {"trunk", std::move(trunk)}, {"keepDefault", vlans.keep_default}};
}

PortVlans read_vlans(const cni::Object& object) {
  constexpr std::int64_t kLast = 4094;
  PortVlans vlans{
      .native = static_cast<std::uint16_t>(object.integer("native", 0, kLast).value_or(0)),
      .keep_default = read_flag(object, "keepDefault")};
  object.each("trunk", [&](const json& range, const std::string&) {
    if (range.is_array() && range.size() == 2)
      vlans.trunk.push_back({range[0].get<std::uint16_t>(), range[1].get<std::uint16_t>()});
  });
  return vlans;
}

}  // namespace

json write_pair(const Pair& pair) {
  json object;
  object["host"] = pair.host_name;
  object["hostMac"] = pair.host_mac.to_string();
  object["mac"] = pair.container_mac.to_string();
  object["mtu"] = pair.mtu;
  object["up"] = pair.container_up;
  object["dad"] = pair.enable_dad;
  if (pair.accept_ra) object["acceptRa"] = true;
  return object;
}

Pair read_pair(const cni::Object& object) {
  return {.host_name = object.text("host").value_or(""),
          .host_mac = read_mac(object, "hostMac"),
          .container_mac = read_mac(object, "mac"),
          .mtu = static_cast<unsigned>(object.integer("mtu", 0, UINT32_MAX).value_or(0)),
          .container_up = object.boolean("up").value_or(true),
          .enable_dad = read_flag(object, "dad"),
          .accept_ra = read_flag(object, "acceptRa")};
}

json write_wire(const Wire& wire) {
  json object;
  object["host"] = wire.host_index;
  object["container"] = wire.container_index;
  object["nsid"] = wire.nsid;
  if (wire.host_mac.is_usable()) object["hostMac"] = wire.host_mac.to_string();
  return object;
}

Wire read_wire(const cni::Object& object) {
  const auto number = [&](std::string_view key, int otherwise) {
    return static_cast<int>(object.integer(key, -1, INT32_MAX).value_or(otherwise));
  };
  return {.host_index = number("host", 0),
          .container_index = number("container", 0),
          .nsid = number("nsid", -1),
          .host_mac = read_mac(object, "hostMac")};
}

json write_bridge_port(const BridgePort& port) {
  json object;
  object["bridge"] = port.bridge;
  object["bridgeMac"] = port.bridge_mac.to_string();
  if (port.is_gateway) object["isGateway"] = true;
  object["hairpin"] = port.hairpin;
  object["isolated"] = port.isolated;
  object["promiscuous"] = port.promiscuous;
  object["forceAddress"] = port.force_address;
  object["gateways"] = write_texts(port.gateways);
  if (port.vlans) object["vlans"] = write_vlans(*port.vlans);
  if (port.vlan_gateway) {
    object["vlanGateway"] = {{"name", port.vlan_gateway->name},
                             {"mac", port.vlan_gateway->mac.to_string()}};
  }
  return object;
}

BridgePort read_bridge_port(const cni::Object& object) {
  BridgePort port{.bridge = object.text("bridge").value_or(""),
                  .bridge_mac = read_mac(object, "bridgeMac"),
                  .is_gateway = read_flag(object, "isGateway"),
                  .hairpin = read_flag(object, "hairpin"),
                  .isolated = read_flag(object, "isolated"),
                  .promiscuous = read_flag(object, "promiscuous"),
                  .force_address = read_flag(object, "forceAddress"),
                  .gateways = {}};
  for (const std::string& text : object.texts("gateways")) {
    if (const auto prefix = base::IpPrefix::parse(text)) port.gateways.push_back(*prefix);
  }
  if (const auto vlans = object.object("vlans")) port.vlans = read_vlans(*vlans);
  if (const auto gateway = object.object("vlanGateway")) {
    port.vlan_gateway = {.name = gateway->text("name").value_or(""),
                         .mac = read_mac(*gateway, "mac")};
  }
  return port;
}

}  // namespace attachment

#include "plugin/operator/wishes.h"

#include <charconv>

#include "base/ip_address.h"
#include "base/ip_prefix.h"
#include "base/mac_address.h"
#include "plugin/cni/error.h"
#include "plugin/cni/port_mapping.h"
#include "plugin/operator/json.h"

namespace tool {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && at == end && port != 0 ? std::optional(port) : std::nullopt;
}

// "[IP:]HOST:CONTAINER[/PROTOCOL]", with an IPv6 address in brackets or without.
std::optional<cni::PortMapping> parse_mapping(std::string_view text) {
  cni::PortMapping mapping;
  if (const auto slash = text.rfind('/'); slash != std::string_view::npos) {
    const auto protocol = cni::parse_protocol(text.substr(slash + 1));
    if (!protocol) return std::nullopt;
    mapping.protocol = *protocol;
    text = text.substr(0, slash);
  }
  const auto last = text.rfind(':');
  if (last == std::string_view::npos) return std::nullopt;
  const auto container = parse_port(text.substr(last + 1));
  text = text.substr(0, last);
  const auto before = text.rfind(':');
  if (before != std::string_view::npos) {
    std::string_view host = text.substr(0, before);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    mapping.host_address = base::IpAddress::parse(host);
    if (!mapping.host_address) return std::nullopt;
    text = text.substr(before + 1);
  }
  const auto host_port = parse_port(text);
  if (!host_port || !container) return std::nullopt;
  mapping.host_port = *host_port;
  mapping.container_port = *container;
  return mapping;
}

bool is_declared(const config::NetworkList& list, const std::string& capability) {
  return list.unclaimed("{\"" + capability + "\": 0}").empty();
}

void write_ports(const std::vector<std::string>& words, Json& json) {
  json.key("portMappings").begin_list();
  for (const auto& word : words) {
    const auto mapping = parse_mapping(word);
    if (!mapping)
      throw Misuse("--publish: \"" + word + "\" is not [HOST-IP:]HOST:CONTAINER[/PROTOCOL]");
    json.begin_object()
        .member("hostPort", mapping->host_port)
        .member("containerPort", mapping->container_port)
        .member("protocol", cni::to_string(mapping->protocol));
    if (mapping->host_address) json.member("hostIP", mapping->host_address->to_string());
    json.end_object();
  }
  json.end_list();
}

void require_addresses(const std::vector<std::string>& words) {
  for (const auto& word : words) {
    if (!base::IpAddress::parse(word) && !base::IpPrefix::parse(word))
      throw Misuse("--ip: \"" + word + "\" is no address");
  }
}

void add_argument(const std::string& name, const std::string& value, Attaching& attaching) {
  std::string& arguments = attaching.arguments;
  if (arguments.empty()) arguments = "IgnoreUnknown=1";
  arguments += ";" + name + "=" + value;
}

}  // namespace

void add_wishes(const Call& call, const config::NetworkList& list, Attaching& attaching) {
  const auto ports = call.arguments.values(kPublishOption.name);
  const auto addresses = call.arguments.values(kAddressOption.name);
  const auto mac = call.arguments.value(kMacOption.name);
  if (ports.empty() && addresses.empty() && !mac) return;
  require_addresses(addresses);
  if (mac && !base::MacAddress::parse(*mac)) throw Misuse("--mac: \"" + *mac + "\" is no MAC");
  Json json;
  json.begin_object();
  if (!ports.empty()) write_ports(ports, json);
  if (!ports.empty() && !is_declared(list, "portMappings")) {
    throw cni::Error(cni::Code::kInvalidConfig,
                     "no plugin of network " + list.name + " publishes ports",
                     R"(one of them needs "capabilities": {"portMappings": true})");
  }
  const bool by_capability = is_declared(list, "ips");
  if (by_capability && !addresses.empty()) json.member("ips", addresses);
  if (!by_capability && addresses.size() > 1) {
    throw cni::Error(cni::Code::kInvalidConfig,
                     "no plugin of network " + list.name + " takes several addresses",
                     R"(one of them needs "capabilities": {"ips": true})");
  }
  if (!by_capability && !addresses.empty()) add_argument("IP", addresses.front(), attaching);
  if (mac && is_declared(list, "mac")) {
    json.member("mac", *mac);
  } else if (mac) {
    add_argument("MAC", *mac, attaching);
  }
  attaching.offers = config::merge_offers(attaching.offers, json.end_object().document());
}

}  // namespace tool

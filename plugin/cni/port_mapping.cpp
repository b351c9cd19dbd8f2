#include "plugin/cni/port_mapping.h"

#include <array>
#include <map>
#include <tuple>

#include "plugin/cni/text.h"

namespace cni {
namespace {

constexpr std::string_view kKey = "portMappings";

struct Name {
  std::string_view text;
  Protocol protocol;
};
constexpr std::array<Name, 3> kNames = {
    {{"tcp", Protocol::kTcp}, {"udp", Protocol::kUdp}, {"sctp", Protocol::kSctp}}};

std::uint16_t read_port(const Object& entry, std::string_view key) {
  const auto port = entry.integer(key, 1, UINT16_MAX);
  if (!port) entry.reject(key, "is missing; it must be a port from 1 to 65535");
  return static_cast<std::uint16_t>(*port);
}

// Some runtimes leave the protocol out, or empty, where it is the usual one.
Protocol read_protocol(const Object& entry) {
  const auto text = entry.text("protocol");
  if (!text || text->empty()) return Protocol::kTcp;
  const auto protocol = parse_protocol(*text);
  if (!protocol) entry.reject("protocol", "is " + quote(*text) + ", but must be tcp, udp or sctp");
  return *protocol;
}

// One family of addresses of one host port; all of the family's where there is no address.
using Claim = std::tuple<base::Family, std::optional<base::IpAddress>, Protocol, std::uint16_t>;
using Claims = std::map<Claim, std::uint16_t>;

// True where the mapping adds something to what is claimed already.
bool claim(Claims& claims, const PortMapping& mapping, const Object& entry) {
  bool is_new = false;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    if (!covers(mapping, family)) continue;
    auto address = mapping.host_address;
    if (address && address->is_unspecified()) address.reset();
    const auto [at, added] = claims.try_emplace(
        Claim{family, address, mapping.protocol, mapping.host_port}, mapping.container_port);
    is_new |= added;
    if (at->second == mapping.container_port) continue;
    entry.reject("hostPort", "asks for " + to_string(mapping) + " a second time, to lead to port " +
                                 std::to_string(mapping.container_port) +
                                 " of the container instead of " + std::to_string(at->second));
  }
  return is_new;
}

}  // namespace

std::string_view to_string(Protocol protocol) {
  for (const Name& name : kNames) {
    if (name.protocol == protocol) return name.text;
  }
  return "unknown";
}

std::optional<Protocol> parse_protocol(std::string_view text) {
  for (const Name& name : kNames) {
    if (equal_in_any_case(name.text, text)) return name.protocol;
  }
  return std::nullopt;
}

std::string to_string(const PortMapping& mapping) {
  std::string text =
      std::string(to_string(mapping.protocol)) + " port " + std::to_string(mapping.host_port);
  if (mapping.host_address) text += " on " + mapping.host_address->to_string();
  return text;
}

bool covers(const PortMapping& mapping, base::Family family) {
  return !mapping.host_address || mapping.host_address->family() == family;
}

std::vector<PortMapping> read_port_mappings(const Object& configuration) {
  std::vector<PortMapping> mappings;
  const auto runtime = configuration.object("runtimeConfig");
  if (!runtime) return mappings;
  Claims claims;
  for (const Object& entry : runtime->objects(kKey)) {
    const PortMapping mapping{.protocol = read_protocol(entry),
                              .host_port = read_port(entry, "hostPort"),
                              .container_port = read_port(entry, "containerPort"),
                              .host_address = entry.address("hostIP")};
    if (claim(claims, mapping, entry)) mappings.push_back(mapping);
  }
  return mappings;
}

}  // namespace cni

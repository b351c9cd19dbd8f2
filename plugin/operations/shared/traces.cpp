#include "plugin/operations/shared/traces.h"

#include <set>
#include <utility>

#include "plugin/cni/error.h"
#include "plugin/cni/port_mapping.h"
#include "plugin/config/keys.h"
#include "plugin/lease/lease.h"
#include "plugin/operations/shared/plan.h"
#include "plugin/ruleset/parts.h"

namespace operations {
namespace {

using attachment::Attachment;
using base::IpAddress;
using netlink::nft::Bytes;

// Two are enough to find the others by: all of a kind come and go together, from the first on.
std::vector<cni::PortMapping> some_mappings(const cni::Request& request) {
  try {
    auto mappings = cni::read_port_mappings(request.config());
    if (mappings.size() > 2) mappings.erase(mappings.begin() + 1, mappings.end() - 1);
    return mappings;
  } catch (const cni::Error&) {
    return {};
  }
}

std::vector<cni::PortCondition> conditions_of(const cni::Request& request, base::Family family) {
  try {
    return config::read_port_conditions(request.config(), family).all;
  } catch (const cni::Error&) {
    return {};
  }
}

// What elements lead to does not matter, only under which keys they would be.
ruleset::Wanted ports_by(const cni::Request& request) {
  Attachment attachment;
  attachment.key = key_of(request);
  auto& ports = attachment.host_ports.emplace();
  ports.mappings = some_mappings(request);
  ports.masquerade_all = true;
  auto addresses = cni::addresses_in_previous_result(request);
  for (const char* any : {"0.0.0.0", "::"}) addresses.push_back(*IpAddress::parse(any));
  for (const IpAddress& address : addresses)

    ports.targets.push_back({.address = address,
                             .interface = "",
                             .conditions = conditions_of(request, address.family())});
  ruleset::Wanted wanted;
  ruleset::want_host_ports(attachment, wanted);
  return wanted;
}

std::vector<Bytes> keys_of(const ruleset::Wanted& wanted) {
  std::vector<Bytes> keys;
  for (const auto& element : wanted.elements) keys.push_back(element.element.key);
  return keys;
}

ruleset::Traces traces_in(const cni::Request& request, ruleset::Wanted wanted) {
  return {.owner = attachment::comment_of(key_of(request)),
          .keys = keys_of(wanted),
          .parts = std::move(wanted.parts)};
}

std::set<IpAddress> addresses_of(const cni::Request& request, const std::string& state_directory) {
  std::set<IpAddress> addresses;
  for (const auto& address : cni::addresses_in_previous_result(request)) addresses.insert(address);
  const auto place = config::find_ipam_place(request);
  if (!config::is_host_local(place.type)) return addresses;
  for (const auto& address :
       lease::find_reservations(request, lease::reservation_of(place), state_directory))
    addresses.insert(address);
  return addresses;
}

}  // namespace

ruleset::Traces find_traces(const cni::Request& request, const Attachment& attachment,
                            const std::string& state_directory) {
  using netlink::nft::concatenate;
  ruleset::Traces traces{.owner = attachment::comment_of(attachment.key),
                         .keys = keys_of(ports_by(request))};
  const std::vector<Bytes> names{netlink::nft::interface_value(attachment.pair.host_name),
                                 netlink::nft::interface_value(config::find_bridge_name(request))};
  traces.keys.push_back(names.front());
  for (const auto& address : addresses_of(request, state_directory)) {
    const auto value = netlink::nft::value_of(address);
    traces.keys.push_back(value);
    traces.keys.push_back(concatenate({value, value}));
    for (const auto& name : names) traces.keys.push_back(concatenate({name, value}));
  }
  return traces;
}

ruleset::Traces find_traces_of_ports(const cni::Request& request) {
  return traces_in(request, ports_by(request));
}

ruleset::Traces find_traces_of_acceptance(const cni::Request& request) {
  Attachment attachment;
  attachment.key = key_of(request);
  attachment.firewall.emplace();
  for (const IpAddress& address : cni::addresses_in_previous_result(request))
    attachment.addresses.push_back({.prefix = base::IpPrefix::host(address), .gateway = {}});
  ruleset::Wanted wanted;
  ruleset::want_acceptance(attachment, wanted);
  return traces_in(request, std::move(wanted));
}

}  // namespace operations

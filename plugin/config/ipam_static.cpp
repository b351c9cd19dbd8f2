#include "plugin/config/ipam_static.h"

#include <algorithm>

#include "plugin/cni/error.h"
#include "plugin/cni/text.h"

namespace config {
namespace {

constexpr std::string_view kSpace = " \t";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  if (text.empty()) return items;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    items.emplace_back(trim(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return items;
}

base::IpPrefix require_prefix(std::string_view text, const std::string& where, cni::Code code) {
  if (const auto prefix = base::IpPrefix::parse(text)) return *prefix;
  throw cni::Error(code,
                   where + ": " + cni::quote(text) + " is no IP address with a prefix length");
}

std::vector<FixedAddress> read_configured(const cni::Object& section) {
  std::vector<FixedAddress> addresses;
  for (const cni::Object& object : section.objects("addresses")) {
    const auto address = object.prefix("address");
    if (!address) object.reject("address", "is missing");
    addresses.push_back({.address = *address, .gateway = object.address("gateway")});
  }
  return addresses;
}

std::vector<FixedAddress> read_given(const cni::Arguments& arguments) {
  std::vector<FixedAddress> addresses;
  for (const auto& item : split_list(arguments.get("IP").value_or(""))) {
    addresses.push_back(
        {.address = require_prefix(item, "CNI_ARGS IP", cni::Code::kInvalidEnvironment),
         .gateway = std::nullopt});
  }
  return addresses;
}

void set_given_gateways(const cni::Arguments& arguments, std::vector<FixedAddress>& addresses) {
  for (const auto& item : split_list(arguments.get("GATEWAY").value_or(""))) {
    const auto gateway = base::IpAddress::parse(item);
    if (!gateway) {
      throw cni::Error(cni::Code::kInvalidEnvironment,
                       "CNI_ARGS GATEWAY: " + cni::quote(item) + " is no IP address");
    }
    for (FixedAddress& each : addresses) {
      if (each.address.contains(*gateway)) each.gateway = gateway;
    }
  }
}

// CNI_ARGS add addresses to the configured ones, and gateways to those that they add. (The
// reference's loop is over all addresses, but it has not parsed the configured ones by then.)
void add_from_arguments(const cni::Request& request, std::vector<FixedAddress>& addresses) {
  const auto arguments = cni::Arguments::parse(request.args);
  auto given = read_given(arguments);
  set_given_gateways(arguments, given);
  addresses.insert(addresses.end(), given.begin(), given.end());
}

// A list that is not empty replaces everything of less precedence, gateways included.
void replace_by_list(const std::optional<cni::Object>& object,
                     std::vector<FixedAddress>& addresses) {
  if (!object) return;
  const auto texts = object->texts("ips");
  if (texts.empty()) return;
  addresses.clear();
  for (const std::string& text : texts) {
    addresses.push_back(
        {.address = require_prefix(text, object->path_of("ips"), cni::Code::kInvalidConfig),
         .gateway = std::nullopt});
  }
}

void refuse_many_before_0_3_0(const cni::Request& request,
                              const std::vector<FixedAddress>& addresses) {
  if (request.version >= cni::Version::k0_3_0) return;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    const auto of_family =
        std::count_if(addresses.begin(), addresses.end(),
                      [&](const FixedAddress& each) { return each.address.family() == family; });
    if (of_family <= 1) continue;
    throw cni::Error(cni::Code::kInvalidConfig, "ipam.addresses: more than one " +
                                                    std::string(base::family_name(family)) +
                                                    " address needs cniVersion 0.3.0 or newer");
  }
}

cni::Dns read_dns(const cni::Object& section) {
  const auto dns = section.object("dns");
  if (!dns) return {};
  return {.nameservers = dns->texts("nameservers"),
          .domain = dns->text("domain").value_or(""),
          .search = dns->texts("search"),
          .options = dns->texts("options")};
}

}  // namespace

// Precedence as in the reference: the configuration and CNI_ARGS, above them args.cni.ips, above
// that runtimeConfig.ips.
Static read_static(const cni::Request& request, const cni::Object& root,
                   const cni::Object& section) {
  Static result;
  result.addresses = read_configured(section);
  add_from_arguments(request, result.addresses);
  if (const auto args = root.object("args")) replace_by_list(args->object("cni"), result.addresses);
  replace_by_list(root.object("runtimeConfig"), result.addresses);
  refuse_many_before_0_3_0(request, result.addresses);
  result.routes = read_routes(section);
  result.dns = read_dns(section);
  return result;
}

}  // namespace config

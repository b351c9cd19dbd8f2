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

/// What `addresses` says, of which the runtime may replace the addresses.
struct Configured {
  std::vector<FixedAddress> addresses;
  std::vector<base::IpAddress> gateways;  // of all entries, also of those without an address
};

// Entries that are replaced need no address.
Configured read_configured(const cni::Object& section, bool is_replaced) {
  Configured configured;
  for (const cni::Object& object : section.objects("addresses")) {
    const auto gateway = object.address("gateway");
    if (gateway) configured.gateways.push_back(*gateway);
    std::optional<base::IpPrefix> address;
    try {
      address = object.prefix("address");
      if (!address) object.reject("address", "is missing");
    } catch (const cni::Error&) {
      if (!is_replaced) throw;
    }
    if (address) configured.addresses.push_back({.address = *address, .gateway = gateway});
  }
  return configured;
}

// An address without a length has that of the configured subnet that it lies in.
base::IpPrefix complete(const std::string& text, const Configured& configured,
                        const std::string& where, cni::Code code) {
  if (const auto prefix = base::IpPrefix::parse(text)) return *prefix;
  const auto address = base::IpAddress::parse(text);
  for (const FixedAddress& each : configured.addresses) {
    if (address && each.address.contains(*address)) return {*address, each.address.length()};
  }
  const std::string example = address && !address->is_v4() ? "/64" : "/24";
  throw cni::Error(code,
                   where + ": invalid CIDR address: " + cni::quote(text) +
                       " is not in CIDR notation, an IP address with a prefix length",
                   address ? "write " + text + example +
                                 ", or whatever length its subnet has, or "
                                 "give ipam.addresses an entry of that subnet, whose length it gets"
                           : "");
}

// The configured gateway that it can reach: in its subnet, or, of an address that is a subnet by
// itself, on the link.
std::optional<base::IpAddress> find_gateway(const base::IpPrefix& address,
                                            const std::vector<base::IpAddress>& gateways) {
  const auto found = std::find_if(gateways.begin(), gateways.end(), [&](const auto& gateway) {
    return gateway.family() == address.family() &&
           (address.is_host() || (address.contains(gateway) && gateway != address.address()));
  });
  return found == gateways.end() ? std::nullopt : std::optional(*found);
}

/// Addresses that are not the configuration's, as they were given.
struct Given {
  std::vector<std::string> texts{};
  std::string where{};
  cni::Code code = cni::Code::kInvalidConfig;
};

std::vector<FixedAddress> read_given(const Given& given, const Configured& configured) {
  std::vector<FixedAddress> addresses;
  for (const std::string& text : given.texts) {
    const auto address = complete(text, configured, given.where, given.code);
    addresses.push_back(
        {.address = address, .gateway = find_gateway(address, configured.gateways)});
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

// The list of the greatest precedence that is not empty.
Given find_replacement(const cni::Object& root) {
  const auto runtime = root.object("runtimeConfig");
  const auto args = root.object("args");
  for (const auto& object : {runtime, args ? args->object("cni") : std::nullopt}) {
    if (!object) continue;
    auto texts = object->texts("ips");
    if (!texts.empty()) return {.texts = std::move(texts), .where = object->path_of("ips")};
  }
  return {};
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

// Precedence as in the reference: the configuration and CNI_ARGS, which add to it, above them
// args.cni.ips, above that runtimeConfig.ips, which replace all addresses.
std::vector<FixedAddress> choose_addresses(const cni::Request& request, const cni::Object& root,
                                           const cni::Object& section) {
  const Given replacement = find_replacement(root);
  if (!replacement.texts.empty()) return read_given(replacement, read_configured(section, true));
  const auto arguments = cni::Arguments::parse(request.args);
  const Given added{.texts = split_list(arguments.get("IP").value_or("")),
                    .where = "CNI_ARGS IP",
                    .code = cni::Code::kInvalidEnvironment};
  Configured configured = read_configured(section, !added.texts.empty());
  auto given = read_given(added, configured);
  set_given_gateways(arguments, given);
  auto addresses = std::move(configured.addresses);
  addresses.insert(addresses.end(), given.begin(), given.end());
  return addresses;
}

}  // namespace

Static read_static(const cni::Request& request, const cni::Object& root,
                   const cni::Object& section) {
  Static result;
  result.addresses = choose_addresses(request, root, section);
  refuse_many_before_0_3_0(request, result.addresses);
  result.routes = read_routes(section);
  result.dns = read_dns(section);
  return result;
}

}  // namespace config

// The section `ipam`: host-local's ranges and routes, or the name of a delegate.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "ipam/error.h"
#include "plugin/cni/error.h"
#include "plugin/config/distinct.h"
#include "plugin/config/ipam_static.h"
#include "plugin/config/network.h"
#include "plugin/config/pool.h"

namespace config {
namespace {

constexpr std::string_view kDefaultDataDirectory = "/var/lib/cni/networks";

ipam::RangeSpec read_range(const cni::Object& object, const std::string& place) {
  const auto subnet = object.prefix("subnet");
  if (!subnet) object.reject("subnet", "is missing");
  return {.subnet = *subnet,
          .start = object.address("rangeStart"),
          .end = object.address("rangeEnd"),
          .gateway = object.address("gateway"),
          .place = place};
}

using SetSpecs = std::vector<std::vector<ipam::RangeSpec>>;

// The convention is a list of sets, a set being a list of ranges. go-cni's API hands over a flat
// list of ranges, which can only mean one set.
SetSpecs read_range_sets(const cni::Object& parent, std::string_view key) {
  SetSpecs sets;
  std::vector<ipam::RangeSpec> flat;
  parent.each(key, [&](const nlohmann::json& element, const std::string& path) {
    if (element.is_object()) {
      flat.push_back(read_range(cni::Object(element, path), path));
      return;
    }
    if (!element.is_array()) parent.reject(key, "must be a list of lists of ranges");
    std::vector<ipam::RangeSpec> set;
    for (std::size_t i = 0; i < element.size(); ++i) {
      const std::string place = path + "[" + std::to_string(i) + "]";
      set.push_back(read_range(cni::Object(element[i], place), place));
    }
    sets.push_back(std::move(set));
  });
  if (!flat.empty()) {
    if (!sets.empty()) parent.reject(key, "mixes ranges and lists of ranges");
    sets.push_back(std::move(flat));
  }
  return sets;
}

// Order as in the reference, which numbers its last_reserved_ip files by it: the runtime's ranges,
// the single range of the old form, the configured ones.
SetSpecs collect_range_sets(const cni::Object& root, const cni::Object& section) {
  SetSpecs all;
  if (const auto runtime = root.object("runtimeConfig"))
    all = read_range_sets(*runtime, "ipRanges");
  if (section.has("subnet")) all.push_back({read_range(section, section.path_of("subnet"))});
  for (auto& set : read_range_sets(section, "ranges")) all.push_back(std::move(set));
  return all;
}

void refuse_many_sets_before_0_3_0(const cni::Request& request,
                                   const std::vector<ipam::RangeSet>& sets) {
  if (request.version >= cni::Version::k0_3_0) return;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    const auto of_family = std::count_if(sets.begin(), sets.end(), [&](const ipam::RangeSet& set) {
      return set.front().subnet.family() == family;
    });
    if (of_family > 1) {
      throw cni::Error(cni::Code::kInvalidConfig, "ipam.ranges: more than one set of " +
                                                      std::string(base::family_name(family)) +
                                                      " ranges needs cniVersion 0.3.0 or newer");
    }
  }
}

base::IpAddress read_requested(std::string_view text, const std::string& where, cni::Code code) {
  const std::string_view address = text.substr(0, text.find('/'));
  if (const auto parsed = base::IpAddress::parse(address)) return *parsed;
  throw cni::Error(code, where + ": " + std::string(text) + " is no IP address");
}

std::vector<base::IpAddress> collect_requested(const cni::Request& request,
                                               const cni::Object& root) {
  Distinct<base::IpAddress> requested;
  const auto arguments = cni::Arguments::parse(request.args);
  if (const auto text = arguments.get("IP"); text && !text->empty()) {
    requested.add(read_requested(*text, "CNI_ARGS IP", cni::Code::kInvalidEnvironment));
  }
  const auto add_all = [&](const cni::Object& object) {
    for (const std::string& text : object.texts("ips")) {
      requested.add(read_requested(text, object.path_of("ips"), cni::Code::kInvalidConfig));
    }
  };
  if (const auto args = root.object("args")) {
    if (const auto cni = args->object("cni")) add_all(*cni);
  }
  if (const auto runtime = root.object("runtimeConfig")) add_all(*runtime);
  return requested.take();
}

// In layout kWhole no address of a subnet is set apart; see RangeSpec::whole.
std::vector<ipam::RangeSet> make_range_sets(SetSpecs specs, BlockLayout layout) {
  for (auto& set : specs) {
    for (auto& spec : set) spec.whole = layout == BlockLayout::kWhole;
  }
  try {
    return ipam::make_range_sets(specs);
  } catch (const ipam::InvalidRange& error) {
    const std::string place = error.place().empty() ? "ipam.ranges" : error.place();
    throw cni::Error(cni::Code::kInvalidConfig, place + ": " + error.what());
  }
}

std::vector<ipam::PoolPlace> read_pool_names(const cni::Request& request,
                                             const cni::Object& section) {
  std::vector<ipam::PoolPlace> places;
  for (const auto& name : section.texts("pools")) {
    places.push_back(find_pool(request.environment, name, section.path_of("pools")));
    const auto& last = places.back().directory;
    if (std::count_if(places.begin(), places.end(),
                      [&](const auto& each) { return each.directory == last; }) > 1)
      section.reject("pools", "names " + name + " twice, and a pool gives one address");
  }
  return places;
}

Pools read_pools(const cni::Request& request, const cni::Object& section, BlockLayout layout) {
  Pools pools{.places = read_pool_names(request, section), .layout = layout};
  const auto on_full = section.text("onFull");
  if (on_full && *on_full != "claim" && *on_full != "fail")
    section.reject("onFull", "must be claim or fail");
  if (on_full && pools.places.empty()) section.reject("onFull", "is of pools, and there is none");
  pools.claims = on_full.value_or("claim") == "claim";
  return pools;
}

// Networks that share a pool would each have reservations of their own in it.
void refuse_directory_of_pools(const cni::Object& section, const HostLocal& config) {
  const bool is_given = !section.text("dataDir").value_or("").empty();
  if (is_given && config.sets.empty() && !config.pools.places.empty())
    section.reject("dataDir", "is of ranges; the reservations of a pool are beside its blocks");
}

HostLocal read_host_local(const cni::Request& request, const cni::Object& root,
                          const cni::Object& section, BlockLayout layout) {
  HostLocal result;
  result.sets = make_range_sets(collect_range_sets(root, section), layout);
  result.pools = read_pools(request, section, layout);
  refuse_directory_of_pools(section, result);
  const bool may_come = request.command == cni::Command::kStatus && offers(root, "ipRanges");
  if (result.sets.empty() && result.pools.places.empty() && !may_come) {
    throw cni::Error(cni::Code::kInvalidConfig,
                     "ipam.ranges: no range of addresses is given, and no pool (pools)");
  }
  refuse_many_sets_before_0_3_0(request, result.sets);
  result.requested = collect_requested(request, root);
  result.data_directory = section.text("dataDir").value_or("");
  if (result.data_directory.empty()) result.data_directory = kDefaultDataDirectory;
  result.routes = read_routes(section);
  result.resolv_conf = section.text("resolvConf").value_or("");
  result.reclaim = section.boolean("reclaim").value_or(true);
  return result;
}

std::chrono::milliseconds read_patience(const cni::Object& section) {
  constexpr std::int64_t kDefaultSeconds = 60;
  return std::chrono::seconds(section.integer("timeout", 1, 600).value_or(kDefaultSeconds));
}

void read_addresses(const cni::Request& request, const cni::Object& root,
                    const cni::Object& section, BlockLayout layout, Ipam& ipam) {
  if (is_host_local(ipam.type)) ipam.host_local = read_host_local(request, root, section, layout);
  if (is_static(ipam.type)) ipam.fixed = read_static(request, root, section);
}

BlockLayout layout_of(Mode mode) {
  switch (mode) {
    case Mode::kRouted:
      return BlockLayout::kWhole;
    case Mode::kBridge:
      return BlockLayout::kFirstSubnet;
    case Mode::kPtp:
      break;
  }
  return BlockLayout::kSubnets;
}

}  // namespace

bool is_host_local(std::string_view type) {
  return type == "host-local";
}

bool is_static(std::string_view type) {
  return type == "static";
}

std::vector<cni::Route> read_routes(const cni::Object& section) {
  std::vector<cni::Route> routes;
  for (const cni::Object& object : section.objects("routes")) {
    routes.push_back(cni::parse_route(object));
    const cni::Route& route = routes.back();
    if (route.gateway && route.gateway->family() != route.destination.family())
      object.reject("gw", "is not of the family of dst");
  }
  return routes;
}

Ipam parse_ipam(const cni::Request& request, Mode mode) {
  const cni::Object root = request.config();
  const auto section = root.object("ipam");
  Ipam result;
  if (!section) return result;
  result.type = section->text("type").value_or("");
  result.patience = read_patience(*section);
  read_addresses(request, root, *section, layout_of(mode), result);
  return result;
}

Ipam parse_ipam_of(const cni::Request& request, std::string_view type) {
  const cni::Object root = request.config();
  const auto section = root.object("ipam");
  if (!section) root.reject("ipam", "is missing");
  Ipam result{.type = std::string(type), .host_local = {}, .fixed = {}};
  read_addresses(request, root, *section, BlockLayout::kSubnets, result);
  return result;
}

IpamPlace find_ipam_place(const cni::Request& request) noexcept {
  IpamPlace place;
  place.data_directory = kDefaultDataDirectory;
  try {
    const cni::Object root = request.config();
    const auto section = root.object("ipam");
    if (!section) return place;
    // First what leads to reservations: what comes behind it may be broken.
    if (auto directory = section->text("dataDir"); directory && !directory->empty())
      place.data_directory = std::move(*directory);
    place.type = section->text("type").value_or("");
    place.pools = read_pool_names(request, *section);
    place.patience = read_patience(*section);
  } catch (const std::exception&) {
    // A configuration that cannot be read tells nothing, which is this function's answer.
    return place;
  }
  return place;
}

}  // namespace config

#include "plugin/config/bandwidth.h"

#include <algorithm>
#include <array>

#include "plugin/cni/object.h"
#include "plugin/config/distinct.h"

namespace config {
namespace {

constexpr std::uint64_t kBits = 8;  // in a byte

std::uint64_t read_number(const cni::Object& object, std::string_view key) {
  return static_cast<std::uint64_t>(object.integer(key, 0, INT64_MAX).value_or(0));
}

std::optional<RateLimit> read_limit(const cni::Object& object, const std::string& direction) {
  const std::string rate_key = direction + "Rate";
  const std::string burst_key = direction + "Burst";
  const RateLimit limit{.rate = read_number(object, rate_key),
                        .burst = read_number(object, burst_key)};
  if (limit.rate == 0 && limit.burst == 0) return std::nullopt;
  if (limit.burst == 0) object.reject(burst_key, "is missing; a rate needs a burst");
  if (limit.rate == 0) object.reject(rate_key, "is missing; a burst needs a rate");
  if (limit.rate < kBits) object.reject(rate_key, "is below 8 bit/s, the least there is");
  if (limit.burst / kBits >= UINT32_MAX) object.reject(burst_key, "is 4 GiB or more");
  return limit;
}

std::vector<base::IpPrefix> read_subnets(const cni::Object& object, std::string_view key) {
  Distinct<base::IpPrefix> subnets;
  for (const std::string& text : object.texts(key)) {
    const auto subnet = base::IpPrefix::parse(text);
    if (!subnet) object.reject(key, "\"" + text + "\" is no subnet");
    subnets.add(subnet->network());
  }
  return subnets.take();
}

bool is_given(const cni::Object& root) {
  constexpr std::array<std::string_view, 6> kKeys = {"ingressRate",     "ingressBurst",
                                                     "egressRate",      "egressBurst",
                                                     "unshapedSubnets", "shapedSubnets"};
  return std::any_of(kKeys.begin(), kKeys.end(),
                     [&](std::string_view key) { return root.has(key); });
}

std::optional<cni::Object> find_limits(const cni::Object& root) {
  if (is_given(root)) return root;
  const auto runtime = root.object("runtimeConfig");
  return runtime ? runtime->object("bandwidth") : std::nullopt;
}

}  // namespace

Bandwidth parse_bandwidth(const cni::Request& request) {
  constexpr std::int64_t kLongest = 10'000;  // ms
  const cni::Object root = request.config();
  Bandwidth bandwidth;
  if (const auto latency = root.integer("latency", 1, kLongest))
    bandwidth.latency = std::chrono::milliseconds(*latency);
  const auto limits = find_limits(root);
  if (!limits) return bandwidth;
  bandwidth.ingress = read_limit(*limits, "ingress");
  bandwidth.egress = read_limit(*limits, "egress");
  bandwidth.unshaped = read_subnets(*limits, "unshapedSubnets");
  bandwidth.shaped = read_subnets(*limits, "shapedSubnets");
  if (!bandwidth.unshaped.empty() && !bandwidth.shaped.empty())
    limits->reject("shapedSubnets",
                   "cannot be combined with unshapedSubnets; leave one of them out");
  return bandwidth;
}

}  // namespace config

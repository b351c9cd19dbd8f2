#include "plugin/operations/shared/plan_rules.h"

#include <algorithm>
#include <array>

#include "base/prefix_list.h"

namespace operations {
namespace {

using attachment::Attachment;
using base::Family;
using base::IpPrefix;

IpPrefix multicast_of(Family family) {
  constexpr std::array<std::uint8_t, 4> kIpv4 = {224, 0, 0, 0};
  constexpr std::array<std::uint8_t, 16> kIpv6 = {0xff};
  return family == Family::kIpv4 ? IpPrefix(base::IpAddress::from_bytes(kIpv4), 4)
                                 : IpPrefix(base::IpAddress::from_bytes(kIpv6), 8);
}

std::optional<attachment::Masquerade> plan_masquerade(const config::Masquerade& wanted,
                                                      std::span<const IpPrefix> near,
                                                      const Attachment& attachment) {
  attachment::Masquerade masquerade;
  const auto is_wanted = [&](Family family) {
    return family == Family::kIpv4 ? wanted.ipv4 : wanted.ipv6;
  };
  for (const auto& address : attachment.addresses) {
    if (!is_wanted(address.prefix.family())) continue;
    masquerade.addresses.push_back(address.prefix.address());
    masquerade.except.push_back(address.prefix.network());
  }
  if (masquerade.addresses.empty()) return std::nullopt;
  for (const Family family : attachment::families_of(attachment)) {
    if (!is_wanted(family)) continue;
    masquerade.except.push_back(multicast_of(family));
    for (const auto& prefixes : {std::span<const IpPrefix>(wanted.exclude), near}) {
      std::copy_if(prefixes.begin(), prefixes.end(), std::back_inserter(masquerade.except),
                   [&](const IpPrefix& prefix) { return prefix.family() == family; });
    }
  }
  masquerade.except = base::without_overlaps(std::move(masquerade.except));
  return masquerade;
}

}  // namespace

void plan_rules(const config::Rules& rules, std::span<const IpPrefix> near,
                Attachment& attachment) {
  attachment.masquerade = plan_masquerade(rules.masquerade, near, attachment);
  if (rules.isolation != config::Isolation::kOpen) {
    attachment.isolation = rules.isolation == config::Isolation::kPod
                               ? attachment::Isolation::kPod
                               : attachment::Isolation::kNetwork;
  }
}

std::optional<attachment::Antispoof> plan_antispoof(const config::Rules& rules) {
  if (!rules.check_mac && !rules.check_address) return std::nullopt;
  return attachment::Antispoof{.mac = true, .addresses = rules.check_address};
}

}  // namespace operations

#include "plugin/operations/conditions/condition.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace conditions {
namespace {

constexpr std::array kAll = {
    // configurations and plugins
    Condition{"no-configuration", Stops::kEveryAdd},
    Condition{"configuration-unreadable", Stops::kEveryAdd},
    Condition{"plugin-missing", Stops::kEveryAdd},
    Condition{"runtime-looks-elsewhere", Stops::kEveryAdd},
    Condition{"runtime-unreadable", Stops::kNobody},
    // what an ADD needs
    Condition{"netlink-missing", Stops::kEveryAdd},
    Condition{"state-unwritable", Stops::kEveryAdd},
    Condition{"addresses-unavailable", Stops::kEveryAdd},
    Condition{"bridge-unusable", Stops::kEveryAdd},
    Condition{"nftables-missing", Stops::kEveryAdd},
    Condition{"ipv6-off", Stops::kEveryAdd},
    Condition{"pool-nearly-empty", Stops::kSomeAdds},
    Condition{"blocks-unreadable", Stops::kSomeAdds},
    Condition{"block-lost", Stops::kPackets},
    Condition{"block-not-announced", Stops::kNobody},
    Condition{"bridge-nearly-full", Stops::kSomeAdds},
    // addresses
    Condition{"own-address-in-pool", Stops::kSomeAdds},
    Condition{"next-hop-in-pool", Stops::kPackets},
    Condition{"route-conflict", Stops::kPackets},
    Condition{"subnets-overlap", Stops::kPackets},
    Condition{"bridge-shared", Stops::kEveryAdd},
    // rules of others
    Condition{"forward-policy-drop", Stops::kPackets},
    Condition{"output-policy-drop", Stops::kPackets},
    Condition{"prerouting-policy-drop", Stops::kPackets},
    Condition{"bridge-netfilter", Stops::kPackets},
    Condition{"services-bypassed", Stops::kPackets},
    Condition{"no-hairpin", Stops::kPackets},
    Condition{"port-of-listener", Stops::kPackets},
    // settings of the kernel
    Condition{"forwarding-off", Stops::kPackets},
    Condition{"rp-filter-strict", Stops::kPackets},
    Condition{"rp-filter-off", Stops::kNobody},
    Condition{"arp-off", Stops::kPackets},
    Condition{"advertisements-accepted", Stops::kNobody},
    Condition{"bridge-mac-not-kept", Stops::kNobody},
    Condition{"mtu-mismatch", Stops::kPackets},
    Condition{"conntrack-nearly-full", Stops::kPackets},
    Condition{"neighbours-nearly-full", Stops::kPackets},
    // blocks, and how other nodes know of them
    Condition{"block-not-carried", Stops::kPackets},
    Condition{"block-of-two-nodes", Stops::kPackets},
    Condition{"fabric-session-down", Stops::kPackets},
    Condition{"fabric-daemon-silent", Stops::kPackets},
    Condition{"next-hop-unknown", Stops::kPackets},
    Condition{"restart-waits", Stops::kNobody},
    Condition{"networkd-removes-routes", Stops::kPackets},
    Condition{"vxlan-too-wide", Stops::kPackets},
    // attachments
    Condition{"stale-attachments", Stops::kNobody},
    Condition{"network-renamed", Stops::kPackets},
    Condition{"attachment-broken", Stops::kPackets},
};

void unite(std::vector<std::string>& names, const std::vector<std::string>& more) {
  for (const auto& name : more) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
}

}  // namespace

std::string_view to_string(Stops stops) {
  switch (stops) {
    case Stops::kEveryAdd:
      return "every ADD";
    case Stops::kSomeAdds:
      return "some ADDs";
    case Stops::kPackets:
      return "packets";
    case Stops::kNobody:
      return "nobody yet";
  }
  return "";
}

std::span<const Condition> all() {
  return kAll;
}

const Condition& find(std::string_view name) {
  const auto* at = std::find_if(kAll.begin(), kAll.end(),
                                [&](const Condition& condition) { return condition.name == name; });
  if (at == kAll.end()) throw std::out_of_range("condition " + std::string(name));
  return *at;
}

Diagnoses merged(Diagnoses found) {
  Diagnoses result;
  for (auto& each : found) {
    const auto same = std::find_if(result.begin(), result.end(), [&](const Diagnosis& earlier) {
      return earlier.name == each.name && earlier.text == each.text &&
             earlier.is_error == each.is_error;
    });
    if (same == result.end()) {
      result.push_back(std::move(each));
      continue;
    }
    unite(same->about, each.about);
    if (each.command.empty() || same->command.find(each.command) != std::string::npos) continue;
    same->command += (same->command.empty() ? "" : " && ") + each.command;
  }
  return result;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 3;
  const std::size_t shown = names.size() == kMost + 1 ? kMost + 1 : std::min(names.size(), kMost);
  std::string text;
  for (std::size_t at = 0; at < shown; ++at) text += (at == 0 ? "" : ", ") + names[at];
  if (shown < names.size()) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

}  // namespace conditions

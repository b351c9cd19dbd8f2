#include "plugin/operator/survey.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "netlink/address.h"
#include "plugin/cni/port_mapping.h"
#include "plugin/operator/named.h"
#include "plugin/operator/reservations.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

using attachment::Attachment;
using attachment::Key;

template <class Matches>
const netlink::Link* find_if(const std::vector<netlink::Link>& links, Matches matches) {
  const auto at = std::find_if(links.begin(), links.end(), matches);
  return at == links.end() ? nullptr : &*at;
}

std::optional<netlink::Link> copy_of(const netlink::Link* link) {
  return link == nullptr ? std::nullopt : std::optional(*link);
}

// The types behind another one in a chain have records of their own.
void find_chained(Node& node, Sighting& sighting) {
  if (!attachment::is_valid(sighting.attachment.key)) return;
  for (const auto* type : operations::chained_types()) {
    if (!node.has_chained(*type, sighting.attachment.key)) continue;
    const attachment::RecordStore records(node.records().state_directory(), type->name);
    if (auto found = records.find(sighting.attachment.key))
      sighting.chained.push_back({.type = type, .attachment = std::move(*found)});
  }
}

Sighting from_record(Node& node, const Key& key) {
  Sighting sighting;
  if (auto found = node.records().find(key)) {
    sighting.attachment = std::move(*found);
    sighting.host_end = copy_of(node.find(sighting.attachment.pair.host_name));
    sighting.since = node.records().written_at(key);
    find_chained(node, sighting);
  } else {
    sighting.attachment.key = key;
    sighting.state = State::kUnfinished;
  }
  return sighting;
}

// What the two ends and the master say of a pair that no record tells of.
void describe_pair(Node& node, const netlink::Link& host_end, Sighting& sighting) {
  Attachment& attachment = sighting.attachment;
  sighting.host_end = host_end;
  attachment.pair.host_name = host_end.name;
  attachment.pair.mtu = host_end.mtu;
  attachment.pair.host_mac = host_end.mac.value_or(base::MacAddress());
  if (const auto* master = node.find(host_end.master))
    attachment.bridge_port = attachment::BridgePort{.bridge = master->name};
  if (const auto peer = netlink::find_peer(node.socket(), host_end)) {
    attachment.key.ifname = peer->name;
    attachment.pair.container_mac = peer->mac.value_or(base::MacAddress());
  }
  constexpr std::uint8_t kScopeLink = 253;
  for (const auto& address : netlink::addresses_of_peer(node.socket(), host_end)) {
    if (address.scope < kScopeLink)
      attachment.addresses.push_back({.prefix = address.prefix, .gateway = std::nullopt});
  }
}

Sighting from_marked_link(Node& node, const netlink::Link& link, const Key& key) {
  Sighting sighting;
  describe_pair(node, link, sighting);
  sighting.attachment.key = key;
  sighting.state = State::kBroken;
  sighting.parts.push_back(
      {.step = "record",
       .findings = {"there is no record of it in " + node.records().state_directory()}});
  return sighting;
}

Sighting from_foreign_link(Node& node, const netlink::Link& link) {
  Sighting sighting;
  describe_pair(node, link, sighting);
  sighting.state = State::kOther;
  return sighting;
}

// By the addresses inside, which are the container's own word: one that two of them have names
// neither, and what a type of ours has made of an interface is shown with that interface only.
void name_foreign(Node& node, const Reservations& reserved, std::vector<Sighting>& sightings) {
  std::map<base::IpAddress, int> claims;
  const auto each_claim = [&](const auto& take) {
    for (auto& sighting : sightings) {
      if (sighting.state != State::kOther) continue;
      for (const auto& address : sighting.attachment.addresses)
        take(sighting, address.prefix.address());
    }
  };
  each_claim([&](Sighting&, const base::IpAddress& address) { ++claims[address]; });
  each_claim([&](Sighting& sighting, const base::IpAddress& address) {
    const auto* holder = reserved.find(address);
    if (holder == nullptr || claims[address] > 1) return;
    sighting.attachment.key.network = holder->network;
    sighting.attachment.key.container_id = holder->owner.container_id;
  });
  for (auto& sighting : sightings) {
    if (sighting.state != State::kOther) continue;
    find_chained(node, sighting);
    std::erase_if(sighting.chained, [&](const ChainedRecord& record) {
      const int index = record.attachment.wire.host_index;
      return index != 0 && index != sighting.host_end->index;
    });
  }
}

bool is_pair_into_another_namespace(const netlink::Link& link) {
  return link.kind == "veth" && link.peer_nsid.has_value();
}

void add_what_only_links_tell(Node& node, std::vector<Sighting>& sightings) {
  std::set<std::string> known;
  for (const auto& sighting : sightings) known.insert(sighting.attachment.pair.host_name);
  for (const auto& link : node.links()) {
    if (known.contains(link.name)) continue;
    if (const auto key = attachment::parse_alias(link.alias); key && link.kind == "veth") {
      sightings.push_back(from_marked_link(node, link, *key));
    } else if (is_pair_into_another_namespace(link)) {
      sightings.push_back(from_foreign_link(node, link));
    }
  }
}

// A draft whose ADD is at work has its host end already.
void drop_ends_of_drafts(std::vector<Sighting>& sightings) {
  std::set<Key> unfinished;
  for (const auto& sighting : sightings) {
    if (sighting.state == State::kUnfinished) unfinished.insert(sighting.attachment.key);
  }
  std::erase_if(sightings, [&](const Sighting& sighting) {
    return sighting.state == State::kBroken && unfinished.contains(sighting.attachment.key);
  });
}

}  // namespace

Node::Node(const std::string& state_directory)
    : home_(netlink::Namespace::current()), records_(state_directory) {}

const std::vector<netlink::Link>& Node::links() const {
  if (!links_) links_ = netlink::all_links(socket_);
  return *links_;
}

bool Node::has_chained(const operations::Chained& type, const Key& key) {
  const auto [at, is_new] = chained_.try_emplace(type.name);
  if (is_new) {
    auto keys = attachment::RecordStore(records_.state_directory(), type.name).list_all();
    at->second.insert(std::make_move_iterator(keys.begin()), std::make_move_iterator(keys.end()));
  }
  return at->second.contains(key);
}

const netlink::Link* Node::find(std::string_view name) const {
  if (links_) return find_if(*links_, [&](const auto& link) { return link.name == name; });
  auto link = netlink::find_link(socket_, name);
  return link ? &singles_.emplace_back(std::move(*link)) : nullptr;
}

const netlink::Link* Node::find(int index) const {
  if (links_) return find_if(*links_, [&](const auto& link) { return link.index == index; });
  auto link = netlink::find_link(socket_, index);
  return link ? &singles_.emplace_back(std::move(*link)) : nullptr;
}

std::string_view to_string(State state) {
  switch (state) {
    case State::kUp:
      return "up";
    case State::kBroken:
      return "broken";
    case State::kGone:
      return "gone";
    case State::kUnknown:
      return "unknown";
    case State::kUnfinished:
      return "unfinished";
    case State::kOther:
      break;
  }
  return "other";
}

std::vector<std::string> Sighting::findings() const {
  std::vector<std::string> all;
  for (const Part& part : parts) all.insert(all.end(), part.findings.begin(), part.findings.end());
  return all;
}

std::string title_of(const Sighting& sighting) {
  const auto& attachment = sighting.attachment;
  if (attachment.pod) {
    const auto& [space, name] = *attachment.pod;
    return printable(space.empty() ? name : space + "/" + name);
  }
  const std::string& id = attachment.key.container_id;
  // Nobody has called it so, but its namespace.
  const std::string own = namespace_name(attachment.netns_path);
  if (id.starts_with("cnitool-") && !own.empty()) return printable(own);
  return id.empty() ? "-" : printable(id);
}

std::string_view mode_of(const attachment::Attachment& attachment) {
  if (attachment.bridge_port) return "bridge";
  if (attachment.routed_port) return "routed";
  return attachment.ptp_port ? "ptp" : "";
}

std::vector<std::string> ports_of(const Sighting& sighting) {
  std::vector<std::string> texts;
  const auto add = [&](const Attachment& attachment) {
    if (!attachment.host_ports) return;
    for (const auto& mapping : attachment.host_ports->mappings)
      texts.push_back(cni::to_string(mapping) + " → " + std::to_string(mapping.container_port));
  };
  add(sighting.attachment);
  for (const auto& each : sighting.chained) add(each.attachment);
  return texts;
}

std::string path_of(const Sighting& sighting) {
  if (sighting.attachment.bridge_port) return sighting.attachment.bridge_port->bridge;
  const std::string_view mode = mode_of(sighting.attachment);
  return mode.empty() ? "-" : std::string(mode);
}

std::vector<Sighting> survey(Node& node, const std::vector<std::string>& reservations) {
  auto sightings = survey_unexamined(node, reservations);
  for (Sighting& sighting : sightings) examine_if_finished(node, sighting);
  return sightings;
}

Sighting survey_one(Node& node, const Key& key) {
  Sighting sighting = from_record(node, key);
  examine_if_finished(node, sighting);
  return sighting;
}

void examine_if_finished(Node& node, Sighting& sighting) {
  if (sighting.state == State::kUp) examine(node, sighting);
  if (sighting.state == State::kOther) examine_chained(node, sighting);
}

std::vector<Sighting> survey_unexamined(Node& node, const std::vector<std::string>& reservations) {
  (void)node.links();  // one by one they would cost more
  std::vector<Sighting> sightings;
  for (const Key& key : node.records().list_all()) sightings.push_back(from_record(node, key));
  add_what_only_links_tell(node, sightings);
  name_foreign(node, Reservations(reservations), sightings);
  drop_ends_of_drafts(sightings);
  std::sort(sightings.begin(), sightings.end(), [](const Sighting& left, const Sighting& right) {
    const auto rank = [](const Sighting& sighting) {
      const auto& key = sighting.attachment.key;
      return std::tuple(sighting.state == State::kOther, std::string_view(key.network),
                        title_of(sighting), std::string_view(key.ifname),
                        std::string_view(sighting.attachment.pair.host_name));
    };
    return rank(left) < rank(right);
  });
  return sightings;
}

}  // namespace tool

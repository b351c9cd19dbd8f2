#include "plugin/operator/trace/world.h"

#include <algorithm>

#include "base/error.h"
#include "netlink/nsid.h"
#include "netlink/sysctl.h"
#include "plugin/operator/files.h"
#include "plugin/ruleset/kernel.h"

namespace tool::trace {
namespace {

netlink::Namespace copy_of(const netlink::Namespace& space) {
  return netlink::Namespace::open("/proc/self/fd/" + std::to_string(space.fd()));
}

// The same path may be another's, or nobody's, by the time it is opened.
std::optional<netlink::Namespace> find_space(const std::string& path) {
  try {
    return netlink::Namespace::find(path);
  } catch (const base::SystemError&) {
    return std::nullopt;
  }
}

}  // namespace

Ground::Ground(netlink::Namespace space, const netlink::Namespace& home, std::string title)
    : space_(std::move(space)),
      home_(home),
      title_(std::move(title)),
      routes_(netlink::Socket::in(space_, home_)) {}

netlink::Socket* Ground::netfilter() {
  if (!has_asked_) {
    has_asked_ = true;
    const netlink::ScopedEntry inside(space_, home_);
    netfilter_ = ruleset::find_nftables();
  }
  return netfilter_ ? &*netfilter_ : nullptr;
}

const std::vector<netlink::Link>& Ground::links() {
  if (!links_) links_ = netlink::all_links(routes_);
  return *links_;
}

const netlink::Link* Ground::find(int index) {
  const auto& all = links();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const auto& link) { return link.index == index; });
  return at == all.end() ? nullptr : &*at;
}

const std::vector<netlink::nft::BaseChain>& Ground::chains() {
  if (!chains_) {
    auto* socket = netfilter();
    chains_ = socket == nullptr ? std::vector<netlink::nft::BaseChain>{}
                                : netlink::nft::base_chains(*socket);
  }
  return *chains_;
}

std::optional<std::string> Ground::sysctl(const std::string& key) const {
  const netlink::ScopedEntry inside(space_, home_);
  return netlink::read_sysctl(key);
}

World::World(Node& node, const std::vector<Sighting>& sightings)
    : node_(node), home_(node.home()), sightings_(sightings) {
  grounds_.push_back(std::make_unique<Ground>(copy_of(home_), home_, "host"));
}

Ground& World::open(const netlink::Namespace& space, const std::string& title) {
  for (const auto& ground : grounds_) {
    if (ground->space().identity() == space.identity()) return *ground;
  }
  grounds_.push_back(std::make_unique<Ground>(copy_of(space), home_, title));
  return *grounds_.back();
}

Ground* World::ground_of(const Sighting& sighting) {
  if (const auto space = find_container(node_, sighting)) return &open(*space, title_of(sighting));
  // Of another plugin's attachment the pair alone tells where it is.
  if (!sighting.host_end) return nullptr;
  const auto end = other_end(host(), *sighting.host_end);
  return end ? end->ground : nullptr;
}

std::string World::title_of_space(const netlink::NamespaceIdentity& identity,
                                  const std::string& otherwise) const {
  for (const auto& sighting : sightings_) {
    const auto& recorded = sighting.attachment.netns;
    if (recorded.inode == identity.inode && recorded.device == identity.device)
      return title_of(sighting);
  }
  return otherwise;
}

void World::find_candidates() {
  candidates_.emplace();
  const auto add = [&](const std::string& path, const std::string& name) {
    auto space = find_space(path);
    if (!space) return;
    const auto same = [&](const Candidate& each) {
      return each.space.identity() == space->identity();
    };
    if (std::any_of(candidates_->begin(), candidates_->end(), same)) return;
    auto title = title_of_space(space->identity(), name);
    candidates_->push_back({.space = std::move(*space), .title = std::move(title)});
  };
  for (const auto& name : names_in("/run/netns")) add("/run/netns/" + name, "netns " + name);
  for (const auto& sighting : sightings_) add(sighting.attachment.netns_path, title_of(sighting));
  for (const auto& process : processes()) add("/proc/" + process + "/ns/net", "process " + process);
}

// What a namespace knows another one by. The kernel gives numbers out when it tells of links.
const std::map<int, std::size_t>& World::numbers_of(Ground& ground) {
  const auto known = numbers_.find(&ground);
  if (known != numbers_.end()) return known->second;
  if (!candidates_) find_candidates();
  auto& numbers = numbers_[&ground];
  for (std::size_t i = 0; i < candidates_->size(); ++i) {
    if (const auto number = netlink::find_nsid(ground.routes(), (*candidates_)[i].space))
      numbers[*number] = i;
  }
  return numbers;
}

std::optional<Interface> World::other_end(Ground& ground, const netlink::Link& link) {
  if (link.kind != "veth" || link.peer == 0) return std::nullopt;
  Ground* there = &ground;
  if (link.peer_nsid) {
    const auto& numbers = numbers_of(ground);
    const auto at = numbers.find(*link.peer_nsid);
    if (at == numbers.end()) return std::nullopt;
    const auto& candidate = (*candidates_)[at->second];
    const bool is_host = candidate.space.identity() == home_.identity();
    there = is_host ? &host() : &open(candidate.space, candidate.title);
  }
  const auto* end = there->find(link.peer);
  return end == nullptr ? std::nullopt : std::optional(Interface{there, end});
}

}  // namespace tool::trace

#include "plugin/operator/trace/segment.h"

#include <algorithm>
#include <charconv>

#include <linux/rtnetlink.h>

#include "netlink/address.h"
#include "netlink/fdb.h"
#include "netlink/route_question.h"

namespace tool::trace {
namespace {

constexpr std::size_t kDeepest = 8;  // bridges one behind the other

bool has_address(const Interface& end, const base::IpAddress& address) {
  const auto all = netlink::addresses_of(end.ground->routes(), *end.link);
  return std::any_of(all.begin(), all.end(), [&](const auto& each) {
    return each.prefix.address() == address && !each.failed_dad() && !each.is_tentative();
  });
}

bool answers_arp(const Interface& end, const base::IpAddress& address,
                 const base::IpAddress& source) {
  const auto answer = netlink::ask_route(
      end.ground->routes(), {.destination = address, .source = source, .in_link = end.link->index});
  if (answer.error != 0 || !answer.way) return false;
  if (answer.way->type == RTN_LOCAL)
    return setting_of(end, "arp_ignore") == 0 || has_address(end, address);
  return answer.way->type == RTN_UNICAST && answer.way->out_link != end.link->index &&
         setting_of(end, "proxy_arp") != 0;
}

}  // namespace

int setting_of(const Interface& end, const std::string& name) {
  const auto read = [&](const std::string& interface) {
    const auto text = end.ground->sysctl("net/ipv4/conf/" + interface + "/" + name);
    int number = 0;
    if (text) (void)std::from_chars(text->data(), text->data() + text->size(), number);
    return number;
  };
  return std::max(read("all"), read(end.link->name));
}

bool answers_for(const Interface& end, const base::IpAddress& address,
                 const base::IpAddress& source) {
  if (!end.link->is_up()) return false;
  return address.is_v4() ? answers_arp(end, address, source) : has_address(end, address);
}

std::optional<Cable> Segment::run(Ground& ground, const netlink::Link& out, Search& search) {
  if (out.kind == "bridge") {
    through(ground, out, nullptr, search);
  } else {
    beyond(ground, out, search);
  }
  if (!search.found && !search.unseen.empty())
    return Cable{.passages = search.unseen_path, .end = {}, .unseen = search.unseen};
  return search.found;
}

std::optional<Cable> Segment::find(Ground& ground, const netlink::Link& out,
                                   const base::MacAddress& mac) {
  Search search{.is_meant = [&](const Interface& end) { return end.link->mac == mac; }, .mac = mac};
  return run(ground, out, search);
}

std::optional<Cable> Segment::find_owner(Ground& ground, const netlink::Link& out,
                                         const base::IpAddress& address,
                                         const base::IpAddress& source) {
  Search search{.is_meant = [&](const Interface& end) { return answers_for(end, address, source); },
                .address = address};
  return run(ground, out, search);
}

void Segment::beyond(Ground& ground, const netlink::Link& port, Search& search) {
  if (const auto end = world_.other_end(ground, port)) {
    enter(*end, search);
  } else if (search.unseen.empty()) {
    search.unseen = ground.title() + " " + port.name;
    search.unseen_path = search.path;
  }
}

void Segment::enter(const Interface& arrival, Search& search) {
  const auto* master =
      arrival.link->master == 0 ? nullptr : arrival.ground->find(arrival.link->master);
  if (master != nullptr && master->kind == "bridge") {
    through(*arrival.ground, *master, arrival.link, search);
  } else if (search.is_meant(arrival)) {
    search.found = Cable{.passages = search.path, .end = arrival};
  }
}

void Segment::through(Ground& ground, const netlink::Link& bridge, const netlink::Link* in,
                      Search& search) {
  if (search.path.size() == kDeepest) return;
  const auto step = [&](const netlink::Link* out, const std::function<void()>& go) {
    search.path.push_back({.ground = &ground, .bridge = &bridge, .in = in, .out = out});
    go();
    search.path.pop_back();
  };
  const Interface own{&ground, &bridge};
  if (in != nullptr && search.is_meant(own)) {
    step(nullptr, [&] { search.found = Cable{.passages = search.path, .end = own}; });
    return;
  }
  for (const auto& port : ground.links()) {
    if (search.found) return;
    if (port.master != bridge.index || &port == in) continue;
    if (may_be_behind(ground, bridge, port, search))
      step(&port, [&] { beyond(ground, port, search); });
  }
}

// So that not every container is looked into: what the bridge has learnt, and the addresses that
// the kernel tells of the other end.
bool Segment::may_be_behind(Ground& ground, const netlink::Link& bridge, const netlink::Link& port,
                            const Search& search) const {
  if (search.mac) {
    const auto entry = netlink::find_fdb_entry(ground.routes(), bridge.index, *search.mac);
    if (entry) return entry->port == port.index;
  }
  if (port.kind != "veth" || !port.peer_nsid) return true;
  if (search.mac) {
    const auto peer = netlink::find_peer(ground.routes(), port);
    return !peer || peer->mac == search.mac || peer->master != 0;
  }
  const auto addresses = netlink::addresses_of_peer(ground.routes(), port);
  return addresses.empty() || !search.address ||
         std::any_of(addresses.begin(), addresses.end(),
                     [&](const auto& each) { return each.prefix.address() == *search.address; });
}

}  // namespace tool::trace

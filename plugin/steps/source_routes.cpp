// The way out of what has an address of a container's second interface, or third, as its source.
// The main table has one default route that counts, the first interface's: without this, answers
// would leave there, and be dropped by whoever looks at where packets come from.
#include <algorithm>
#include <cerrno>

#include <net/if.h>

#include "netlink/rule.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;
using Hops = std::vector<netlink::Route>;

// Indexes are given in order, and the first one is lo's: who has the second came first, and nobody
// has to be asked.
bool has_another_interface(World& world) {
  constexpr int kFirstIndex = 2;
  const int own = world.container_end->index;
  if (own <= kFirstIndex) return false;
  const auto links = netlink::all_links(*world.container);
  return std::any_of(links.begin(), links.end(), [&](const auto& link) {
    return link.index != own && link.is_up() && (link.flags & IFF_LOOPBACK) == 0;
  });
}

std::vector<netlink::SourceRule> rules_of(const Attachment& attachment) {
  std::vector<netlink::SourceRule> rules;
  for (const auto& address : attachment.addresses) {
    rules.push_back({.source = address.prefix.address(),
                     .table = attachment.source_routes->table,
                     .priority = attachment::kSourceRulePriority});
  }
  return rules;
}

// As the kernel has them in the main table, where it does.
void list_subnets(const Attachment& attachment, int link, std::vector<Hops>& list) {
  if (attachment.ptp_port) return;
  for (const auto& address : attachment.addresses) {
    if (address.prefix.is_host()) continue;
    netlink::Route route{.destination = address.prefix.network(), .out_link = link};
    if (route.destination.family() == base::Family::kIpv4) route.source = address.prefix.address();
    list.push_back({std::move(route)});
  }
}

void list_configured(const Attachment& attachment, int link, std::vector<Hops>& list) {
  for (const auto& bundle : find_multipaths(attachment.routes)) {
    if (attachment.routes[bundle.front()].table) continue;
    Hops hops;
    for (const std::size_t each : bundle)
      hops.push_back(to_kernel(attachment, attachment.routes[each], link));
    list.push_back(std::move(hops));
  }
}

std::vector<base::IpAddress> gateways_of(const Attachment& attachment) {
  if (attachment.routed_port) return attachment.routed_port->next_hops;
  std::vector<base::IpAddress> gateways;
  for (const auto& address : attachment.addresses) {
    if (address.gateway) gateways.push_back(*address.gateway);
  }
  return gateways;
}

// Whoever asks from afar came through the gateway, be it the way of this network's or not.
void list_defaults(const Attachment& attachment, int link, std::vector<Hops>& list) {
  for (const auto& gateway : gateways_of(attachment)) {
    const base::IpPrefix everything = base::IpPrefix(gateway, 0).network();
    if (std::any_of(list.begin(), list.end(),
                    [&](const auto& hops) { return hops.front().destination == everything; }))
      continue;
    list.push_back({to_kernel(attachment, {.destination = everything, .gateway = gateway}, link)});
  }
}

// In an order in which each has its next hop when it is made.
std::vector<Hops> routes_of(const Attachment& attachment, int link) {
  std::vector<Hops> list;
  list_subnets(attachment, link, list);
  list_configured(attachment, link, list);
  list_defaults(attachment, link, list);
  for (Hops& hops : list) {
    for (auto& hop : hops) hop.table = attachment.source_routes->table;
  }
  return list;
}

void add_rules(World& world, const Attachment& attachment, base::Rollback& undo) {
  for (const auto& rule : rules_of(attachment)) {
    perform(
        undo, "rule " + netlink::to_string(rule),
        [&] { return netlink::add_rule(*world.container, rule); },
        [&world, rule] { netlink::remove_rule(*world.container, rule); });
  }
}

// The rules first: they alone say whether the kernel has more than one table.
void apply(World& world, Attachment& attachment, base::Rollback& undo) {
  if (!attachment.source_routes || attachment.addresses.empty()) return;
  if (!attachment.pair.container_up || !has_another_interface(world)) return;
  const int link = world.container_end->index;
  attachment.source_routes->table = attachment::source_table_of(link);
  world.amended = true;
  try {
    add_rules(world, attachment, undo);
  } catch (const netlink::Error& error) {
    if (error.code() != EOPNOTSUPP && error.code() != EAFNOSUPPORT) throw;
    attachment.source_routes.reset();
    return;
  }
  for (const Hops& hops : routes_of(attachment, link))
    (void)add_to_kernel(*world.container, attachment, hops);
}

bool is_made(const Attachment& attachment) {
  return attachment.source_routes && attachment.source_routes->table != 0;
}

std::vector<netlink::SourceRule> missing_rules(World& world, const Attachment& attachment) {
  auto missing = rules_of(attachment);
  const auto seen = netlink::source_rules(*world.container);
  std::erase_if(missing, [&](const auto& wanted) {
    return std::any_of(seen.begin(), seen.end(), [&](const auto& rule) {
      return rule.source == wanted.source && rule.table == wanted.table;
    });
  });
  return missing;
}

bool has(const Hops& seen, const netlink::Route& wanted) {
  return std::any_of(seen.begin(), seen.end(), [&](const auto& route) {
    return route.destination == wanted.destination && route.gateway == wanted.gateway;
  });
}

std::vector<Hops> missing_routes(World& world, const Attachment& attachment) {
  auto seen = netlink::routes_through(*world.container, world.container_end->index);
  std::erase_if(seen, [&](const auto& route) { return !is_source_route(route, attachment); });
  auto missing = routes_of(attachment, world.container_end->index);
  std::erase_if(missing, [&](const Hops& hops) {
    return std::all_of(hops.begin(), hops.end(), [&](const auto& hop) { return has(seen, hop); });
  });
  return missing;
}

bool can_look(const World& world, const Attachment& attachment) {
  return is_made(attachment) && world.container_end && world.container_end->is_up();
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  if (!can_look(world, attachment)) return;
  const std::string where = " in the container of " + attachment.key.ifname + " is missing";
  for (const auto& rule : missing_rules(world, attachment))
    findings.push_back("rule " + netlink::to_string(rule) + where);
  for (const Hops& hops : missing_routes(world, attachment))
    findings.push_back("route " + netlink::to_string(hops.front()) + where);
}

void restore(World& world, const Attachment& attachment, Findings& restored) {
  if (!attachment.pair.container_up || !can_look(world, attachment)) return;
  for (const auto& rule : missing_rules(world, attachment)) {
    if (netlink::add_rule(*world.container, rule))
      restored.push_back("rule " + netlink::to_string(rule));
  }
  for (const Hops& hops : missing_routes(world, attachment)) {
    for (const auto& hop : hops) (void)netlink::remove_route(*world.container, hop);
    if (add_to_kernel(*world.container, attachment, hops))
      restored.push_back("route " + netlink::to_string(hops.front()));
  }
}

std::uint32_t find_table(netlink::Socket& container, const Attachment& attachment) {
  if (is_made(attachment)) return attachment.source_routes->table;
  const auto link = netlink::find_link(container, attachment.key.ifname);
  return link ? attachment::source_table_of(link->index) : 0;
}

// Routes go with the interface, rules do not. An ADD that was killed may have made some that its
// record does not say.
void remove(World& world, const Attachment& attachment) {
  if (!is_made(attachment) && attachment.finished) return;
  const auto namespace_of_container = attachment::find_container(attachment);
  if (!namespace_of_container) return;
  auto container = netlink::Socket::in(*namespace_of_container, world.host_namespace);
  if (const std::uint32_t table = find_table(container, attachment); table != 0)
    netlink::remove_rules_to(container, table, attachment::kSourceRulePriority);
}

}  // namespace

bool is_source_route(const netlink::Route& route, const Attachment& attachment) {
  return is_made(attachment) && route.table == attachment.source_routes->table;
}

bool is_routed_by_others(World& world, const Attachment& attachment) {
  if (!is_made(attachment)) return false;
  const auto own = rules_of(attachment);
  const auto seen = netlink::source_rules(*world.container);
  return std::any_of(seen.begin(), seen.end(), [&](const auto& rule) {
    return std::any_of(own.begin(), own.end(), [&](const auto& each) {
      return rule.source == each.source && rule.table != each.table;
    });
  });
}

const Step kSourceRoutes = {
    .name = "source routes", .apply = apply, .check = check, .remove = remove, .restore = restore};

}  // namespace steps

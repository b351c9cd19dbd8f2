#include "plugin/operator/trace/marking.h"

#include <cerrno>

#include <linux/in.h>
#include <linux/netfilter.h>

#include "netlink/error.h"
#include "netlink/nft/query.h"
#include "netlink/nft/transaction.h"
#include "plugin/ruleset/match.h"

namespace tool::trace {
namespace {

using netlink::nft::Base;
using netlink::nft::compare;
using netlink::nft::Comparison;
using netlink::nft::load_payload;
using netlink::nft::Meta;
using netlink::nft::Table;
using netlink::nft::TableFamily;

// Before connection tracking, its defragmentation, and the rules of all others.
constexpr int kFirst = -1000;

const Table kTables[] = {{.family = TableFamily::kInet, .name = kMarkingTable},
                         {.family = TableFamily::kBridge, .name = kMarkingTable}};

ruleset::Expressions has_bytes(Base base, unsigned offset, const netlink::nft::Bytes& value) {
  return {load_payload(base, offset, static_cast<unsigned>(value.size())),
          compare(Comparison::kEqual, value)};
}

// Of an echo the identifier is where others have no ports.
ruleset::Expressions ports_of(const Packet& packet) {
  constexpr unsigned kIdentifier = 4;
  const auto source = netlink::nft::port_value(packet.source_port);
  const auto destination = netlink::nft::port_value(packet.destination_port);
  if (packet.protocol == IPPROTO_ICMP || packet.protocol == IPPROTO_ICMPV6)
    return has_bytes(Base::kTransport, kIdentifier, packet.source_port != 0 ? source : destination);
  return ruleset::join(
      {has_bytes(Base::kTransport, 0, source), has_bytes(Base::kTransport, 2, destination)});
}

netlink::nft::Rule rule_for(const Table& table, const Packet& packet) {
  const bool v4 = packet.family() == base::Family::kIpv4;
  return {.expressions = ruleset::join(
              {ruleset::is_family(packet.family(), table),
               has_bytes(Base::kNetwork, v4 ? 12 : 8, netlink::nft::value_of(packet.source)),
               has_bytes(Base::kNetwork, v4 ? 16 : 24, netlink::nft::value_of(packet.destination)),
               {netlink::nft::load_meta(Meta::kL4Proto),
                compare(Comparison::kEqual, {packet.protocol})},
               ports_of(packet),
               {netlink::nft::trace()}})};
}

netlink::Socket open_netfilter(const Ground& ground) {
  return netlink::Socket::in(ground.space(), ground.home(), netlink::Protocol::kNetfilter);
}

}  // namespace

bool remove_leftover_marking(netlink::Socket& netfilter) {
  netlink::nft::Transaction transaction;
  for (const auto& table : kTables) {
    if (netlink::nft::has_table(netfilter, table)) transaction.remove_table(table);
  }
  if (transaction.empty()) return false;
  transaction.commit(netfilter);
  return true;
}

Marking::Marking(Ground& ground, const std::vector<Packet>& packets)
    : ground_(ground), netfilter_(open_netfilter(ground)), tracer_(ground.space(), ground.home()) {
  remove_leftover_marking(netfilter_);
  try {
    make(packets, true);
  } catch (const netlink::Error& error) {
    if (error.code() != EINVAL && error.code() != EOPNOTSUPP) throw;
    make(packets, false);
  }
}

void Marking::make(const std::vector<Packet>& packets, bool is_owned) {
  netlink::nft::Transaction transaction;
  for (const auto& table : kTables) {
    is_owned ? transaction.add_owned_table(table) : transaction.add_table(table);
    for (const auto& [name, hook] :
         {std::pair("in", NF_INET_PRE_ROUTING), std::pair("out", NF_INET_LOCAL_OUT)}) {
      transaction.add_chain(
          table, {.name = name,
                  .hook = netlink::nft::Hook{"filter", static_cast<unsigned>(hook), kFirst}});
      for (const auto& packet : packets) transaction.add_rule(table, name, rule_for(table, packet));
    }
  }
  transaction.commit(netfilter_);
}

// Where this fails the table goes with the socket.
Marking::~Marking() {
  try {
    remove_leftover_marking(netfilter_);
  } catch (const std::exception&) {
  }
}

std::vector<netlink::nft::TraceEvent> Marking::events() {
  std::vector<netlink::nft::TraceEvent> events;
  tracer_.read(events);
  std::erase_if(events, [](const auto& event) { return event.table.name == kMarkingTable; });
  return events;
}

}  // namespace tool::trace

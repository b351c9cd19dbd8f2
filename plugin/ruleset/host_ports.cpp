// The text of host ports' rules: maps from ports of the node to containers.
#include <set>
#include <utility>

#include <linux/netfilter.h>

#include "base/digest.h"
#include "plugin/ruleset/match.h"
#include "plugin/ruleset/parts.h"

// A packet to an address of the host itself (CVE-2025-67499 is what happens without) is looked up
// by protocol and port, once with its address and once without, and gets a new destination; where
// portmap has conditions, in maps for those packets alone. That
// alone serves those whose answers come back this way. The rest is made to appear to come from the
// host: what leaves by the interface that it came in by, because there the answer would take the
// short way; what a container sends to itself, which the first does not see where br_netfilter is
// at work; and what comes from 127.0.0.1.

namespace ruleset {
namespace {

using attachment::Attachment;
using attachment::PortTarget;
using base::Family;
using cni::PortCondition;
using netlink::nft::Bytes;
using netlink::nft::concatenate;
using netlink::nft::Hook;
using netlink::nft::port_value;
using netlink::nft::Rule;
using netlink::nft::Type;
using netlink::nft::value_of;

const char* const kPortChain = "host_ports";
const char* const kSourceChain = "host_port_sources";

// What comes behind the names of chains and maps for packets of these conditions: a digest of them.
std::string ending_of(const std::vector<PortCondition>& conditions, Family family) {
  if (conditions.empty()) return {};
  constexpr std::size_t kDigits = 8;
  std::string text = suffix(family);
  for (const auto& condition : conditions) text += " " + cni::to_string(condition);
  return "-" + base::sha512_hex(text, kDigits);
}

std::string ports(Family family, const std::string& ending = {}) {
  return "ports" + suffix(family) + ending;
}
std::string ports_at(Family family, const std::string& ending = {}) {
  return "ports" + suffix(family) + "_at" + ending;
}
std::string returns(Family family) {
  return "port_returns" + suffix(family);
}
std::string port_sources(Family family) {
  return "port_sources" + suffix(family);
}
std::string masqueraded(Family family) {
  return "port_masquerade" + suffix(family);
}

void add_maps(Part& part, Family family, const std::string& ending) {
  const Type address = address_type(family);
  const std::vector<Type> target = {address, Type::kPort};
  part.sets.push_back(
      {.name = ports(family, ending), .key = {Type::kProtocol, Type::kPort}, .data = target});
  part.sets.push_back({.name = ports_at(family, ending),
                       .key = {address, Type::kProtocol, Type::kPort},
                       .data = target});
}

void add_sets(Part& part, Family family) {
  const Type address = address_type(family);
  add_maps(part, family, {});
  part.sets.push_back({.name = returns(family), .key = {Type::kInterface, address}});
  part.sets.push_back({.name = port_sources(family), .key = {address, address}});
  part.sets.push_back({.name = masqueraded(family), .key = {address}});
}

// The port lies behind the address.
Expressions translate(Family family) {
  return {netlink::nft::dnat(family, 0, family == Family::kIpv4 ? 1 : 4)};
}

Expressions is_one_of(const PortCondition& condition, Family family) {
  const bool v4 = family == Family::kIpv4;
  const bool is_source = condition.of == PortCondition::Of::kSource;
  const unsigned offset = v4 ? (is_source ? 12 : 16) : (is_source ? 8 : 24);
  return {netlink::nft::load_payload(netlink::nft::Base::kNetwork, offset, v4 ? 4 : 16),
          netlink::nft::look_up_prefixes(
              kTable, condition.prefixes,
              condition.none ? netlink::nft::Membership::kNotIn : netlink::nft::Membership::kIn)};
}

// Of a name with a '*' only what comes before it is compared.
Expressions is_interface(const std::string& name, bool none) {
  Bytes value(name.begin(), name.end());
  if (name.ends_with('*')) {
    value.pop_back();
  } else {
    value = netlink::nft::interface_value(name);
  }
  return {
      netlink::nft::load_meta(netlink::nft::Meta::kInName),
      netlink::nft::compare(
          none ? netlink::nft::Comparison::kNotEqual : netlink::nft::Comparison::kEqual, value)};
}

// What each of the rules asks for: there is one for each interface of a list, any of which will do.
std::vector<Expressions> alternatives_of(const std::vector<PortCondition>& conditions,
                                         Family family) {
  std::vector<Expressions> alternatives(1);
  for (const auto& condition : conditions) {
    std::vector<Expressions> choices;
    if (condition.of != PortCondition::Of::kInterface) {
      choices = {is_one_of(condition, family)};
    } else if (condition.none) {
      choices.emplace_back();
      for (const auto& name : condition.interfaces)
        choices.front() = join({choices.front(), is_interface(name, true)});
    } else {
      for (const auto& name : condition.interfaces) choices.push_back(is_interface(name, false));
    }
    std::vector<Expressions> longer;
    for (const auto& before : alternatives) {
      for (const auto& choice : choices) longer.push_back(join({before, choice}));
    }
    alternatives = std::move(longer);
  }
  return alternatives;
}

// Of the node's own addresses those that no port without an address is published on: a service of
// the node's gets what is sent there, and where none listens, it is refused at once. Of 127.0.0.0/8
// all but 127.0.0.1, such as a resolver's 127.0.0.53; of IPv6 ::1 and what a link alone knows,
// because no answer of a container's gets there: the kernel takes neither from another link
// (rt6_need_strict).
std::vector<Rule> leave_alone(Family family) {
  using namespace netlink::nft;
  const Expressions of_family = is_family(family, kTable);
  if (family == Family::kIpv4)
    return {{.expressions =
                 join({of_family,
                       {load_payload(Base::kNetwork, 16, 1), compare(Comparison::kEqual, {127}),
                        load_payload(Base::kNetwork, 16, 4),
                        compare(Comparison::kNotEqual, {127, 0, 0, 1}), leave()}})}};
  Bytes link_local(16);
  Bytes first_bits(16);
  Bytes localhost(16);
  link_local[0] = 0xfe;
  link_local[1] = 0x80;
  first_bits[0] = 0xff;
  first_bits[1] = 0xc0;
  localhost[15] = 1;
  const auto destination = load_payload(Base::kNetwork, 24, 16);
  return {{.expressions =
               join({of_family, {destination, compare(Comparison::kEqual, localhost), leave()}})},
          {.expressions = join({of_family,
                                {destination, mask(first_bits),
                                 compare(Comparison::kEqual, link_local), leave()}})}};
}

void add_translations(Chain& chain, Family family,
                      const std::vector<PortCondition>& conditions = {}) {
  const std::string ending = ending_of(conditions, family);
  const Expressions of_family = is_family(family, kTable);
  const auto add = [&](const Expressions& before, const Expressions& look_up) {
    for (const auto& condition : alternatives_of(conditions, family))
      chain.rules.push_back({.expressions = join({before, condition, look_up, translate(family)})});
  };
  add(of_family,
      look_up_in(family, {Field::kDestination, Field::kL4Protocol, Field::kDestinationPort},
                 ports_at(family, ending)));
  for (auto& rule : leave_alone(family)) chain.rules.push_back(std::move(rule));
  // Without a word of addresses no packet need be asked for its family.
  add(conditions.empty() ? Expressions{} : of_family,
      look_up_in(family, {Field::kL4Protocol, Field::kDestinationPort}, ports(family, ending)));
}

void add_masquerades(Chain& chain, Family family) {
  const auto masquerade = [&](std::initializer_list<Field> fields, const std::string& set) {
    chain.rules.push_back({.expressions = join({is_family(family, kTable),
                                                in_set(family, fields, set),
                                                {netlink::nft::masquerade()}})});
  };
  masquerade({Field::kInName, Field::kDestination}, returns(family));
  masquerade({Field::kSource, Field::kDestination}, port_sources(family));
  masquerade({Field::kDestination}, masqueraded(family));
}

// With route_localnet, which 127.0.0.1 needs, the kernel would let neighbours in, too.
Rule guard_loopback() {
  using namespace netlink::nft;
  return {.expressions = join(
              {{load_meta(Meta::kInName), compare(Comparison::kNotEqual, interface_value("lo"))},
               is_family(Family::kIpv4, kTable),
               {load_payload(Base::kNetwork, 16, 1), compare(Comparison::kEqual, {127}), drop()}})};
}

Chain make_base(std::string name, Hook hook, Rule rule) {
  return {.chain = {.name = std::move(name), .hook = std::move(hook)}, .rules = {std::move(rule)}};
}

Rule jump_to(const std::string& chain, const Expressions& condition) {
  return {.expressions = join({condition, {netlink::nft::jump(chain)}})};
}

// Just before others that translate sources (100), who would leave alone what needs it here.
constexpr int kBeforeOthers = 99;
constexpr int kDestination = -100;
constexpr int kRaw = -300;

// The maps for packets of these conditions, and chains that look into them before those for any.
Part make_conditional_part(const std::vector<PortCondition>& conditions, Family family) {
  const std::string ending = ending_of(conditions, family);
  const std::string chain = kPortChain + ending;
  Part part{.table = kTable, .sets = {}, .chains = {}};
  add_maps(part, family, ending);
  Chain translation{.chain = {.name = chain}, .rules = {}, .jumps = 2};
  add_translations(translation, family, conditions);
  part.chains = {std::move(translation),
                 make_base("prerouting" + ending, {"nat", NF_INET_PRE_ROUTING, kDestination - 1},
                           jump_to(chain, is_for_host())),
                 make_base("output" + ending, {"nat", NF_INET_LOCAL_OUT, kDestination - 1},
                           jump_to(chain, is_for_host()))};
  return part;
}

Part make_part() {
  Part part{.table = kTable, .sets = {}, .chains = {}};
  Chain translation{.chain = {.name = kPortChain}, .rules = {}, .jumps = 2};
  Chain source{.chain = {.name = kSourceChain}, .rules = {}, .jumps = 1};
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    add_sets(part, family);
    add_translations(translation, family);
    add_masquerades(source, family);
  }
  part.chains = {
      std::move(translation),
      std::move(source),
      make_base("prerouting", {"nat", NF_INET_PRE_ROUTING, kDestination},
                jump_to(kPortChain, is_for_host())),
      make_base("output", {"nat", NF_INET_LOCAL_OUT, kDestination},
                jump_to(kPortChain, is_for_host())),
      make_base("port_postrouting", {"nat", NF_INET_POST_ROUTING, kBeforeOthers},
                jump_to(kSourceChain, is_translated())),
      make_base("loopback_guard", {"filter", NF_INET_PRE_ROUTING, kRaw}, guard_loopback())};
  return part;
}

class Elements {
 public:
  Elements(const Attachment& attachment, Wanted& wanted)
      : owner_(attachment::comment_of(attachment.key)), wanted_(wanted) {}

  void add_mapping(const cni::PortMapping& mapping, const PortTarget& target) {
    const Family family = target.address.family();
    if (!cni::covers(mapping, family)) return;
    const Bytes protocol =
        netlink::nft::protocol_value(static_cast<std::uint8_t>(mapping.protocol));
    const Bytes port = port_value(mapping.host_port);
    const Bytes data = concatenate({value_of(target.address), port_value(mapping.container_port)});
    const std::string what = describe(mapping);
    const std::string ending = ending_of(target.conditions, family);
    if (mapping.host_address && !mapping.host_address->is_unspecified()) {
      add(ports_at(family, ending), concatenate({value_of(*mapping.host_address), protocol, port}),
          what, data);
    } else {
      add(ports(family, ending), concatenate({protocol, port}), what, data);
    }
  }

  void add_sources(const PortTarget& target) {
    const Family family = target.address.family();
    const Bytes container = value_of(target.address);
    const std::string what = "the way back from " + target.address.to_string();
    add(returns(family), concatenate({netlink::nft::interface_value(target.interface), container}),
        what);
    add(port_sources(family), concatenate({container, container}), what);
    if (family == Family::kIpv4) {
      const auto localhost = base::IpAddress::parse("127.0.0.1");
      add(port_sources(family), concatenate({value_of(*localhost), container}), what);
    }
  }

  void add_masqueraded(const PortTarget& target) {
    add(masqueraded(target.address.family()), value_of(target.address),
        "masquerading to " + target.address.to_string());
  }

 private:
  // Mappings may overlap: one of 0.0.0.0 and one of any address are the same in IPv4.
  void add(std::string set, Bytes key, std::string what, const Bytes& data = {}) {
    if (!seen_.insert({set, key}).second) return;
    wanted_.elements.push_back({.table = kTable,
                                .set = std::move(set),
                                .element = {.key = std::move(key), .data = data, .comment = owner_},
                                .what = std::move(what),
                                .is_exclusive = !data.empty()});
  }

  std::string owner_;
  Wanted& wanted_;
  std::set<std::pair<std::string, Bytes>> seen_;
};

}  // namespace

std::string describe(const cni::PortMapping& mapping) {
  return "host " + cni::to_string(mapping);
}

void want_host_ports(const Attachment& attachment, Wanted& wanted) {
  if (!attachment.host_ports) return;
  const auto& host_ports = *attachment.host_ports;
  wanted.parts.push_back(make_part());
  Elements elements(attachment, wanted);
  for (const auto& target : host_ports.targets) {
    if (!target.conditions.empty())
      wanted.parts.push_back(make_conditional_part(target.conditions, target.address.family()));
    for (const auto& mapping : host_ports.mappings) elements.add_mapping(mapping, target);
    if (host_ports.snat) elements.add_sources(target);
    if (host_ports.masquerade_all) elements.add_masqueraded(target);
  }
}

}  // namespace ruleset

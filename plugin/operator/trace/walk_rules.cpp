// The walk's rules: chains of others, which it names, and ours.
#include <algorithm>

#include <linux/netfilter.h>

#include "netlink/nft/rules.h"
#include "plugin/operator/trace/legacy.h"
#include "plugin/operator/trace/marking.h"
#include "plugin/operator/trace/walk.h"
#include "plugin/ruleset/wanted.h"

namespace tool::trace {
namespace {

using netlink::nft::BaseChain;
using netlink::nft::TableFamily;

bool is_ours(const netlink::nft::Table& table) {
  return table == ruleset::kTable || table == ruleset::kBridgeTable || table.name == kMarkingTable;
}

bool is_asked(const BaseChain& chain, const Packet& packet) {
  const auto own = packet.family() == base::Family::kIpv4 ? TableFamily::kIpv4 : TableFamily::kIpv6;
  return chain.table.family == TableFamily::kInet || chain.table.family == own;
}

std::string count(unsigned rules) {
  return std::to_string(rules) + (rules == 1 ? " rule" : " rules");
}

std::string describe(const BaseChain& chain) {
  return count(chain.rules) + " of others, policy " + (chain.drops ? "drop" : "accept");
}

Stop dropped_by(const Ground& ground, const BaseChain& chain) {
  const std::string name = netlink::nft::to_string(chain);
  return {.verdict = Verdict::kDropped,
          .by = ground.title() + ": the policy of " + name + " is to drop",
          .remedy = "nft add rule " + name + " with what is to pass and accept, or nft chain " +
                    name + " '{ policy accept; }', there"};
}

}  // namespace

// A chain without rules says what its policy is; with rules nobody but the kernel knows.
bool Walk::judge(Ground& ground, const BaseChain& chain, const Crossing& crossing) {
  const bool first_only = chain.hook.type == "nat";
  if (first_only && nature_ != Nature::kFirst) return true;
  const std::string name = netlink::nft::to_string(chain);
  if (chain.rules == 0) {
    if (!chain.drops) return true;
    return stop(ground, "chain " + name, "no rules, policy drop", dropped_by(ground, chain));
  }
  if (is_accepted_by_mark(ground, chain, crossing)) {
    tell(ground, "chain " + name, "accepts by the mark of inet patchcord mark_accepted");
    return true;
  }
  doubt(ground, name, describe(chain));
  return true;
}

bool Walk::pass_chains(Ground& ground, unsigned hook, const Crossing& crossing,
                       const Priorities& priorities) {
  for (const auto& chain : ground.chains()) {
    const int priority = chain.hook.priority;
    if (priority < priorities.first || priority > priorities.last) continue;
    if (chain.hook.number != hook || is_ours(chain.table)) continue;
    if (is_asked(chain, crossing.packet) && !judge(ground, chain, crossing)) return false;
  }
  return priorities.last != INT_MAX || pass_legacy(ground, hook, crossing.packet);
}

// Neighbours of IPv6 ask and answer by packets, which rules see that let nothing in, or out.
bool Walk::pass_discovery(const Place& place, const Next& next, const Cable& cable) {
  if (place.packet.family() == base::Family::kIpv4) return true;
  const Packet question{.source = place.packet.source,
                        .destination = next.hop,
                        .protocol = icmp_of(base::Family::kIpv6)};
  const auto pass = [&](Ground& ground, const netlink::Link* link) {
    return pass_chains(ground, NF_INET_LOCAL_OUT, {question, nullptr, link}) &&
           pass_chains(ground, NF_INET_LOCAL_IN, {question, link, nullptr});
  };
  return pass(*place.ground, next.out) && (!cable.end || pass(*cable.end->ground, cable.end->link));
}

bool Walk::pass_legacy(Ground& ground, unsigned hook, const Packet& packet) {
  for (const auto& chain : legacy_chains(ground, packet.family(), hook)) {
    if (chain.table == "nat" && nature_ != Nature::kFirst) continue;
    if (chain.has_rules) {
      doubt(ground, chain.name(),
            "has rules of others, policy " + std::string(chain.drops ? "DROP" : "ACCEPT"));
    } else if (chain.drops) {
      return stop(ground, "chain " + chain.name(), "no rules, policy DROP",
                  {.verdict = Verdict::kDropped,
                   .by = ground.title() + ": the policy of " + chain.name() + " is to drop",
                   .remedy = chain.command() + " -P " + chain.chain + " ACCEPT, there"});
    }
  }
  return true;
}

// What is asked of each frame or packet that comes in by a device, before all else.
bool Walk::pass_devices(const Interface& end) {
  constexpr unsigned kInetIngress = 5;  // NF_INET_INGRESS
  for (const auto& chain : end.ground->chains()) {
    const bool is_ingress =
        chain.table.family == TableFamily::kNetdev
            ? chain.hook.number == 0
            : chain.table.family == TableFamily::kInet && chain.hook.number == kInetIngress;
    const auto& devices = chain.devices;
    if (!is_ingress || std::find(devices.begin(), devices.end(), end.link->name) == devices.end())
      continue;
    if (!judge(*end.ground, chain, {*entered_, end.link, nullptr})) return false;
  }
  return true;
}

// Rules of bridges, and with br_netfilter those of routed packets once more.
bool Walk::pass_bridged(const Passage& passage, const Packet& packet) {
  Ground& ground = *passage.ground;
  const Crossing crossing{packet, passage.in, passage.out};
  std::vector<unsigned> hooks;
  if (passage.in != nullptr) hooks.push_back(NF_INET_PRE_ROUTING);
  hooks.push_back(passage.in == nullptr    ? NF_INET_LOCAL_OUT
                  : passage.out == nullptr ? NF_INET_LOCAL_IN
                                           : NF_INET_FORWARD);
  if (passage.out != nullptr) hooks.push_back(NF_INET_POST_ROUTING);
  for (const auto& chain : ground.chains()) {
    if (chain.table.family != TableFamily::kBridge || is_ours(chain.table)) continue;
    if (std::find(hooks.begin(), hooks.end(), chain.hook.number) == hooks.end()) continue;
    if (!judge(ground, chain, crossing)) return false;
  }
  const bool v4 = packet.family() == base::Family::kIpv4;
  const auto is_on = ground.sysctl(v4 ? "net/bridge/bridge-nf-call-iptables"
                                      : "net/bridge/bridge-nf-call-ip6tables");
  if (passage.in == nullptr || passage.out == nullptr || is_on != "1") return true;
  const Crossing routed{packet, passage.bridge, passage.bridge};
  if (auto rules = own_rules(ground); rules && nature_ == Nature::kFirst) {
    if (const auto word = rules->refuse_forward(routed))
      return stop(ground, word->chain, word->element + " " + word->meaning,
                  {.verdict = Verdict::kDropped,
                   .by = ground.title() + ": " + word->chain,
                   .remedy = "\"isolation\" in the network's configuration says so"});
  }
  for (const unsigned hook : {NF_INET_PRE_ROUTING, NF_INET_FORWARD, NF_INET_POST_ROUTING}) {
    if (!pass_chains(ground, hook, routed)) return false;
  }
  return true;
}

// iptables-nft's FORWARD, where the first rule leads to ours, and nobody has put anything before.
bool Walk::is_accepted_by_mark(Ground& ground, const BaseChain& chain, const Crossing& crossing) {
  if (chain.name != "FORWARD" || chain.table.name != "filter") return false;
  auto* netfilter = ground.netfilter();
  const auto rules = netlink::nft::rules_of(*netfilter, chain.table, chain.name);
  if (rules.empty() || rules.front().verdict.chain != attachment::kAcceptingChain) return false;
  for (const auto& rule :
       netlink::nft::rules_of(*netfilter, chain.table, attachment::kAcceptingChain)) {
    const auto admin = netlink::nft::find_chain(*netfilter, chain.table, rule.verdict.chain);
    if (admin && admin->use > 1) return false;
  }
  const bool is_translated = crossing.packet.destination != entered_->destination;
  return OwnRules(*netfilter, world_.sightings())
      .marks_as_accepted(crossing, nature_ != Nature::kFirst, is_translated);
}

bool Walk::is_tracked(const Ground& ground) const {
  return nature_ != Nature::kFirst &&
         std::any_of(flows_.begin(), flows_.end(),
                     [&](const Flow& flow) { return flow.ground == &ground; });
}

}  // namespace tool::trace

// The transaction that publishes and withdraws an attachment's nftables rules; what they are is in
// plugin/ruleset.
#include <utility>

#include "netlink/socket.h"
#include "plugin/attachment/liveness.h"
#include "plugin/ruleset/kernel.h"
#include "plugin/ruleset/parts.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

namespace steps {
namespace {

using attachment::Attachment;
using ruleset::Wanted;

// The contributors: what they want is the same whatever is done about it.
template <void (*want)(const Attachment&, Wanted&)>
constexpr Step make_contributor(std::string_view name) {
  return {
      .name = name,
      .apply = [](World& world, Attachment& attachment,
                  base::Rollback&) { want(attachment, world.rules); },
      .check = [](World& world, const Attachment& attachment,
                  Findings&) { want(attachment, world.rules); },
      .remove = [](World& world, const Attachment& attachment) { want(attachment, world.rules); },
      .restore = [](World& world, const Attachment& attachment,
                    Findings&) { want(attachment, world.rules); }};
}

ruleset::IsLive is_live(World& world) {
  return [&world](const std::string& owner) {
    const auto key = attachment::parse_comment(owner);
    // Of an owner whose name was shortened nothing is known, so it counts as one that is there.
    if (!key) return true;
    attachment::Liveness liveness(world.host_namespace, world.host);
    return liveness.may_hold_ports(world.records.state_directory(), *key);
  };
}

void publish(World& world, Attachment&, base::Rollback& undo) {
  if (world.rules.empty()) return;
  perform(
      undo, "nftables elements",
      [&] {
        world.waiting = ruleset::publish(netfilter_of(world), world.rules, is_live(world));
        return true;
      },
      [&world] { ruleset::withdraw(netfilter_of(world), world.rules); });
}

// Of what is published by the time that a program looks for the addresses. All of it is wanted once
// more, with them, by kPublishRules.
void publish_guard(World& world, Attachment& attachment, base::Rollback& undo) {
  Wanted guard;
  if (world.has_node_guard) ruleset::want_node_guard(guard);
  ruleset::want_antispoof(attachment, guard);
  if (guard.empty()) return;
  perform(
      undo, "nftables elements",
      [&] {
        (void)ruleset::publish(netfilter_of(world), guard, is_live(world));
        return true;
      },
      [&world, guard] { ruleset::withdraw(netfilter_of(world), guard); });
}

void check(World& world, const Attachment&, Findings& findings) {
  if (world.rules.empty()) return;
  netlink::Socket& netfilter = netfilter_of(world);
  for (auto& finding : ruleset::find_missing(netfilter, world.rules))
    findings.push_back(std::move(finding));
}

void restore(World& world, const Attachment&, Findings& restored) {
  if (world.rules.empty()) return;
  netlink::Socket& netfilter = netfilter_of(world);
  auto missing = ruleset::find_missing(netfilter, world.rules);
  if (missing.empty()) return;
  (void)ruleset::publish(netfilter, world.rules, is_live(world));
  for (auto& finding : missing) restored.push_back(std::move(finding));
}

// Whether this is the network's last attachment is known only when its record is gone, and then
// asked again (types/forget_network.h), which also tells what cannot be removed. Done now, and in
// one transaction with its own, nobody waits for it: while the links go, the kernel frees what was
// removed (see World::netfilter).
void withdraw_elements(World& world, const Attachment& attachment, const Wanted& rules) {
  if (attachment.masquerade && !world.records.has_others(attachment.key)) {
    try {
      return ruleset::withdraw_last(*world.netfilter, rules, attachment.key.network);
    } catch (const netlink::Error&) {
      // Without what could not go, perhaps.
    }
  }
  ruleset::withdraw(*world.netfilter, rules);
}

// What was wanted for that is not what is wanted next: an ADD that removes what a killed one left
// goes on in the same world.
void withdraw(World& world, const Attachment& attachment) {
  const Wanted rules = std::exchange(world.rules, {});
  const auto traces = std::exchange(world.traces, std::nullopt);
  if (rules.elements.empty() && !traces) return;
  if (!world.netfilter) world.netfilter = ruleset::find_nftables();
  if (!world.netfilter) return;
  withdraw_elements(world, attachment, rules);
  if (traces) ruleset::withdraw_by_traces(*world.netfilter, *traces);
}

void do_nothing(World&, Attachment&, base::Rollback&) {}
void find_nothing(World&, const Attachment&, Findings&) {}
void remove_nothing(World&, const Attachment&) {}

}  // namespace

netlink::Socket& netfilter_of(World& world) {
  if (!world.netfilter) world.netfilter = ruleset::open_nftables();
  return *world.netfilter;
}

const Step kMasquerade = make_contributor<ruleset::want_masquerade>("masquerade");
const Step kIsolation = make_contributor<ruleset::want_isolation>("isolation");
const Step kAntispoof = make_contributor<ruleset::want_antispoof>("antispoof");
const Step kTunedMac = make_contributor<ruleset::want_tuned_mac>("tuned MAC");
const Step kHostPorts = make_contributor<ruleset::want_host_ports>("host ports");
const Step kAcceptance = make_contributor<ruleset::want_acceptance>("acceptance");

const Step kPublishRules = {.name = "rules",
                            .apply = publish,
                            .check = check,
                            .remove = remove_nothing,
                            .restore = restore};

const Step kGuardEarly = {.name = "early antispoof",
                          .apply = publish_guard,
                          .check = find_nothing,
                          .remove = remove_nothing};

const Step kWithdrawRules = {
    .name = "withdrawal of rules", .apply = do_nothing, .check = find_nothing, .remove = withdraw};

}  // namespace steps

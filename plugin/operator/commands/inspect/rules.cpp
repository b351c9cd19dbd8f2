// What patchcord inspect shows of an attachment's nftables rules and elements.
#include "netlink/error.h"
#include "plugin/operator/commands/inspect/inspect.h"
#include "plugin/ruleset/foreign_filter.h"
#include "plugin/ruleset/kernel.h"
#include "plugin/ruleset/parts.h"

namespace tool {
namespace {

using attachment::Attachment;

ruleset::Wanted wanted_of(const Attachment& attachment) {
  ruleset::Wanted wanted;
  ruleset::want_masquerade(attachment, wanted);
  ruleset::want_isolation(attachment, wanted);
  ruleset::want_antispoof(attachment, wanted);
  ruleset::want_tuned_mac(attachment, wanted);
  ruleset::want_host_ports(attachment, wanted);
  ruleset::want_acceptance(attachment, wanted);
  return wanted;
}

// "inet ports4 { tcp . 80 : 10.88.0.2 . 80 }", "inet chain host_ports": the tables are ours, and an
// element is in a set or a map.
Object object_of(const ruleset::Condition& condition) {
  const std::string table = to_string(condition.table);
  std::string text =
      table.substr(0, table.find(' ')) + (condition.is_chain ? " chain " : " ") + condition.name;
  if (!condition.text.empty()) text += " { " + condition.text + " }";
  return {.text = std::move(text),
          .verdict = condition.problem.empty() ? Verdict::kRight : Verdict::kWrong,
          .problem = condition.problem};
}

void look_at_foreign(netlink::Socket& netfilter, const Attachment& attachment, Objects& objects) {
  if (!attachment.firewall) return;
  const auto missing = ruleset::find_missing_acceptance(
      netfilter, attachment::families_of(attachment), attachment.firewall->admin_chain);
  if (missing.empty())
    objects.push_back({.text = std::string("iptables FORWARD, ") + attachment::kAcceptingChain});
  for (const auto& problem : missing)
    objects.push_back({.text = "iptables FORWARD", .verdict = Verdict::kWrong, .problem = problem});
}

void look_at(netlink::Socket& netfilter, const Attachment& attachment, Objects& objects) {
  for (const auto& condition : ruleset::look_at(netfilter, wanted_of(attachment)))
    objects.push_back(object_of(condition));
  look_at_foreign(netfilter, attachment, objects);
}

}  // namespace

Objects look_at_rules(const Sighting& sighting) {
  Objects objects;
  std::vector<const Attachment*> records;
  if (sighting.since) records.push_back(&sighting.attachment);
  for (const auto& each : sighting.chained) records.push_back(&each.attachment);
  std::erase_if(records, [](const Attachment* record) {
    return wanted_of(*record).empty() && !record->firewall;
  });
  if (records.empty()) return objects;
  try {
    netlink::Socket netfilter = ruleset::open_nftables();
    for (const Attachment* record : records) look_at(netfilter, *record, objects);
  } catch (const netlink::Error& error) {
    objects.push_back({.text = "nftables", .verdict = Verdict::kWrong, .problem = error.what()});
  }
  return objects;
}

}  // namespace tool

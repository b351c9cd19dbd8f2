// patchcord fabric: configurations of routing daemons, and whether they do what they are for.
#include "plugin/operator/commands/fabric/fabric.h"

#include <array>

#include "plugin/operator/commands/doctor/doctor.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "output",
                                  .letter = 'o',
                                  .value = "FORMAT",
                                  .choices = "table|json",
                                  .meaning = "how check shows it; table unless given"};
constexpr std::array kOptions = {kReflectorOption, kEvpnOption, kUnnumberedOption, kFormatOption};

// What stands in the way of it, but is no reason to print nothing.
void report_gaps(const Call& call, const FabricPlan& plan) {
  if (plan.is_unnumbered) return;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    if (plan.pools(family).empty()) continue;
    const bool has_peers = plan.is_reflector
                               ? !plan.nodes(family).empty()
                               : !plan.reflectors(family).empty() || plan.evpn == "routed";
    if (has_peers) continue;
    call.console.report(
        "there are pools of " + std::string(base::family_name(family)) + ", and " +
        plan.fabric.path +
        (plan.is_reflector ? " has no fabric.nodes of it" : " has no fabric.reflectors of it"));
  }
}

int print_configuration(const Call& call, const std::string& daemon) {
  netlink::Socket host;
  const FabricPlan plan = plan_fabric(call, host);
  const std::string text = daemon == "bird" ? bird_configuration(plan) : frr_configuration(plan);
  report_gaps(call, plan);
  call.console.write(text);
  return kFine;
}

int check_fabric(const Call& call) {
  netlink::Socket host;
  conditions::Diagnoses found;
  look_at_block_routes(call.environment, host, found);
  look_at_fabric(call.environment, host, found);
  const bool as_json = call.arguments.value(kFormatOption.name) == "json";
  call.console.write(as_json ? diagnoses_as_json(found) : diagnoses_as_text(found, call.console));
  return found.empty() ? kFine : kNotFine;
}

int run_fabric(const Call& call) {
  const auto& words = call.arguments.operands();
  if (words.size() == 2 && words[0] == "config" && (words[1] == "bird" || words[1] == "frr"))
    return print_configuration(call, words[1]);
  if (words.size() == 1 && words[0] == "check") return check_fabric(call);
  throw Misuse("usage: patchcord fabric config bird|frr [options], or patchcord fabric check");
}

}  // namespace

const Command kFabric = {
    .name = "fabric",
    .operands = "config bird|frr | check",
    .least = 1,
    .most = 2,
    .summary = "how nodes tell each other of their blocks",
    .details =
        "`config` prints a whole configuration of a routing daemon, from \"fabric\" of\n"
        "/etc/patchcord/cluster.json, this node's pools and its uplink. It is made once: no block\n"
        "stands in it. `check` says what keeps blocks from the other nodes, or theirs from this\n"
        "one; doctor says it, too. Exit status 1: something was found.",
    .options = kOptions,
    .examples =
        "patchcord fabric config bird >/etc/bird/bird.conf\n"
        "patchcord fabric config frr --evpn routed >/etc/frr/frr.conf",
    .run = run_fabric};

}  // namespace tool

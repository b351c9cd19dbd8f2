// doctor's conditions of the networks that are configured: those that STATUS knows, and what two of
// them do to each other.
#include <algorithm>
#include <map>

#include "plugin/operations/conditions/network.h"
#include "plugin/operator/commands/doctor/doctor.h"

namespace tool {
namespace {

struct Configured {
  std::string network;
  std::string path;
  attachment::Attachment plan;
};

// What the kernel says of all of it needs to be said once, and is by kernel.cpp.
bool is_of_the_node(const Diagnosis& diagnosis) {
  return diagnosis.name == "ipv6-off" || diagnosis.name == "nftables-missing";
}

bool has(const Diagnoses& found, std::string_view name) {
  return std::any_of(found.begin(), found.end(),
                     [&](const Diagnosis& diagnosis) { return diagnosis.name == name; });
}

// The capability is not asked for: what a runtime will bring is not known.
void look_at(const Patient& patient, const cni::Request& request, const config::Network& network,
             Diagnoses& found) {
  const operations::Settings settings{.state_directory = patient.state_directory,
                                      .report = [](const std::string&) {}};
  for (auto& each :
       conditions::look_at_network(request, network, settings, conditions::Asker::kPerson)) {
    if (is_of_the_node(each) && has(found, each.name)) continue;
    if (each.name == "bridge-nearly-full") continue;  // attachments.cpp has it of every bridge
    found.push_back(std::move(each));
  }
}

bool conflict(const attachment::Attachment& left, const attachment::Attachment& right) {
  if (attachment::host_side_of(left) != attachment::host_side_of(right)) return false;
  for (const auto& one : left.bridge_port->gateways) {
    for (const auto& other : right.bridge_port->gateways) {
      if (one.family() == other.family() && one != other &&
          (one.family() == base::Family::kIpv4 || one.overlaps(other)))
        return true;
    }
  }
  return false;
}

// The second one's ADDs fail; where the first has had one, look_at_network() says so, too.
void look_for_shared_bridges(const std::vector<Configured>& networks, Diagnoses& found) {
  for (auto left = networks.begin(); left != networks.end(); ++left) {
    for (auto right = left + 1; right != networks.end(); ++right) {
      if (left->network == right->network || !left->plan.bridge_port || !right->plan.bridge_port)
        continue;
      if (!conflict(left->plan, right->plan)) continue;
      const std::string& bridge = left->plan.bridge_port->bridge;
      std::erase_if(found, [&](const Diagnosis& diagnosis) {
        return diagnosis.name == "bridge-shared" &&
               diagnosis.text.starts_with("bridge " + bridge + " ");
      });
      found.push_back(
          {.name = "bridge-shared",
           .is_error = true,
           .text = "networks " + left->network + " and " + right->network +
                   " are both to have their gateway on bridge " + bridge +
                   ", which has one: ADDs of the second one fail",
           .remedy = "give one of them another bridge, in " + left->path + " or " + right->path,
           .about = {left->network, right->network}});
    }
  }
}

}  // namespace

void look_at_networks(const Patient& patient, Diagnoses& found) {
  std::vector<Configured> networks;
  for (const auto& file : patient.files) {
    if (!file.list) continue;
    for (const auto& plugin : file.list->plugins) {
      try {
        const cni::Request request = request_of(*file.list, plugin);
        const auto network = network_of(request);
        if (!network) continue;
        look_at(patient, request, *network, found);
        networks.push_back({.network = file.list->name,
                            .path = file.path,
                            .plan = conditions::make_subject(patient.node.socket(), request,
                                                             *network, conditions::Asker::kRuntime)
                                        .plan});
      } catch (const std::exception&) {
        // `validate` says what is wrong with it.
      }
    }
  }
  look_for_shared_bridges(networks, found);
}

}  // namespace tool

// What CHECK's steps find of an attachment, for the tool (survey.h).
#include <algorithm>

#include "plugin/operations/shared/stage.h"
#include "plugin/operator/survey.h"

namespace tool {
namespace {

using attachment::Attachment;

bool has_address_without_subnet(const Attachment& attachment) {
  return std::any_of(attachment.addresses.begin(), attachment.addresses.end(),
                     [](const auto& address) { return address.prefix.is_host(); });
}

// Whether a step has anything to say of the attachment. Those that only add to what is wanted of
// nftables say nothing: the step that makes the rules does. Of one that is not known here it is
// said.
bool concerns(std::string_view step, const Attachment& attachment) {
  const auto& bridge = attachment.bridge_port;
  if (step == "bridge" || step == "bridge port" || step == "open bridge") return bridge.has_value();
  if (step == "port VLANs") return bridge && bridge->vlans;
  if (step == "router advertisements") return bridge.has_value();
  if (step == "VLAN gateway" || step == "open VLAN gateway") return bridge && bridge->vlan_gateway;
  if (step == "gateway") return bridge && !bridge->gateways.empty();
  if (step == "routed port") return attachment.routed_port.has_value();
  if (step == "ptp port" || step == "ptp routes") return attachment.ptp_port.has_value();
  if (step == "host routes") return !bridge;
  if (step == "bridge routes")
    return bridge && !bridge->gateways.empty() && has_address_without_subnet(attachment);
  if (step == "rules")
    return attachment.masquerade || attachment.isolation || attachment.antispoof ||
           attachment.host_ports;
  if (step == "masquerade" || step == "isolation" || step == "antispoof" || step == "host ports" ||
      step == "withdrawal of rules" || step == "interface up" || step.starts_with("flows to "))
    return false;
  if (step == "localhost") return attachment.host_ports.has_value();
  if (step == "tuning") return attachment.tuning.has_value();
  if (step == "shaping") return attachment.shaping.has_value();
  if (step == "source routes")
    return attachment.source_routes && attachment.source_routes->table != 0;
  if (step == "forwarding") return !attachment.forward.empty();
  return true;
}

/// A container that is there, to look at records of.
class Ward {
 public:
  Ward(Node& node, const netlink::Namespace& container)
      : node_(node), container_(container), socket_(netlink::Socket::in(container, node.home())) {}

  [[nodiscard]] steps::World world(const attachment::RecordStore& records) {
    return {.host_namespace = node_.home(),
            .host = node_.socket(),
            .container_namespace = &container_,
            .container = &socket_,
            .records = records};
  }

 private:
  Node& node_;
  const netlink::Namespace& container_;
  netlink::Socket socket_;
};

// Where the kernel has no nftables, say, a step cannot even look, and the others can.
void check(const steps::Step& step, steps::World& world, const Attachment& attachment,
           steps::Findings& findings) {
  try {
    step.check(world, attachment, findings);
  } catch (const std::exception& error) {
    findings.emplace_back(error.what());
  }
}

using Visit = std::function<void(const steps::Step& step, steps::World& world)>;

void visit(Ward& ward, Node& node, const Visit& take) {
  steps::World world = ward.world(node.records());
  for (const auto* step : steps::private_steps()) take(*step, world);
  for (const auto* step : steps::public_steps()) take(*step, world);
}

void visit(Ward& ward, Node& node, const ChainedRecord& record, const Visit& take) {
  const attachment::RecordStore records(node.records().state_directory(), record.type->name);
  steps::World world = ward.world(records);
  operations::find_recorded_ends(world, record.attachment);
  for (const auto* step : record.type->steps) take(*step, world);
}

void add(Part part, Sighting& sighting) {
  if (!part.findings.empty()) sighting.state = State::kBroken;
  sighting.parts.push_back(std::move(part));
}

void examine_chained(Ward& ward, Node& node, Sighting& sighting) {
  for (const auto& record : sighting.chained) {
    Part part{.step = record.type->name, .findings = {}};
    visit(ward, node, record, [&](const steps::Step& step, steps::World& world) {
      check(step, world, record.attachment, part.findings);
    });
    add(std::move(part), sighting);
  }
}

void collect(const steps::Step& step, steps::World& world, const Attachment& attachment,
             steps::Settings& settings) {
  steps::Findings findings;  // those are told elsewhere
  check(step, world, attachment, findings);
  if (step.settings != nullptr) step.settings(world, attachment, settings);
}

}  // namespace

void examine(Node& node, Sighting& sighting) {
  const Attachment& attachment = sighting.attachment;
  const auto container = node.whereabouts().find(attachment);
  if (!container && !node.liveness().is_seen_from_here(attachment)) {
    sighting.state = State::kUnknown;
    sighting.parts = {{.step = "namespace",
                       .findings = {"the namespace " + attachment.netns_path +
                                    " cannot be seen from here: other mounts, or another host"}}};
    return;
  }
  if (!container) {
    const bool is_gone = node.liveness().is_gone(attachment);
    const std::string what = is_gone ? " is gone, or is another one by now"
                                     : " is not there any more; nothing proves it gone";
    sighting.state = is_gone ? State::kGone : State::kBroken;
    sighting.parts = {
        {.step = "namespace", .findings = {"the namespace " + attachment.netns_path + what}}};
    return;
  }
  Ward ward(node, *container);
  visit(ward, node, [&](const steps::Step& step, steps::World& world) {
    Part part{.step = step.name, .findings = {}};
    check(step, world, attachment, part.findings);
    if (!part.findings.empty() || concerns(step.name, attachment)) add(std::move(part), sighting);
  });
  examine_chained(ward, node, sighting);
}

void examine_chained(Node& node, Sighting& sighting) {
  const auto container = find_container(node, sighting);
  if (!container) return;
  Ward ward(node, *container);
  examine_chained(ward, node, sighting);
}

steps::Settings settings_of(Node& node, const Sighting& sighting) {
  steps::Settings settings;
  const auto container = find_container(node, sighting);
  if (!container) return settings;
  Ward ward(node, *container);
  if (sighting.since) {
    visit(ward, node, [&](const steps::Step& step, steps::World& world) {
      collect(step, world, sighting.attachment, settings);
    });
  }
  for (const auto& record : sighting.chained) {
    visit(ward, node, record, [&](const steps::Step& step, steps::World& world) {
      collect(step, world, record.attachment, settings);
    });
  }
  return settings;
}

std::optional<netlink::Namespace> find_container(Node& node, const Sighting& sighting) {
  if (auto container = node.whereabouts().find(sighting.attachment)) return container;
  if (sighting.chained.empty()) return std::nullopt;
  return node.whereabouts().find(sighting.chained.front().attachment);
}

}  // namespace tool

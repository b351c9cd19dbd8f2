#include <array>

#include "netlink/address.h"
#include "netlink/counters.h"
#include "netlink/neighbour.h"
#include "netlink/route.h"
#include "plugin/operator/files.h"
#include "plugin/operator/format.h"
#include "plugin/operator/json.h"
#include "plugin/operator/survey.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "output",
                                  .letter = 'o',
                                  .value = "FORMAT",
                                  .choices = "table|json",
                                  .meaning = "how to show it; table unless given"};
constexpr std::array kOptions = {kFormatOption, kConfigurationsOption};

bool has_address(const Sighting& sighting, const base::IpAddress& address) {
  for (const auto& each : sighting.attachment.addresses) {
    if (each.prefix.address() == address) return true;
  }
  return false;
}

// A container's id may be cut, as people do, if four characters of it are left.
bool is_meant(const Sighting& sighting, const std::string& word) {
  constexpr std::size_t kLeast = 4;
  const auto& attachment = sighting.attachment;
  const auto& id = attachment.key.container_id;
  if (id == word || (word.size() >= kLeast && id.starts_with(word))) return true;
  if (attachment.pair.host_name == word) return true;
  if (attachment.pod &&
      (attachment.pod->name == word || attachment.pod->space + "/" + attachment.pod->name == word))
    return true;
  const auto address = base::IpAddress::parse(word);
  return address && has_address(sighting, *address);
}

/// What the kernel has of it just now, as lines that ip(8) would print much alike.
struct Seen {
  std::vector<std::string> container;
  std::vector<std::string> host;
  std::optional<netlink::Counters> counters;
};

std::string describe_route(const netlink::Route& route) {
  std::string text = "route ";
  text += route.destination.is_default() ? "default" : route.destination.to_string();
  if (route.gateway) text += " via " + route.gateway->to_string();
  if (route.priority != 0) text += " metric " + std::to_string(route.priority);
  return text;
}

void look_into_container(Node& node, const Sighting& sighting, Seen& seen) {
  const auto& attachment = sighting.attachment;
  const auto container = netlink::Namespace::find(attachment.netns_path);
  if (!container || container->identity() != attachment.netns) return;
  auto socket = netlink::Socket::in(*container, node.home());
  const auto link = netlink::find_link(socket, attachment.key.ifname);
  if (!link) return;
  seen.container.push_back("link " + link->name + " mtu " + std::to_string(link->mtu) + " mac " +
                           (link->mac ? link->mac->to_string() : "-") +
                           (link->is_up() ? " up" : " down"));
  for (const auto& address : netlink::addresses_of(socket, *link))
    seen.container.push_back("address " + address.prefix.to_string());
  for (const auto& route : netlink::routes_through(socket, link->index))
    seen.container.push_back(describe_route(route));
  if (!attachment.routed_port) return;
  for (const auto& next_hop : attachment.routed_port->next_hops) {
    const auto entry = netlink::find_neighbour(socket, link->index, next_hop);
    if (entry && entry->mac)
      seen.container.push_back("neighbour " + next_hop.to_string() + " at " +
                               entry->mac->to_string());
  }
}

// Entry n-1 of the array is IPV4_DEVCONF_n (include/uapi/linux/ip.h).
void describe_settings(Node& node, const netlink::Link& link, Seen& seen) {
  struct Setting {
    std::size_t number;
    std::string_view name;
  };
  constexpr std::array<Setting, 3> kSettings = {
      {{1, "forwarding"}, {3, "proxy_arp"}, {8, "rp_filter"}}};
  const auto values = netlink::ipv4_settings(node.socket(), link.index);
  std::string text = "ipv4";
  for (const auto& [number, name] : kSettings) {
    if (number <= values.size())
      text += " " + std::string(name) + "=" + std::to_string(values[number - 1]);
  }
  seen.host.push_back(text);
}

void look_at_host(Node& node, const Sighting& sighting, Seen& seen) {
  if (!sighting.host_end) return;
  const netlink::Link& link = *sighting.host_end;
  std::string text = "link " + link.name + " mtu " + std::to_string(link.mtu) + " mac " +
                     (link.mac ? link.mac->to_string() : "-") + (link.is_up() ? " up" : " down");
  if (const auto* master = node.find(link.master)) text += " port of " + master->name;
  seen.host.push_back(std::move(text));
  if (link.bridge_port) {
    seen.host.push_back(std::string("port hairpin ") + (link.bridge_port->hairpin ? "on" : "off") +
                        " isolated " + (link.bridge_port->isolated ? "on" : "off"));
  }
  describe_settings(node, link, seen);
  for (const auto& address : sighting.attachment.addresses) {
    const auto route = netlink::match_route(node.socket(), address.prefix.address());
    if (!route) continue;
    const auto* out = node.find(route->out_link);
    seen.host.push_back(describe_route(*route) + " dev " + (out == nullptr ? "?" : out->name));
  }
  seen.counters = netlink::counters_of(node.socket(), link.index);
}

Seen look(Node& node, const Sighting& sighting) {
  Seen seen;
  look_into_container(node, sighting, seen);
  look_at_host(node, sighting, seen);
  return seen;
}

std::string line(std::string_view name, const std::string& value) {
  constexpr std::size_t kWidth = 12;
  std::string text = "  " + std::string(name);
  text.append(kWidth - std::min(kWidth, name.size()), ' ');
  return text + printable(value) + "\n";
}

std::string section(const Console& console, std::string_view title,
                    const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string text = paint(console, title, Tone::kFaint) + "\n";
  for (const auto& each : lines) text += "  " + printable(each) + "\n";
  return text;
}

std::string describe_parts(const Console& console, const Sighting& sighting) {
  if (sighting.parts.empty()) return "";
  std::string text = paint(console, "record and kernel", Tone::kFaint) + "\n";
  for (const auto& part : sighting.parts) {
    const bool right = part.findings.empty();
    text += "  " + paint(console, right ? "✓" : "✗", right ? Tone::kGood : Tone::kBad) + " " +
            std::string(part.step) + "\n";
    for (const auto& finding : part.findings) text += "      " + printable(finding) + "\n";
  }
  return text;
}

std::string describe_timings(const Console& console, const Sighting& sighting) {
  const auto& timings = sighting.attachment.timings;
  if (timings.empty()) return "";
  std::uint64_t total = 0;
  std::vector<std::string> lines;
  for (const auto& timing : timings) {
    total += timing.microseconds;
    if (timing.microseconds > 0)
      lines.push_back(std::to_string(timing.microseconds) + " µs  " + timing.step);
  }
  lines.push_back(std::to_string(total) + " µs  in all");
  return section(console, "time that its ADD took", lines);
}

std::string describe_ports(const Sighting& sighting) {
  std::string text;
  for (const auto& port : ports_of(sighting)) text += line("host port", port);
  return text;
}

std::string describe(const Console& console, const Sighting& sighting, const Seen& seen) {
  const auto& attachment = sighting.attachment;
  std::string text = title_of(sighting) + "  " + printable(attachment.key.ifname) + "  " +
                     std::string(to_string(sighting.state)) + "\n";
  text += line("network", attachment.key.network.empty() ? "-" : attachment.key.network);
  text +=
      line("container", attachment.key.container_id.empty() ? "-" : attachment.key.container_id);
  if (!attachment.netns_path.empty()) text += line("namespace", attachment.netns_path);
  text += line("made", sighting.since ? time_text(*sighting.since) + " (" + age_of(sighting.since) +
                                            " ago) by patchcord"
                                      : std::string("by another plugin, or it has no record"));
  text += line("pair", attachment.key.ifname + " ⇄ " + attachment.pair.host_name);
  text += line("way", path_of(sighting));
  text += describe_ports(sighting);
  if (seen.counters) {
    text += line("received", std::to_string(seen.counters->sent_bytes) + " bytes, " +
                                 std::to_string(seen.counters->sent_packets) + " packets");
    text += line("sent", std::to_string(seen.counters->received_bytes) + " bytes, " +
                             std::to_string(seen.counters->received_packets) + " packets");
  }
  text += section(console, "in the container", seen.container);
  text += section(console, "on the host", seen.host);
  text += describe_parts(console, sighting);
  return text + describe_timings(console, sighting);
}

void write_json(const Sighting& sighting, const Seen& seen, Json& json) {
  json.begin_object();
  write_summary(sighting, json);
  json.key("parts").begin_list();
  for (const auto& part : sighting.parts) {
    json.begin_object().member("step", part.step).member("findings", part.findings).end_object();
  }
  json.end_list().key("timings").begin_list();
  for (const auto& timing : sighting.attachment.timings) {
    json.begin_object()
        .member("step", timing.step)
        .member("microseconds", timing.microseconds)
        .end_object();
  }
  json.end_list().member("inContainer", seen.container).member("onHost", seen.host);
  if (seen.counters) {
    // As the container sees it, which is the other end's view.
    json.key("traffic").begin_object();
    json.member("receivedBytes", seen.counters->sent_bytes);
    json.member("receivedPackets", seen.counters->sent_packets);
    json.member("sentBytes", seen.counters->received_bytes);
    json.member("sentPackets", seen.counters->received_packets);
    json.end_object();
  }
  json.end_object();
}

int run_inspect(const Call& call) {
  const std::string& word = call.arguments.operands().front();
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  std::vector<Sighting> meant;
  for (auto& sighting : survey(node, reservation_directories(files))) {
    if (is_meant(sighting, word)) meant.push_back(std::move(sighting));
  }
  if (meant.empty()) {
    call.console.report("patchcord: nothing on this node is called " + word);
    return kNotFine;
  }
  Json json;
  json.begin_object().key("attachments").begin_list();
  std::string text;
  bool fine = true;
  for (const auto& sighting : meant) {
    const Seen seen = look(node, sighting);
    write_json(sighting, seen, json);
    text += (text.empty() ? "" : "\n") + describe(call.console, sighting, seen);
    fine = fine && (sighting.state == State::kUp || sighting.state == State::kOther);
  }
  json.end_list().end_object();
  call.console.write(call.arguments.value(kFormatOption.name) == "json" ? json.document() : text);
  return fine ? kFine : kNotFine;
}

}  // namespace

const Command kInspect = {
    .name = "inspect",
    .operands = "ID|IP|VETH|POD",
    .least = 1,
    .most = 1,
    .summary = "everything of one container's attachments, the kernel beside the record",
    .details =
        "By container id (four characters are enough), address, host interface, or pod.\n"
        "Exit status 1: something of it is missing or altered.",
    .options = kOptions,
    .examples =
        "patchcord inspect 10.88.0.5\npatchcord inspect veth881b451f8d6\n"
        "patchcord inspect shop/web-0 -o json",
    .run = run_inspect};

}  // namespace tool

#include "plugin/operator/commands/inspect/inspect.h"

#include <array>

#include "plugin/lease/pool.h"
#include "plugin/operator/files.h"
#include "plugin/operator/format.h"
#include "plugin/operator/json.h"
#include "plugin/operator/named.h"
#include "plugin/operator/pools.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

constexpr Option kFormatOption = {.name = "output",
                                  .letter = 'o',
                                  .value = "FORMAT",
                                  .choices = "table|json",
                                  .meaning = "how to show it; table unless given"};
constexpr std::array kOptions = {kFormatOption, kConfigurationsOption};

struct Seen {
  Objects container;
  Objects host;
  Objects rules;
  std::vector<Queue> queues;
  steps::Settings settings;
  std::optional<netlink::Counters> counters;
};

Seen look(Node& node, const Sighting& sighting) {
  Seen seen{.container = look_into_container(node, sighting),
            .host = look_at_host(node, sighting),
            .rules = look_at_rules(sighting),
            .queues = look_at_queues(node, sighting),
            .settings = settings_of(node, sighting),
            .counters = {}};
  if (sighting.host_end)
    seen.counters = netlink::counters_of(node.socket(), sighting.host_end->index);
  return seen;
}

std::string line(std::string_view name, const std::string& value) {
  constexpr std::size_t kWidth = 12;
  std::string text = "  " + std::string(name);
  text.append(kWidth - std::min(kWidth, name.size()), ' ');
  return text + printable(value) + "\n";
}

std::string marked(const Console& console, Verdict verdict, const std::string& text) {
  if (verdict == Verdict::kBeside) return "    " + printable(text) + "\n";
  const bool right = verdict == Verdict::kRight;
  return "  " + paint(console, right ? "✓" : "✗", right ? Tone::kGood : Tone::kBad) + " " +
         printable(text) + "\n";
}

std::string below(const std::string& text) {
  return "      " + printable(text) + "\n";
}

Verdict verdict_of(bool is_right) {
  return is_right ? Verdict::kRight : Verdict::kWrong;
}

std::string headed(const Console& console, std::string_view title, const std::string& text) {
  return text.empty() ? "" : paint(console, title, Tone::kFaint) + "\n" + text;
}

std::string describe_objects(const Console& console, std::string_view title,
                             const Objects& objects) {
  std::string text;
  for (const auto& object : objects) {
    text += marked(console, object.verdict, object.text);
    if (!object.problem.empty()) text += below(object.problem);
  }
  return headed(console, title, text);
}

std::string describe_rate(std::uint64_t rate, std::uint64_t burst) {
  return bits_text(rate) + "bit/s, burst " + std::to_string(burst) + " bytes";
}

std::string describe_queues(const Console& console, const std::vector<Queue>& queues) {
  std::string text;
  for (const auto& queue : queues) {
    const auto& wanted = queue.wanted;
    text += marked(console, verdict_of(queue.is_right),
                   std::string(queue.ingress ? "receives " : "sends ") +
                       describe_rate(wanted.rate, wanted.burst));
    if (!queue.seen) {
      text += below("nothing limits a rate on " + queue.interface);
      continue;
    }
    const auto& seen = *queue.seen;
    text += below(
        seen.kind + " on " + queue.interface +
        (queue.is_right
             ? ""
             : " has " + describe_rate(seen.rate, netlink::burst_of(seen.rate, seen.buffer))));
    text += below(std::to_string(seen.counters.bytes) + " bytes, " +
                  std::to_string(seen.counters.packets) + " packets passed, " +
                  std::to_string(seen.counters.dropped) + " dropped");
    text += below(std::to_string(seen.counters.waiting) + " bytes wait, " +
                  std::to_string(seen.counters.overlimits) + " times over the limit");
  }
  return headed(console, "shaping", text);
}

std::string describe_settings(const Console& console, const steps::Settings& settings) {
  std::string text;
  for (const auto& setting : settings) {
    text += marked(console, verdict_of(setting.is_right), setting.name + " = " + setting.wanted);
    if (!setting.is_right) text += below(setting.seen ? "is " + *setting.seen : "is missing");
  }
  return headed(console, "settings", text);
}

std::string describe_parts(const Console& console, const Sighting& sighting) {
  std::string text;
  for (const auto& part : sighting.parts) {
    text += marked(console, verdict_of(part.findings.empty()), std::string(part.step));
    for (const auto& finding : part.findings) text += below(finding);
  }
  return headed(console, "record and kernel", text);
}

std::string describe_timings(const Console& console, const Sighting& sighting) {
  const auto& timings = sighting.attachment.timings;
  if (timings.empty()) return "";
  std::uint64_t total = 0;
  std::string text;
  const auto add = [&](std::uint64_t microseconds, const std::string& step) {
    text += "  " + std::to_string(microseconds) + " µs  " + printable(step) + "\n";
  };
  for (const auto& timing : timings) {
    total += timing.microseconds;
    if (timing.microseconds > 0) add(timing.microseconds, timing.step);
  }
  add(total, "in all");
  return headed(console, "time that its ADD took", text);
}

std::string describe_ports(const Sighting& sighting) {
  std::string text;
  for (const auto& port : ports_of(sighting)) text += line("host port", port);
  return text;
}

// Of which block of which pool each address is; of the configured ranges nothing is said.
std::string describe_pools(const attachment::Attachment& attachment) {
  std::string text;
  if (!attachment.reservation) return text;
  for (const auto& directory : attachment.reservation->pools) {
    const ipam::PoolPlace pool{directory};
    for (const auto& block : lease::require_blocks(pool)) {
      for (const auto& address : attachment.addresses) {
        if (!block.prefix.contains(address.prefix.address())) continue;
        const auto use = to_string(block.use);
        text += line("pool", pool.name() + ", block " + block.prefix.to_string() +
                                 (use.empty() ? "" : " (" + std::string(use) + ")"));
      }
    }
  }
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
  text += describe_pools(attachment);
  text += describe_ports(sighting);
  if (seen.counters) {
    text += line("received", std::to_string(seen.counters->sent_bytes) + " bytes, " +
                                 std::to_string(seen.counters->sent_packets) + " packets");
    text += line("sent", std::to_string(seen.counters->received_bytes) + " bytes, " +
                             std::to_string(seen.counters->received_packets) + " packets");
  }
  text += describe_objects(console, "in the container", seen.container);
  text += describe_objects(console, "on the host", seen.host);
  text += describe_objects(console, "rules of the nftables tables patchcord", seen.rules);
  text += describe_queues(console, seen.queues);
  text += describe_settings(console, seen.settings);
  text += describe_parts(console, sighting);
  return text + describe_timings(console, sighting);
}

void write_objects(std::string_view name, const Objects& objects, Json& json) {
  json.key(name).begin_list();
  for (const auto& object : objects) {
    json.begin_object().member("object", object.text).member("verdict", to_string(object.verdict));
    if (!object.problem.empty()) json.member("problem", object.problem);
    json.end_object();
  }
  json.end_list();
}

void write_queues(const std::vector<Queue>& queues, Json& json) {
  json.key("shaping").begin_list();
  for (const auto& queue : queues) {
    json.begin_object()
        .member("direction", queue.ingress ? "ingress" : "egress")
        .member("hostInterface", queue.interface)
        .member("wantedBytesPerSecond", queue.wanted.rate)
        .member("wantedBurstBytes", queue.wanted.burst)
        .member("verdict", to_string(verdict_of(queue.is_right)));
    if (queue.seen) {
      const auto& [bytes, packets, dropped, overlimits, waiting] = queue.seen->counters;
      json.member("kind", queue.seen->kind)
          .member("bytesPerSecond", queue.seen->rate)
          .member("burstBytes", queue.is_right
                                    ? std::uint64_t{queue.wanted.burst}
                                    : netlink::burst_of(queue.seen->rate, queue.seen->buffer))
          .member("passedBytes", bytes)
          .member("passedPackets", packets)
          .member("droppedPackets", dropped)
          .member("overLimits", overlimits)
          .member("waitingBytes", waiting);
    }
    json.end_object();
  }
  json.end_list();
}

void write_settings(const steps::Settings& settings, Json& json) {
  json.key("settings").begin_list();
  for (const auto& setting : settings) {
    json.begin_object().member("name", setting.name).member("wanted", setting.wanted);
    if (setting.seen) json.member("seen", *setting.seen);
    json.member("verdict", to_string(verdict_of(setting.is_right))).end_object();
  }
  json.end_list();
}

void write_parts(const Sighting& sighting, Json& json) {
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
  json.end_list();
}

// As the container sees it, which is the other end's view.
void write_traffic(const netlink::Counters& counters, Json& json) {
  json.key("traffic").begin_object();
  json.member("receivedBytes", counters.sent_bytes);
  json.member("receivedPackets", counters.sent_packets);
  json.member("sentBytes", counters.received_bytes);
  json.member("sentPackets", counters.received_packets);
  json.end_object();
}

void write_json(const Sighting& sighting, const Seen& seen, Json& json) {
  json.begin_object();
  write_summary(sighting, json);
  write_parts(sighting, json);
  write_objects("inContainer", seen.container, json);
  write_objects("onHost", seen.host, json);
  write_objects("rules", seen.rules, json);
  write_queues(seen.queues, json);
  write_settings(seen.settings, json);
  if (seen.counters) write_traffic(*seen.counters, json);
  json.end_object();
}

int run_inspect(const Call& call) {
  const std::string& word = call.arguments.operands().front();
  Node node(call.state_directory);
  const auto files = read_configurations(configuration_directory(call));
  const auto meant = find_named(node, reservation_directories(files), word);
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
    .operands = "NAME",
    .least = 1,
    .most = 1,
    .summary = "everything of one container's attachments, the kernel beside the record",
    .details =
        "By container id (four characters are enough), pod, network namespace, address, or host\n"
        "interface.\n"
        "Exit status 1: something of it is missing or altered.",
    .options = kOptions,
    .examples =
        "patchcord inspect 10.88.0.5\npatchcord inspect veth881b451f8d6\n"
        "patchcord inspect shop/web-0 -o json",
    .run = run_inspect};

}  // namespace tool

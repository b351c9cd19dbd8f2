// patchcord watch: who comes and goes, and what each sends and receives.
#include <array>
#include <charconv>
#include <chrono>

#include "netlink/counters.h"
#include "netlink/monitor.h"
#include "plugin/operator/format.h"
#include "plugin/operator/mending.h"
#include "plugin/operator/survey.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Option kIntervalOption = {.name = "interval",
                                    .letter = 'i',
                                    .value = "SECONDS",
                                    .meaning = "between two looks at the counters; 2 unless given"};
constexpr Option kCountOption = {
    .name = "count",
    .letter = 'c',
    .value = "NUMBER",
    .meaning = "of looks at the counters, then end; 0, forever, unless given"};
constexpr std::array kOptions = {kIntervalOption, kCountOption};

unsigned number_of(const Call& call, const Option& option, unsigned usual) {
  const auto text = call.arguments.value(option.name);
  if (!text) return usual;
  unsigned number = 0;
  const auto* end = text->data() + text->size();
  if (std::from_chars(text->data(), end, number).ptr != end || number > 86'400)
    throw Misuse("--" + std::string(option.name) + ": \"" + *text + "\" is no such number");
  return number;
}

/// The host ends by index, with what they are called.
using Ends = std::map<int, std::string>;

constexpr std::string_view kUnmarked = "another plugin's";

std::string line_of(const attachment::RecordStore& records, const netlink::Link& link) {
  const auto key = attachment::parse_alias(link.alias);
  return link.name + "  " + (key ? name_of(records, *key) : std::string(kUnmarked));
}

// Who is known already keeps the name: it is asked for once.
Ends ends_of(netlink::Socket& socket, const attachment::RecordStore& records,
             const Ends& known = {}) {
  Ends ends;
  for (const auto& link : netlink::all_links(socket)) {
    const bool ours = attachment::parse_alias(link.alias).has_value();
    if (link.kind != "veth" || (!ours && !link.peer_nsid)) continue;
    const auto before = known.find(link.index);
    const bool is_named = before != known.end() && !before->second.ends_with(kUnmarked);
    ends[link.index] = is_named ? before->second : printable(line_of(records, link));
  }
  return ends;
}

// A link is there a moment before its mark is: who has none is told of when the round is over.
void tell_arrivals(const Console& console, const Ends& now, bool unmarked_too, Ends& known) {
  for (const auto& [index, name] : now) {
    if (known.contains(index) || (!unmarked_too && name.ends_with(kUnmarked))) continue;
    known[index] = name;
    console.write(paint(console, "+ ", Tone::kGood) + name + "\n");
  }
}

void tell_departures(const Console& console, const Ends& now, Ends& known) {
  for (auto each = known.begin(); each != known.end();) {
    if (now.contains(each->first)) {
      ++each;
      continue;
    }
    console.write(paint(console, "- ", Tone::kBad) + each->second + "\n");
    each = known.erase(each);
  }
}

std::string rate(std::uint64_t bytes, double seconds) {
  if (seconds <= 0) return "0";
  return bits_text(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds));
}

using All = std::map<int, netlink::Counters>;

// What the host end sends, the container receives. A counter that went back is another link's.
std::uint64_t grown(std::uint64_t before, std::uint64_t now) {
  return now >= before ? now - before : 0;
}

void tell_rates(const Console& console, const Ends& ends, const All& before, const All& now,
                double seconds) {
  for (const auto& [index, name] : ends) {
    const auto old = before.find(index);
    const auto current = now.find(index);
    if (old == before.end() || current == now.end()) continue;
    const auto in = grown(old->second.sent_bytes, current->second.sent_bytes);
    const auto out = grown(old->second.received_bytes, current->second.received_bytes);
    const auto drops = grown(old->second.sent_dropped + old->second.received_dropped,
                             current->second.sent_dropped + current->second.received_dropped);
    if (in == 0 && out == 0 && drops == 0) continue;
    std::string line =
        "  " + name + "  in " + rate(in, seconds) + "bit/s  out " + rate(out, seconds) + "bit/s";
    if (drops > 0) line += "  " + paint(console, std::to_string(drops) + " dropped", Tone::kBad);
    console.write(line + "\n");
  }
}

// Between two looks at the counters it sleeps until links change or the time is up.
int run_watch(const Call& call) {
  const auto interval = std::chrono::seconds(std::max(1U, number_of(call, kIntervalOption, 2)));
  const unsigned count = number_of(call, kCountOption, 0);
  const netlink::Namespace home = netlink::Namespace::current();
  netlink::Monitor monitor(home, home);
  netlink::Socket socket;
  const attachment::RecordStore records(call.state_directory);
  Ends ends = ends_of(socket, records);
  All counters = netlink::all_counters(socket);
  call.console.write(std::to_string(ends.size()) + " attachments; + came, - went\n");
  for (unsigned round = 1; count == 0 || round <= count; ++round) {
    const auto began = Clock::now();
    (void)monitor.wait_until(
        [&] {
          const Ends now = ends_of(socket, records, ends);
          tell_departures(call.console, now, ends);
          tell_arrivals(call.console, now, false, ends);
          return false;
        },
        interval);
    tell_arrivals(call.console, ends_of(socket, records, ends), true, ends);
    All now = netlink::all_counters(socket);
    const std::chrono::duration<double> seconds = Clock::now() - began;
    tell_rates(call.console, ends, counters, now, seconds.count());
    counters = std::move(now);
  }
  return kFine;
}

}  // namespace

const Command kWatch = {
    .name = "watch",
    .summary = "attachments as they come and go, and what each sends and receives",
    .details =
        "Comings and goings are told by the kernel as they happen. In and out\n"
        "are as the container sees them; who is silent has no line.",
    .options = kOptions,
    .examples = "patchcord watch\npatchcord watch -i 10",
    .run = run_watch};

}  // namespace tool

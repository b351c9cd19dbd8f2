#include "plugin/operator/trace/show.h"

#include "plugin/operator/json.h"
#include "plugin/operator/table.h"

namespace tool::trace {
namespace {

struct Sign {
  const char* text;
  Tone tone;
};

Sign sign_of(Mark mark) {
  switch (mark) {
    case Mark::kFine:
      return {"✓", Tone::kGood};
    case Mark::kStop:
      return {"✗", Tone::kBad};
    case Mark::kUnknown:
      return {"?", Tone::kWarning};
    case Mark::kNote:
      break;
  }
  return {"·", Tone::kFaint};
}

Tone tone_of(Verdict verdict) {
  if (verdict == Verdict::kPasses) return Tone::kGood;
  return verdict == Verdict::kUnknown ? Tone::kWarning : Tone::kBad;
}

std::string describe(const Hop& hop, const Console& console) {
  constexpr std::size_t kIndent = 6;
  const Sign sign = sign_of(hop.mark);
  return "  " + paint(console, sign.text, sign.tone) + " " +
         wrap(printable(hop.asked + ": " + hop.answer), kIndent, console.width) + "\n";
}

// A namespace's lines stand below its name.
std::string describe_hops(const std::vector<Hop>& hops, const Console& console) {
  std::string text;
  std::string place;
  for (const auto& hop : hops) {
    if (hop.place != place) text += paint(console, hop.place, Tone::kFaint) + "\n";
    place = hop.place;
    text += describe(hop, console);
  }
  return text;
}

std::vector<Hop> hops_of(const Trace& trace, bool is_back) {
  std::vector<Hop> hops;
  for (const auto& hop : trace.hops) {
    if (hop.is_back == is_back) hops.push_back(hop);
  }
  return hops;
}

std::string headed(const std::string& title, const std::string& text) {
  return text.empty() ? "" : "\n" + title + "\n" + text;
}

void write_hops(const std::vector<Hop>& hops, Json& json) {
  json.begin_list();
  for (const auto& hop : hops) {
    json.begin_object()
        .member("way", hop.is_back ? "back" : "there")
        .member("place", hop.place)
        .member("asked", hop.asked)
        .member("answer", hop.answer)
        .member("mark", to_string(hop.mark))
        .end_object();
  }
  json.end_list();
}

}  // namespace

std::string to_text(const Trace& trace, const Console& console) {
  std::string text = wrap(printable(trace.from + " → " + trace.to + ", " + to_string(trace.packet)),
                          2, console.width) +
                     "\n\n" + describe_hops(hops_of(trace, false), console);
  text += headed("and back", describe_hops(hops_of(trace, true), console));
  text += headed("a real packet", describe_hops(trace.probe, console));
  text += "\n" + paint(console, to_string(trace.verdict), tone_of(trace.verdict));
  if (!trace.by.empty()) text += "\n  " + wrap(printable(trace.by), 2, console.width);
  if (!trace.remedy.empty()) text += "\n  → " + wrap(printable(trace.remedy), 4, console.width);
  return text + "\n";
}

std::string to_json(const Trace& trace) {
  const Packet& packet = trace.packet;
  Json json;
  json.begin_object().member("from", trace.from).member("to", trace.to);
  json.key("packet")
      .begin_object()
      .member("protocol", protocol_name(packet.protocol))
      .member("source", packet.source.to_string())
      .member("destination", packet.destination.to_string());
  if (has_ports(packet) && packet.source_port != 0) json.member("sourcePort", packet.source_port);
  if (has_ports(packet) && packet.destination_port != 0)
    json.member("destinationPort", packet.destination_port);
  json.end_object().key("hops");
  write_hops(trace.hops, json);
  if (!trace.probe.empty()) write_hops(trace.probe, json.key("probe"));
  json.member("verdict", to_string(trace.verdict));
  if (!trace.by.empty()) json.member("by", trace.by);
  if (!trace.remedy.empty()) json.member("remedy", trace.remedy);
  return json.end_object().document();
}

}  // namespace tool::trace

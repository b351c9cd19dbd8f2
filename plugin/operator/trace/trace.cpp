#include "plugin/operator/trace/trace.h"

#include <netinet/in.h>

namespace tool::trace {
namespace {

std::string end_of(const base::IpAddress& address, unsigned port) {
  if (port == 0) return address.to_string();
  const std::string text = address.to_string();
  return (address.is_v4() ? text : "[" + text + "]") + ":" + std::to_string(port);
}

}  // namespace

std::string_view protocol_name(std::uint8_t protocol) {
  if (protocol == IPPROTO_TCP) return "tcp";
  return protocol == IPPROTO_UDP ? "udp" : "icmp";
}

std::uint8_t icmp_of(base::Family family) {
  if (family == base::Family::kIpv4) return IPPROTO_ICMP;
  return IPPROTO_ICMPV6;
}

bool has_ports(const Packet& packet) {
  return packet.protocol == IPPROTO_TCP || packet.protocol == IPPROTO_UDP;
}

std::string to_string(const Packet& packet) {
  const auto port = [&](std::uint16_t number) { return has_ports(packet) ? number : 0U; };
  return std::string(protocol_name(packet.protocol)) + " " +
         end_of(packet.source, port(packet.source_port)) + " → " +
         end_of(packet.destination, port(packet.destination_port));
}

Packet answer_to(const Packet& packet) {
  return {.source = packet.destination,
          .destination = packet.source,
          .protocol = packet.protocol,
          .source_port = packet.destination_port,
          .destination_port = packet.source_port};
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPasses:
      return "passes";
    case Verdict::kRefused:
      return "refused";
    case Verdict::kDropped:
      return "dropped";
    case Verdict::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view to_string(Mark mark) {
  switch (mark) {
    case Mark::kFine:
      return "fine";
    case Mark::kStop:
      return "stop";
    case Mark::kUnknown:
      return "unknown";
    case Mark::kNote:
      break;
  }
  return "note";
}

}  // namespace tool::trace

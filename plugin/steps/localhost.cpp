// Published ports by way of 127.0.0.1 (route_localnet).
#include <algorithm>

#include "netlink/sysctl.h"
#include "plugin/steps/step.h"
#include "plugin/steps/world.h"

// A packet from 127.0.0.1 may leave the host, and its answer may come in, only by an interface that
// has route_localnet set (route.c, ip_route_output_key and ip_route_input). The loopback guard
// among the rules of host ports keeps neighbours out all the same. IPv6 has no such thing: ::1
// stays at home.

namespace steps {
namespace {

using attachment::Attachment;

std::string key_of(const std::string& interface) {
  return "net/ipv4/conf/" + interface + "/route_localnet";
}

// The interface on the way to the container's IPv4 address; absent where localhost is not served.
std::optional<std::string> interface_of(const Attachment& attachment) {
  if (!attachment.host_ports || !attachment.host_ports->snat) return std::nullopt;
  for (const auto& target : attachment.host_ports->targets) {
    if (target.address.is_v4()) return target.interface;
  }
  return std::nullopt;
}

// Of a bridge it stays when the container goes: others need it.
bool enable(const std::string& interface) {
  const std::string key = key_of(interface);
  if (netlink::read_sysctl(key) == "1") return false;
  return netlink::write_sysctl(key, "1");
}

void apply(World&, Attachment& attachment, base::Rollback& undo) {
  const auto interface = interface_of(attachment);
  if (!interface || !enable(*interface)) return;
  undo.add("sysctl " + key_of(*interface),
           [key = key_of(*interface)] { netlink::write_sysctl(key, "0"); });
}

void list_settings(World&, const Attachment& attachment, Settings& settings) {
  if (const auto interface = interface_of(attachment))
    settings.push_back(look_at_sysctl(key_of(*interface), "1"));
}

void check(World& world, const Attachment& attachment, Findings& findings) {
  Settings settings;
  list_settings(world, attachment, settings);
  find_wrong(settings, findings, "ports are closed to 127.0.0.1: ");
}

void restore(World&, const Attachment& attachment, Findings& restored) {
  const auto interface = interface_of(attachment);
  if (interface && enable(*interface)) restored.push_back("sysctl " + key_of(*interface) + " = 1");
}

void remove(World&, const Attachment&) {}

}  // namespace

const Step kLocalhost = {.name = "localhost",
                         .apply = apply,
                         .check = check,
                         .remove = remove,
                         .restore = restore,
                         .settings = list_settings};

}  // namespace steps

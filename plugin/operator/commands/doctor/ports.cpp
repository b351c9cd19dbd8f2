// doctor's condition of host ports: a process of the node's that listens on one, and gets nothing.
#include <algorithm>
#include <array>

#include <netinet/in.h>
#include <unistd.h>

#include "base/file.h"
#include "netlink/listeners.h"
#include "plugin/operator/commands/doctor/doctor.h"

namespace tool {
namespace {

using netlink::Listener;

// Whether what is sent to the listener's address is led to the container.
bool covers(const cni::PortMapping& mapping, const attachment::PortTarget& target,
            const Listener& listener) {
  if (mapping.host_port != listener.port ||
      static_cast<std::uint8_t>(mapping.protocol) != listener.protocol)
    return false;
  const auto family = target.address.family();
  if (!cni::covers(mapping, family)) return false;
  if (listener.address.family() != family &&
      !(listener.takes_both && listener.address.is_unspecified()))
    return false;
  const bool any = !mapping.host_address || mapping.host_address->is_unspecified();
  // Of 127.0.0.0/8 one address is the port's, of IPv6 none.
  if (listener.address.is_loopback())
    return listener.address.to_string() == "127.0.0.1" &&
           (any || mapping.host_address == listener.address);
  return any || listener.address.is_unspecified() || mapping.host_address == listener.address;
}

// Runtimes bind the ports that they publish, so that nobody else does.
bool is_of_runtime(std::string_view process) {
  constexpr std::array<std::string_view, 3> kRuntimes = {"conmon ", "crio ", "podman "};
  return std::any_of(kRuntimes.begin(), kRuntimes.end(),
                     [&](std::string_view name) { return process.starts_with(name); });
}

// "nginx (812)": the process that has the socket; empty where none can be seen.
std::string process_with(std::uint32_t inode) {
  const std::string wanted = "socket:[" + std::to_string(inode) + "]";
  constexpr std::size_t kMost = 64;
  for (const auto& process : processes()) {
    for (const auto& number : names_in("/proc/" + process + "/fd")) {
      const std::string path = "/proc/" + process + "/fd/" + number;
      std::array<char, kMost> target{};
      const auto size = ::readlink(path.c_str(), target.data(), target.size());
      if (size <= 0 || std::string_view(target.data(), static_cast<std::size_t>(size)) != wanted)
        continue;
      auto name = base::read_file("/proc/" + process + "/comm", kMost).value_or("");
      if (name.ends_with('\n')) name.pop_back();
      return name + " (" + process + ")";
    }
  }
  return {};
}

void tell(const Listener& listener, const std::string& title, Diagnoses& found) {
  const std::string process = process_with(listener.inode);
  if (is_of_runtime(process)) return;
  const std::string protocol = listener.protocol == IPPROTO_UDP ? "udp" : "tcp";
  const std::string port = protocol + " port " + std::to_string(listener.port);
  found.push_back({.name = "port-of-listener",
                   .is_error = true,
                   .text = (process.empty() ? "a process" : "process " + process) +
                           " of the node listens on " + port +
                           ", which is published: what is sent there goes to the container",
                   .remedy = "have the one or the other use another port; on the node, its unit or "
                             "its command line says which",
                   .about = {title}});
}

void look_at(const attachment::Attachment& attachment, const std::string& title,
             const std::vector<Listener>& listeners, Diagnoses& found) {
  if (!attachment.host_ports) return;
  for (const auto& mapping : attachment.host_ports->mappings) {
    for (const auto& target : attachment.host_ports->targets) {
      const auto at =
          std::find_if(listeners.begin(), listeners.end(),
                       [&](const Listener& listener) { return covers(mapping, target, listener); });
      if (at != listeners.end()) tell(*at, title, found);
    }
  }
}

}  // namespace

void look_at_ports(const Patient& patient, Diagnoses& found) {
  const bool any =
      std::any_of(patient.sightings.begin(), patient.sightings.end(), [](const Sighting& sighting) {
        return sighting.attachment.host_ports || !sighting.chained.empty();
      });
  if (!any) return;
  const auto listeners = netlink::find_listeners();
  for (const auto& sighting : patient.sightings) {
    if (sighting.state == State::kGone) continue;
    look_at(sighting.attachment, title_of(sighting), listeners, found);
    for (const auto& record : sighting.chained)
      look_at(record.attachment, title_of(sighting), listeners, found);
  }
}

}  // namespace tool

// Whether what this node has reaches the others, and what they have this one.
#include <algorithm>

#include <linux/rtnetlink.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "plugin/config/pool.h"
#include "plugin/operator/commands/fabric/daemons.h"
#include "plugin/operator/commands/fabric/fabric.h"
#include "plugin/operator/files.h"
#include "plugin/operator/format.h"

namespace tool {
namespace {

using conditions::Diagnoses;

constexpr std::size_t kLongestFile = std::size_t{1} << 20U;

struct Routes {
  std::vector<netlink::Route> all;

  explicit Routes(netlink::Socket& host) {
    for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
      const auto some = netlink::main_routes(host, family);
      all.insert(all.end(), some.begin(), some.end());
    }
  }
  [[nodiscard]] bool has_block(const base::IpPrefix& block) const {
    return std::any_of(all.begin(), all.end(), [&](const auto& route) {
      return route.protocol == netlink::kProtocolOfBlocks && route.destination == block;
    });
  }
};

std::vector<base::IpPrefix> own_blocks(const cni::Environment& environment) {
  std::vector<base::IpPrefix> blocks;
  for (const auto& place : ipam::list_pools(config::pools_directory_of(environment))) {
    const auto pool = config::read_pool(place);
    if (!pool || pool->is_local) continue;
    for (const auto& block : ipam::read_blocks(place)) {
      if (block.use != ipam::BlockUse::kLost) blocks.push_back(block.prefix);
    }
  }
  return blocks;
}

void look_for_routes(const Routes& routes, const std::vector<base::IpPrefix>& blocks,
                     Diagnoses& found) {
  for (const auto& block : blocks) {
    if (!routes.has_block(block)) {
      found.push_back({.name = "block-not-announced",
                       .is_error = true,
                       .text = "block " + block.to_string() +
                               " has no route, by which routing daemons would learn of it",
                       .remedy = "patchcord-blocks.service does that at boot",
                       .command = "patchcord block boot"});
    }
  }
}

// Of two nodes with one block only the one sees it that lost: the other's announcement is in the
// kernel beside its own route.
void look_for_others(const Routes& routes, std::vector<base::IpPrefix> blocks, Diagnoses& found) {
  for (const auto& route : routes.all) {
    if (route.protocol == netlink::kProtocolOfBlocks) blocks.push_back(route.destination);
  }
  for (const auto& route : routes.all) {
    const auto block = std::find_if(blocks.begin(), blocks.end(), [&](const base::IpPrefix& each) {
      return each.contains(route.destination.address()) &&
             route.destination.length() >= each.length();
    });
    if (!route.gateway || block == blocks.end()) continue;
    found.push_back(
        {.name = "block-of-two-nodes",
         .is_error = true,
         .text = "block " + block->to_string() +
                 " is this node's, and another one announces it: " + netlink::to_string(route),
         .remedy = "one of the two was forgotten while it lived, or has the other's "
                   "files: patchcord block list --all says whose it is",
         .command = "patchcord block keep"});
  }
}

void look_at_daemon(const Daemon& daemon, Diagnoses& found) {
  for (const auto& session : daemon.sessions) {
    if (session.is_up) continue;
    found.push_back({.name = "fabric-session-down",
                     .is_error = true,
                     .text = daemon.name + "'s session " + session.name + " is " + session.state,
                     .remedy = "whether the reflector runs and knows this node's subnet; the "
                               "daemon's log has why",
                     .command = {}});
  }
  if (!daemon.unreachable.empty()) {
    found.push_back({.name = "next-hop-unknown",
                     .is_error = true,
                     .text = daemon.name + " knows no way to the next hop of " +
                             conditions::listed(daemon.unreachable),
                     .remedy = "the configuration of patchcord fabric config looks them up through "
                               "the default route",
                     .command = {}});
  }
  if (daemon.unannounced.empty()) return;
  found.push_back(
      {.name = "block-not-carried",
       .is_error = true,
       .text = daemon.name + " tells nobody of " + conditions::listed(daemon.unannounced),
       .remedy = "a session that is up, and a configuration that has the block's pool: "
                 "patchcord fabric config",
       .command = {}});
}

void look_at_daemons(const config::Fabric& fabric, const std::vector<base::IpPrefix>& blocks,
                     Diagnoses& found) {
  bool is_any = false;
  for (const auto look : {look_at_bird, look_at_frr}) {
    if (const auto daemon = look(fabric, blocks)) {
      look_at_daemon(*daemon, found);
      is_any = true;
    }
  }
  // Nodes on one LAN may do without.
  if (is_any || fabric.reflectors.empty()) return;
  found.push_back({.name = "fabric-daemon-silent",
                   .is_error = true,
                   .text = "neither BIRD (" + fabric.bird_socket + ") nor FRR (" +
                           fabric.frr_sockets + ") runs, and " + fabric.path +
                           " has reflectors to speak with",
                   .remedy = "systemctl status bird frr",
                   .command = {}});
}

std::vector<std::string> words_of_process(const std::string& process) {
  std::vector<std::string> words;
  const std::string line =
      base::read_file("/proc/" + process + "/cmdline", kLongestFile).value_or("");
  for (std::size_t begin = 0; begin < line.size();) {
    const auto end = std::min(line.find('\0', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string network_of(const std::string& process) {
  std::string link(64, '\0');
  const auto size = ::readlink(("/proc/" + process + "/ns/net").c_str(), link.data(), link.size());
  return size < 0 ? "" : link.substr(0, static_cast<std::size_t>(size));
}

// With -R, and one reflector away, BIRD installs nothing for 240 s unless it is told otherwise.
void look_at_restarts(Diagnoses& found) {
  for (const auto& process : processes()) {
    std::vector<std::string> words;
    try {
      words = words_of_process(process);
    } catch (const base::SystemError&) {
      continue;  // it has ended
    }
    if (words.empty() || !("/" + words.front()).ends_with("/bird")) continue;
    if (std::find(words.begin(), words.end(), "-R") == words.end()) continue;
    if (network_of(process) != network_of("self")) continue;
    const auto option = std::find(words.begin(), words.end(), "-c");
    const bool is_given = option != words.end() && option + 1 != words.end();
    const std::string path = is_given ? option[1] : "/etc/bird/bird.conf";
    const auto text = base::read_file(path, kLongestFile);
    if (!text || text->find("graceful restart wait") != std::string::npos) continue;
    found.push_back({.name = "restart-waits",
                     .is_error = false,
                     .text = "BIRD is started with -R, and " + path +
                             " has no \"graceful restart wait\": with a reflector away it installs "
                             "nothing for 240 s",
                     .remedy = "\"graceful restart wait 10;\", as patchcord fabric config has it",
                     .command = {}});
  }
}

bool keeps_foreign_routes(const std::string& path) {
  const auto text = base::read_file(path, kLongestFile);
  if (!text) return false;
  for (const auto* no : {"no", "false", "off", "0"}) {
    if (text->find(std::string("\nManageForeignRoutes=") + no) != std::string::npos) return true;
  }
  return false;
}

void look_at_networkd(Diagnoses& found) {
  const std::string state = "/run/systemd/netif/state";
  if (::access(state.c_str(), F_OK) != 0) return;
  std::vector<std::string> files = {"/etc/systemd/networkd.conf"};
  for (const auto* directory : {"/etc/systemd/networkd.conf.d", "/run/systemd/networkd.conf.d",
                                "/usr/lib/systemd/networkd.conf.d"}) {
    for (const auto& name : names_in(directory))
      files.push_back(std::string(directory) + "/" + name);
  }
  if (std::any_of(files.begin(), files.end(), keeps_foreign_routes)) return;
  found.push_back({.name = "networkd-removes-routes",
                   .is_error = false,
                   .text = "systemd-networkd removes routes that it does not know when it is "
                           "restarted: those of blocks, of pods and of the routing daemon",
                   .remedy = "ManageForeignRoutes=no and ManageForeignRoutingPolicyRules=no below "
                             "[Network] in /etc/systemd/networkd.conf.d/patchcord.conf",
                   .command = {}});
}

void look_at_vxlan(netlink::Socket& host, const config::Fabric& fabric, Diagnoses& found) {
  constexpr unsigned kOverhead = 50;  // IPv4, UDP, VXLAN, Ethernet
  unsigned least = 0;
  const auto links = netlink::all_links(host);
  for (const auto& route : netlink::default_routes(host, base::Family::kIpv4)) {
    for (const auto& link : links) {
      if (link.index == route.out_link && (least == 0 || link.mtu < least)) least = link.mtu;
    }
  }
  for (const auto& link : links) {
    const bool is_uplink =
        std::find(fabric.uplinks.begin(), fabric.uplinks.end(), link.name) != fabric.uplinks.end();
    if (is_uplink && (least == 0 || link.mtu < least)) least = link.mtu;
  }
  for (const auto& link : links) {
    if (link.kind != "vxlan" || least == 0 || link.mtu + kOverhead <= least) continue;
    const std::string most = std::to_string(least - kOverhead);
    found.push_back({.name = "vxlan-too-wide",
                     .is_error = true,
                     .text = link.name + " takes packets of " + std::to_string(link.mtu) +
                             " bytes, and the uplink carries " + most + " of them",
                     .remedy = "the same for the mtu of networks over it",
                     .command = "ip link set " + link.name + " mtu " + most});
  }
}

}  // namespace

void look_at_block_routes(const cni::Environment& environment, netlink::Socket& host,
                          Diagnoses& found) {
  look_for_routes(Routes(host), own_blocks(environment), found);
}

void look_at_fabric(const cni::Environment& environment, netlink::Socket& host, Diagnoses& found) {
  const auto blocks = own_blocks(environment);
  const auto fabric = config::read_fabric(environment);
  if (blocks.empty() && fabric.reflectors.empty()) return;
  look_for_others(Routes(host), blocks, found);
  look_at_daemons(fabric, blocks, found);
  look_at_restarts(found);
  look_at_networkd(found);
  look_at_vxlan(host, fabric, found);
}

}  // namespace tool

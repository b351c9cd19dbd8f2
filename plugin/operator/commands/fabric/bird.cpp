// A configuration of BIRD 2 (docs/cluster.md has what each line of it is for, and what went wrong
// without).
#include "plugin/cni/error.h"
#include "plugin/operator/commands/fabric/fabric.h"
#include "plugin/operator/format.h"

namespace tool {
namespace {

using base::Family;

struct Words {
  Family family;
  std::string_view channel;  // "ipv4"
  std::string_view pool;     // "POOL"
  std::string_view suffix;   // of protocols' names
  std::string_view any;      // "0.0.0.0/0"
};

constexpr Words kWords4 = {Family::kIpv4, "ipv4", "POOL", "4", "0.0.0.0/0"};
constexpr Words kWords6 = {Family::kIpv6, "ipv6", "POOL6", "6", "::/0"};

std::string quoted_names(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  quoted.reserve(names.size());
  for (const auto& name : names) quoted.push_back("\"" + name + "\"");
  return join(quoted, ", ");
}

std::string pool_set(const std::vector<config::Announced>& pools) {
  std::vector<std::string> patterns;
  for (const auto& pool : pools) {
    const std::string length = std::to_string(pool.block);
    patterns.push_back(pool.cidr.to_string() + "{" + length + "," + length + "}");
  }
  return "[ " + join(patterns, ", ") + " ]";
}

std::string head(const FabricPlan& plan) {
  std::string text = plan.is_reflector ? "# /etc/bird/bird.conf of a route reflector, by "
                                         "`patchcord fabric config bird --reflector`:\n"
                                         "# it lists no node, and no block.\n"
                                       : "# /etc/bird/bird.conf, by `patchcord fabric config "
                                         "bird`: the same on each node of a subnet.\n"
                                         "# No block and no pod stands in it; it is made again "
                                         "when a pool or a reflector is added.\n";
  text += "log syslog all;\n";
  if (plan.router_id) {
    text += "router id from \"" + plan.uplinks.front() + "\";\n";
  } else {
    text +=
        "router id 0.0.0.1;  # without an address of IPv4 each node needs a number of its own\n";
  }
  // A reflector that is away would hold up all routes for the usual 240 s behind a start with -R.
  return text + "graceful restart wait 10;\nprotocol device { scan time 10; }\n";
}

std::string sets(const FabricPlan& plan, const Words& words) {
  return "\ndefine " + std::string(words.pool) + " = " + pool_set(plan.pools(words.family)) +
         ";  # blocks; pods' own routes are none\n";
}

std::string kernel(const FabricPlan& plan, const Words& words) {
  const std::string channel(words.channel);
  std::string text = "protocol kernel kernel" + std::string(words.suffix) +
                     " {\n  persist; graceful restart;  # routes stay while BIRD is restarted\n"
                     "  scan time 10; merge paths on;\n";
  if (plan.is_reflector)
    return text + "  " + channel + " { import none; export where source = RTS_BGP; };\n}\n";
  return text + "  learn;\n  " + channel +
         " {\n    import filter {\n      if krt_source = PATCHCORD && net ~ " +
         std::string(words.pool) + " then accept;\n      if net = " + std::string(words.any) +
         " then accept;  # next hops behind a router are looked up through it\n      reject;\n    "
         "};\n"
         "    export where source = RTS_BGP;\n  };\n}\n";
}

std::string session_times() {
  return "  graceful restart on;\n  hold time 9; keepalive time 3;\n"
         "  connect delay time 1; connect retry time 3; error wait time 1, 5; error forget time "
         "30;\n";
}

// Reflectors of a node's own subnet are spoken to directly. Without "gateway recursive" that would
// mean to throw away, without a word, whose next hop is behind a router.
std::string sessions(const FabricPlan& plan, const Words& words) {
  const std::string pool(words.pool);
  std::string text = "template bgp reflector" + std::string(words.suffix) + " {\n  local as " +
                     std::to_string(plan.fabric.as) + ";\n" + session_times() + "  " +
                     std::string(words.channel) + " {\n    import where net ~ " + pool +
                     ";\n    export where source = RTS_INHERIT && krt_source = PATCHCORD;\n"
                     "    next hop self; gateway recursive;\n  };\n}\n";
  const auto reflectors = plan.reflectors(words.family);
  for (std::size_t i = 0; i < reflectors.size(); ++i) {
    text += "protocol bgp " + session_name(words.family == Family::kIpv4 ? "rr" : "rr6x", i) +
            " from reflector" + std::string(words.suffix) + " { neighbor " +
            reflectors[i].to_string() + " as " + std::to_string(plan.fabric.as) + "; " +
            (plan.is_on_link(reflectors[i]) ? "direct" : "multihop") + "; }\n";
  }
  return text;
}

std::string clients(const FabricPlan& plan, const Words& words) {
  const std::string suffix(words.suffix);
  std::string text = "template bgp nodes" + suffix + " {\n  local as " +
                     std::to_string(plan.fabric.as) + ";\n  rr client;\n" + session_times() + "  " +
                     std::string(words.channel) + " { import where net ~ " +
                     std::string(words.pool) + "; export where source = RTS_BGP; };\n}\n";
  const auto ranges = plan.nodes(words.family);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    text += "protocol bgp from nodes" + suffix + " { neighbor range " + ranges[i].to_string() +
            " as " + std::to_string(plan.fabric.as) + "; dynamic name \"" +
            session_name("n" + suffix + "x", i) + "x\"; " +
            (plan.is_on_link(ranges[i].address().next()) ? "direct" : "multihop") + "; }\n";
  }
  return text;
}

std::string of_family(const FabricPlan& plan, const Words& words) {
  if (plan.pools(words.family).empty()) return {};
  if (plan.is_reflector) return sets(plan, words) + kernel(plan, words) + clients(plan, words);
  return sets(plan, words) + "protocol direct direct" + std::string(words.suffix) + " { " +
         std::string(words.channel) + "; interface " + quoted_names(plan.uplinks) + "; }\n" +
         kernel(plan, words) + sessions(plan, words);
}

}  // namespace

std::string bird_configuration(const FabricPlan& given) {
  FabricPlan plan = given;
  if (!plan.evpn.empty() || plan.is_unnumbered)
    throw cni::Error(cni::Code::kFile, "BIRD 2 has neither EVPN nor sessions by interface",
                     "patchcord fabric config frr has both");
  if (plan.fabric.as == 0) plan.fabric.as = kUsualAs;
  std::string text = head(plan);
  if (!plan.is_reflector)
    text += "define PATCHCORD = 81;  # ip route show proto 81: the blocks of this node\n";
  return text + of_family(plan, kWords4) + of_family(plan, kWords6);
}

}  // namespace tool

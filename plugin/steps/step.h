#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/rollback.h"
#include "netlink/route.h"
#include "netlink/socket.h"
#include "plugin/attachment/attachment.h"

namespace netlink {
struct BridgePortFlags;
struct Link;
}  // namespace netlink

/// What an attachment is made of, one file a step. ADD, CHECK and DEL are three readings of one
/// list of them.
namespace steps {

struct World;  // "plugin/steps/world.h"

/// What CHECK found missing or altered, each a sentence that names the object.
using Findings = std::vector<std::string>;

/// A setting that a step makes, beside what the kernel has.
struct Setting {
  std::string name;  // "sysctl net/ipv4/ip_forward"
  std::string wanted;
  std::optional<std::string> seen{};  // absent where there is no such setting, or none that tells
  bool is_right = false;
};
using Settings = std::vector<Setting>;

/// A step does nothing where the attachment has nothing for it. apply() may amend the attachment
/// (World::amended) and registers its undo on the line after the effect; remove() takes away what
/// does not vanish with the links, and finding nothing is success; both throw what the lower layers
/// throw. restore() puts back what check() would find missing or altered, touches nothing that is
/// right, and says in `restored` what it put back.
struct Step {
  std::string_view name;
  void (*apply)(World& world, attachment::Attachment& attachment, base::Rollback& undo);
  void (*check)(World& world, const attachment::Attachment& attachment, Findings& findings);
  void (*remove)(World& world, const attachment::Attachment& attachment);
  void (*restore)(World& world, const attachment::Attachment& attachment,
                  Findings& restored) = nullptr;  // null: what is lost cannot be put back
  /// Adds the settings that the step makes, for who looks at an attachment. Needs what check()
  /// needs, and runs after it in the same world.
  void (*settings)(World& world, const attachment::Attachment& attachment,
                   Settings& settings) = nullptr;  // null: it makes none
};

/// The bridge exists, of this kind, with the wanted flags. New or half-made ones stay down until
/// kOpenBridge.
extern const Step kBridge;
/// For STATUS: throws what an ADD would throw of a bridge, or of the gateway's addresses on it, as
/// they are now.
void foresee_bridge(netlink::Socket& host, const attachment::Attachment& plan);
void foresee_gateways(netlink::Socket& host, const attachment::Attachment& plan);
/// Held around the first use of a bridge, or of the gateway of one of its VLANs. Throws
/// base::LockTimeout.
[[nodiscard]] base::FileLock lock_bridge(const World& world, const std::string& bridge);
/// Whether a bridge was made by somebody else, by its group.
[[nodiscard]] bool is_of_others(const netlink::Link& bridge);
/// No router advertisement of a container's is taken by the node, from the bridge or the gateway of
/// its VLAN. That of the host end is kInterface's.
extern const Step kAdvertisements;
/// The sysctl of IPv6, of a link that must not take any. Absent where it has none.
[[nodiscard]] std::optional<Setting> look_at_hosts_accept_ra(const netlink::Link& link);
inline constexpr std::string_view kMeaningOfAcceptRa =
    "a container can make itself the node's router: ";
/// The veth pair, enslaved at birth, refusing router advertisements; host end up.
extern const Step kInterface;
/// Settings of the container's interface and of its namespace.
extern const Step kTuning;
/// Notes what kTuning is about to change, as far as it is there already.
void remember_originals(const World& world, attachment::Tuning& tuning);
/// The rates of both directions. Needs the host end.
extern const Step kShaping;
/// Of the name of an ifb, before the digits of the key's digest.
inline constexpr std::string_view kIfbPrefix = "bwp";
/// Hairpin, isolation and BPDU guard of the bridge port.
extern const Step kBridgePort;
/// What it is born with.
[[nodiscard]] netlink::BridgePortFlags flags_of(const attachment::BridgePort& port);
/// The VLANs of the bridge port.
extern const Step kPortVlans;
/// The interface that is the gateway of one VLAN; stays down until kOpenVlanGateway.
extern const Step kVlanGateway;
/// The host end as a router that answers for everything, and the container's permanent neighbours.
extern const Step kRoutedPort;
/// The gateways' addresses on the host end of a ptp port.
extern const Step kPtpPort;
/// The container's addresses, then its interface up.
extern const Step kAddresses;
/// Whether rules say what the container may send. Then its host end is down until they are there,
/// and its own end, which who is in the container may set up at any time, leads nowhere.
[[nodiscard]] bool rules_come_first(const World& world, const attachment::Attachment& attachment);
/// Where they come first: both ends up.
extern const Step kUpAfterRules;
/// The container's way to the gateways on the host end of a ptp port, and through them.
extern const Step kPtpRoutes;
/// The container's routes.
extern const Step kRoutes;
[[nodiscard]] netlink::Route to_kernel(const attachment::Attachment& attachment,
                                       const cni::Route& route, int out_link);
/// Routes that differ in the next hop alone are one to the kernel: the places in `routes` of those
/// that belong together, each once.
[[nodiscard]] std::vector<std::vector<std::size_t>> find_multipaths(
    const std::vector<cni::Route>& routes);
/// False where somebody else's is in the way. One by a next hop to the subnet of an own address,
/// to which the kernel has a route, comes before that.
bool add_to_kernel(netlink::Socket& container, const attachment::Attachment& attachment,
                   std::span<const netlink::Route> hops);
/// What has an address of a further interface of the container as its source leaves by that.
extern const Step kSourceRoutes;
/// Of its table.
[[nodiscard]] bool is_source_route(const netlink::Route& route,
                                   const attachment::Attachment& attachment);
/// Whether another plugin, too, routes by addresses of that interface: then it may have taken the
/// routes out of the main table.
[[nodiscard]] bool is_routed_by_others(World& world, const attachment::Attachment& attachment);
/// The host's routes to a container that has a link of its own.
extern const Step kHostRoutes;
/// The gateway addresses on the bridge, or on the interface that has them in its place.
extern const Step kGateway;
/// What attachments have in our nftables tables. Each of these steps but adds to World::rules, and
/// all of it is made in one transaction, before the port carries traffic: by kPublishRules, which
/// comes after them, and taken away by kWithdrawRules, which comes before them and so is undone
/// after them. Where there is nothing, netfilter is not spoken to.
extern const Step kWithdrawRules;
extern const Step kMasquerade;
extern const Step kIsolation;
extern const Step kAntispoof;
/// That antispoof knows the MAC which kTuning gives, of an interface that another record tells of.
extern const Step kTunedMac;
/// Ports of the host that lead into the container.
extern const Step kHostPorts;
/// What is accepted for the container by kForeignFilter.
extern const Step kAcceptance;
extern const Step kPublishRules;
/// Accepting where a drop of others would be final: rules of iptables, the same for all containers.
extern const Step kForeignFilter;
/// What the kernel remembers of datagrams to host ports, from before these were published, and from
/// before they were withdrawn.
extern const Step kFlowsOfNewPorts;
extern const Step kFlowsOfOldPorts;
/// The port carries traffic.
extern const Step kCarrier;
/// The same before there are addresses, for the program that looks for them: what binds the port to
/// its MAC and to no address, then the host end, a bridge of others' that is down, and the
/// interface; and what depends on which it has found. Not of private_steps(): nothing of it is to
/// be checked.
extern const Step kGuardEarly;
extern const Step kHostEndEarly;
extern const Step kOpenBridgeEarly;
extern const Step kCarrierEarly;
extern const Step kIpv6Late;

/// What others rely on from the moment it is there: these run last, when everything of the
/// attachment's own has succeeded.
extern const Step kForwarding;
/// Packets from 127.0.0.1 may leave by the host's interface that leads to the container's ports.
extern const Step kLocalhost;
extern const Step kOpenVlanGateway;
extern const Step kOpenBridge;
/// The host's routes to a container of a bridge whose addresses are in no subnet of it.
extern const Step kBridgeRoutes;

/// The path below /proc/sys of an interface's setting of IPv6.
[[nodiscard]] std::string ipv6_key(const std::string& interface, std::string_view setting);
/// A sysctl of the calling thread's namespace. `key` is the path below /proc/sys.
[[nodiscard]] Setting look_at_sysctl(const std::string& key, std::string_view wanted);

/// "sysctl net/ipv4/ip_forward is 0, not 1", of each that is not right; with what that means before
/// it, where it is said.
void find_wrong(const Settings& settings, Findings& findings, std::string_view meaning = "");

/// Has an effect and registers its undo, also where the kernel's answer was lost and nobody knows
/// whether there was an effect. The undo must take that, and that it finds nothing to undo.
/// `effect` says whether there was one.
void perform(base::Rollback& undo, std::string what, const std::function<bool()>& effect,
             std::function<void()> reversal);

/// Does for restore() what apply() does for ADD: undone again unless it succeeds.
void all_or_nothing(const std::function<void(base::Rollback&)>& work);

/// In the order of ADD.
[[nodiscard]] std::span<const Step* const> private_steps();
/// Of these, what makes the links, and what comes after it.
[[nodiscard]] std::span<const Step* const> link_steps();
[[nodiscard]] std::span<const Step* const> inner_steps();
/// Between the two, where a program gives the addresses: before it, which may look for them through
/// the links, and after it.
[[nodiscard]] std::span<const Step* const> early_steps();
[[nodiscard]] std::span<const Step* const> late_steps();
[[nodiscard]] std::span<const Step* const> public_steps();

}  // namespace steps

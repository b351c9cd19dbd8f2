#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_prefix.h"
#include "base/mac_address.h"
#include "netlink/netns.h"
#include "netlink/socket.h"
#include "plugin/attachment/settings.h"
#include "plugin/cni/port_condition.h"
#include "plugin/cni/port_mapping.h"
#include "plugin/cni/result.h"

/// What one ADD makes, resolved to the last name and number. Everything that CHECK, DEL, GC and
/// reconcile need is in here, and it is written down before the kernel is touched.
namespace netlink {
struct Link;
}

namespace attachment {

/// CNI's identity of an attachment (CNI 1.1.0, "Section 2", with the network's name as 0.4.0 has
/// it).
struct Key {
  std::string network;
  std::string container_id;
  std::string ifname;
  // clang-tidy 14 takes the 0 in what "= default" makes for a null pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const Key&, const Key&) = default;
};

/// "network/container id/ifname", for messages and, after "patchcord ", as the host end's ifalias.
[[nodiscard]] std::string to_string(const Key& key);

/// The ifalias by which the host end says whose it is: "patchcord <network>/<container
/// id>/<ifname>". A key that does not fit into IFALIASZ (256 bytes with the terminator) is
/// shortened to its beginning and a digest, always in the same way.
[[nodiscard]] std::string alias_of(const Key& key);

/// The opposite. Absent for what is no alias of ours, and for one that was shortened.
[[nodiscard]] std::optional<Key> parse_alias(std::string_view alias);

/// What elements of nftables sets have as their comment: network/container id/ifname, which where
/// it is longer than a comment may be (127 bytes) is shortened to its beginning and a digest.
[[nodiscard]] std::string comment_of(const Key& key);
/// The opposite. Absent for what is no comment of ours, and for one that was shortened.
[[nodiscard]] std::optional<Key> parse_comment(std::string_view comment);

/// Whether a link with this alias is one of ours, of whichever attachment.
[[nodiscard]] bool is_mark(std::string_view alias);

/// Whether these are names as the protocol has them. What comes from a file's name or content may
/// be anything.
[[nodiscard]] bool is_valid(const Key& key);

/// The host end's name: the prefix and as many hexadecimal digits of a digest of the key as fit
/// into 15 bytes, so that the end is found again by names alone, without a record and without a
/// search.
[[nodiscard]] std::string host_name_of(const Key& key, std::string_view prefix);

struct Pair {
  std::string host_name;
  base::MacAddress host_mac;
  base::MacAddress container_mac;
  unsigned mtu = 0;  // bytes; 0: the kernel's default
  bool container_up = true;
  bool enable_dad = false;
  bool accept_ra = false;  // routers' advertisements are wanted in the container
};

/// The pair as the host's kernel tells of it, known once it is there: what the container says of
/// its own end is the container's to choose.
struct Wire {
  int host_index = 0;           // of the host end; 0: not known
  int container_index = 0;      // of the other end, in its namespace
  int nsid = -1;                // the number by which the host's namespace knows that one
  base::MacAddress host_mac{};  // of a host end that another plugin has made
  friend bool operator==(const Wire&, const Wire&) = default;
};

/// Whence an operation looks: what is not seen from there may be there all the same for who looks
/// from elsewhere.
struct Viewpoint {
  netlink::NamespaceIdentity network{};  // the host's
  std::uint64_t mounts = 0;              // base::mount_namespace()
  friend bool operator==(const Viewpoint&, const Viewpoint&) = default;
};

struct VlanRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

/// The VLANs of a port of a bridge that filters.
struct PortVlans {
  std::uint16_t native = 0;  // 0 leaves what the bridge gives
  std::vector<VlanRange> trunk{};
  bool keep_default = false;  // the VLAN that the bridge gives every port
};

/// The veth pair that has the gateway address of one VLAN: `name` outside, its other end a port of
/// the bridge. Shared by the containers of the VLAN.
struct VlanGateway {
  std::string name;
  base::MacAddress mac;  // if this ADD has to make it
};

/// The name of the bridge's port behind a VLAN's gateway, a digest of the gateway's.
[[nodiscard]] std::string port_of_vlan_gateway(const std::string& name);

struct BridgePort {
  std::string bridge;
  base::MacAddress bridge_mac;  // if this ADD has to create the bridge
  bool is_gateway = false;      // of the containers, whose neighbour then keeps its MAC
  bool hairpin = false;
  bool isolated = false;
  bool promiscuous = false;  // of the bridge
  bool force_address = false;
  std::vector<base::IpPrefix> gateways;  // addresses that the bridge has for this network
  std::optional<PortVlans> vlans{};
  std::optional<VlanGateway> vlan_gateway{};  // has the gateways in the bridge's place
};

/// A /32 or /128 behind a link-local next hop, as Calico wires pods.
struct RoutedPort {
  std::vector<base::IpAddress> next_hops;  // one a family
};

/// A link of its own for each container, whose host end has the gateway's address, and routes of
/// both sides through it.
struct PtpPort {
  std::vector<base::IpAddress> gateways;  // addresses of the host end, each once
};

/// Where host ports lead to.
struct PortTarget {
  base::IpAddress address;  // of the container
  std::string interface;    // of the host, on the way there
  /// What packets must be like to be led there; all of it.
  std::vector<cni::PortCondition> conditions{};
};

struct HostPorts {
  std::vector<cni::PortMapping> mappings{};
  std::vector<PortTarget> targets{};  // one a family
  bool snat = true;             // also from the container itself, its neighbours and 127.0.0.1
  bool masquerade_all = false;  // whoever connects
};

struct Address {
  base::IpPrefix prefix;
  std::optional<base::IpAddress> gateway;
};

/// What has an address of the interface as its source leaves by it: where the container has another
/// one.
struct SourceRoutes {
  std::uint32_t table = 0;  // of the container's routes; 0 while none was needed
};
/// What tells our rules and tables from others': one table an interface, by its index.
inline constexpr std::uint32_t kSourceRulePriority = 31000;
[[nodiscard]] constexpr std::uint32_t source_table_of(int index) {
  return 10000 + static_cast<std::uint32_t>(index);
}

/// Traffic of these addresses to elsewhere than `except` leaves with the host's own address.
struct Masquerade {
  std::vector<base::IpAddress> addresses;
  std::vector<base::IpPrefix> except;  // for each family of them; in order, none within another
};

/// Which containers of this host may open connections to the attachment's addresses: those of its
/// network, or none.
enum class Isolation : std::uint8_t { kNetwork, kPod };

/// What the container's packets may say of where they come from.
struct Antispoof {
  bool mac = false;        // the MAC that it was given, on a bridge
  bool addresses = false;  // the addresses, too
};

/// What the container sends, and what answers it, is accepted where others' policy is to drop.
struct Firewall {
  std::string admin_chain;  // of iptables, which is asked before
};
/// The chain of iptables where that is done.
inline constexpr const char* kAcceptingChain = "CNI-PATCHCORD";

struct Reservation {
  std::string type;                  // ipam.type
  std::string data_directory;        // of host-local
  std::vector<std::string> pools{};  // their directories
};
/// Whether a program that is not ours gives the addresses.
[[nodiscard]] bool is_of_program(const Reservation& reservation);

/// What Kubernetes calls the container (K8S_POD_NAMESPACE and K8S_POD_NAME in CNI_ARGS), for people
/// to read.
struct Pod {
  std::string space;
  std::string name;
};

/// How long a part of an ADD took.
struct Timing {
  std::string step;
  std::uint64_t microseconds = 0;
};

struct Attachment {
  Key key;
  std::optional<Pod> pod;
  std::string netns_path;  // CNI_NETNS as given
  netlink::NamespaceIdentity netns;
  Viewpoint seen_from;  // by its ADD
  std::optional<Reservation> reservation;
  Pair pair;
  Wire wire;
  std::optional<BridgePort> bridge_port;
  std::optional<RoutedPort> routed_port;
  std::optional<PtpPort> ptp_port;
  std::optional<Tuning> tuning;
  std::optional<Shaping> shaping;
  std::vector<Address> addresses;               // of the container's interface
  std::vector<cni::Route> routes;               // in the container, next hops filled in
  std::optional<SourceRoutes> source_routes{};  // absent: not wanted
  std::vector<base::Family> forward;            // families to forward for
  std::optional<Masquerade> masquerade;
  std::optional<Isolation> isolation;
  std::optional<Antispoof> antispoof;
  std::optional<HostPorts> host_ports;
  std::optional<Firewall> firewall;
  std::vector<Timing> timings;  // of its ADD, in the order of work
  bool finished = false;        // false in a record whose ADD did not come to its end
};

/// The group (IFLA_GROUP) of host ends: nftables rules tell by it that a packet comes from a
/// container, and of which network. The bit above the digest is set in no group that people use.
inline constexpr std::uint32_t kGroupOfContainers = 0x40000000;
inline constexpr std::uint32_t kGroupMask = 0xc0000000;
[[nodiscard]] std::uint32_t group_of(const std::string& network);

/// Whence this process looks.
[[nodiscard]] Viewpoint viewpoint_of(const netlink::Namespace& home, const netlink::Socket& host);

/// The host's interface on the way to the container: where what it sends comes in.
[[nodiscard]] const std::string& host_side_of(const Attachment& attachment);

/// The container's network namespace. Absent where the path on record does not lead to the one on
/// record any more; one that only has the other's number by now (see NamespaceIdentity) is not it.
[[nodiscard]] std::optional<netlink::Namespace> find_container(const Attachment& attachment);

/// Whether a host's link is the attachment's end of the pair: it bears its mark, or none but the
/// MAC that was given to it. Its name or its number alone may be another's by now.
[[nodiscard]] bool is_host_end(const netlink::Link& link, const Attachment& attachment);
/// The attachment's end of the pair, whatever its name is by now.
[[nodiscard]] std::optional<netlink::Link> find_host_end(netlink::Socket& host,
                                                         const Attachment& attachment);

/// The number of that end, as far as it can be told without waiting for who changes other links:
/// the link of the number on record has the name and the MAC on record. Absent: find_host_end().
[[nodiscard]] std::optional<int> glance_at_host_end(const netlink::Socket& host,
                                                    const Attachment& attachment);

/// What `host_end`, as it was just looked up on the host, says of the pair.
[[nodiscard]] Wire wire_of(const netlink::Link& host_end);

/// Whether there is an address of the family.
[[nodiscard]] bool has_family(const Attachment& attachment, base::Family family);
/// The families of the addresses, each once, IPv4 first.
[[nodiscard]] std::vector<base::Family> families_of(const Attachment& attachment);

}  // namespace attachment

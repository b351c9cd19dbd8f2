#include "plugin/attachment/attachment.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "base/mount_namespace.h"
#include "netlink/glance.h"
#include "netlink/link.h"
#include "plugin/cni/identifier.h"

namespace attachment {
namespace {

constexpr std::size_t kLongestInterfaceName = 15;  // IFNAMSIZ - 1
constexpr std::size_t kLongestAlias = 255;         // IFALIASZ - 1
constexpr std::size_t kLongestComment = 127;       // of nft, NFTNL_UDATA_COMMENT_MAXLEN
constexpr std::size_t kDigestDigits = 32;
constexpr std::string_view kMark = "patchcord ";

// NUL occurs in none of the three, so no two keys give the same text.
std::string unambiguous(const Key& key) {
  return key.network + '\0' + key.container_id + '\0' + key.ifname;
}

}  // namespace

std::string to_string(const Key& key) {
  return key.network + "/" + key.container_id + "/" + key.ifname;
}

bool is_of_program(const Reservation& reservation) {
  return reservation.type != "host-local" && reservation.type != "static";
}

std::string alias_of(const Key& key) {
  std::string alias = std::string(kMark) + to_string(key);
  if (alias.size() <= kLongestAlias) return alias;
  alias.resize(kLongestAlias - kDigestDigits - 1);
  return alias + "~" + base::sha512_hex(unambiguous(key), kDigestDigits);
}

std::string comment_of(const Key& key) {
  std::string comment = to_string(key);
  if (comment.size() <= kLongestComment) return comment;
  comment.resize(kLongestComment - kDigestDigits - 1);
  return comment + "~" + base::sha512_hex(unambiguous(key), kDigestDigits);
}

std::optional<Key> parse_comment(std::string_view comment) {
  const auto first = comment.find('/');
  const auto last = comment.rfind('/');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  Key key{.network = std::string(comment.substr(0, first)),
          .container_id = std::string(comment.substr(first + 1, last - first - 1)),
          .ifname = std::string(comment.substr(last + 1))};
  // A shortened one has '~' in an identifier, or more in the interface's name than that may have.
  return is_valid(key) ? std::optional(std::move(key)) : std::nullopt;
}

std::optional<Key> parse_alias(std::string_view alias) {
  if (!alias.starts_with(kMark)) return std::nullopt;
  return parse_comment(alias.substr(kMark.size()));
}

bool is_mark(std::string_view alias) {
  return alias.starts_with(kMark);
}

bool is_valid(const Key& key) {
  return cni::is_identifier(key.network) && cni::is_identifier(key.container_id) &&
         !key.ifname.empty() && cni::defect_of_interface_name(key.ifname).empty();
}

std::string host_name_of(const Key& key, std::string_view prefix) {
  return std::string(prefix) +
         base::sha512_hex(unambiguous(key), kLongestInterfaceName - prefix.size());
}

std::string port_of_vlan_gateway(const std::string& name) {
  constexpr std::string_view kPrefix = "vlan";
  return std::string(kPrefix) +
         base::sha512_hex("vlan gateway " + name, kLongestInterfaceName - kPrefix.size());
}

std::uint32_t group_of(const std::string& network) {
  constexpr std::size_t kDigits = 8;
  const std::string digest = base::sha512_hex("group " + network, kDigits);
  std::uint32_t number = 0;
  std::from_chars(digest.data(), digest.data() + digest.size(), number, 16);
  return (number & ~kGroupMask) | kGroupOfContainers;
}

const std::string& host_side_of(const Attachment& attachment) {
  if (!attachment.bridge_port) return attachment.pair.host_name;
  const BridgePort& port = *attachment.bridge_port;
  return port.vlan_gateway ? port.vlan_gateway->name : port.bridge;
}

Viewpoint viewpoint_of(const netlink::Namespace& home, const netlink::Socket& host) {
  Viewpoint here{.network = home.identity(), .mounts = base::mount_namespace()};
  here.network.cookie = host.namespace_cookie();
  return here;
}

std::optional<netlink::Namespace> find_container(const Attachment& attachment) {
  auto container = netlink::Namespace::find(attachment.netns_path);
  if (!container || container->identity() != attachment.netns) return std::nullopt;
  if (attachment.netns.cookie == 0) return container;
  const auto cookie =
      netlink::Socket::in(*container, netlink::Namespace::current()).namespace_cookie();
  return cookie == attachment.netns.cookie ? std::move(container) : std::nullopt;
}

bool is_host_end(const netlink::Link& link, const Attachment& attachment) {
  if (link.kind != "veth") return false;
  return link.alias == alias_of(attachment.key) ||
         (attachment.pair.host_mac.is_usable() && link.alias.empty() &&
          link.mac == attachment.pair.host_mac);
}

std::optional<netlink::Link> find_host_end(netlink::Socket& host, const Attachment& attachment) {
  std::optional<netlink::Link> link;
  if (netlink::may_have_link(host, attachment.pair.host_name))
    link = netlink::find_link(host, attachment.pair.host_name);
  if (link && is_host_end(*link, attachment)) return link;
  link = netlink::find_link(host, attachment.wire.host_index);
  if (link && !is_host_end(*link, attachment)) link.reset();
  return link;
}

std::optional<int> glance_at_host_end(const netlink::Socket& host, const Attachment& attachment) {
  const auto seen = netlink::glance_at(host, attachment.wire.host_index);
  const bool is_it = seen && seen->name == attachment.pair.host_name &&
                     attachment.pair.host_mac.is_usable() && seen->mac == attachment.pair.host_mac;
  return is_it ? std::optional(attachment.wire.host_index) : std::nullopt;
}

Wire wire_of(const netlink::Link& host_end) {
  return {.host_index = host_end.index,
          .container_index = host_end.peer,
          .nsid = host_end.peer_nsid.value_or(-1)};
}

bool has_family(const Attachment& attachment, base::Family family) {
  return std::any_of(attachment.addresses.begin(), attachment.addresses.end(),
                     [&](const Address& address) { return address.prefix.family() == family; });
}

std::vector<base::Family> families_of(const Attachment& attachment) {
  std::vector<base::Family> families;
  for (const auto family : {base::Family::kIpv4, base::Family::kIpv6}) {
    if (has_family(attachment, family)) families.push_back(family);
  }
  return families;
}

}  // namespace attachment

#include "netlink/filter.h"

#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include "netlink/libnl.h"
#include "netlink/link.h"

namespace netlink {
namespace {

using libnl::Attributes;

constexpr std::size_t kWord = 4;  // bytes that one key compares

// The kernel keeps filters of one priority to one protocol.
struct Place {
  std::uint16_t priority;
  std::uint16_t protocol;
};

Place place_of(const Filter& filter) {
  if (!filter.prefix) return {1, ETH_P_ALL};
  return filter.prefix->family() == base::Family::kIpv4 ? Place{16, ETH_P_IP}
                                                        : Place{15, ETH_P_IPV6};
}

// Where the address begins in the IP header.
int offset_of(base::Family family, Side side) {
  if (family == base::Family::kIpv4) return side == Side::kSource ? 12 : 16;
  return side == Side::kSource ? 8 : 24;
}

std::uint32_t word_at(std::span<const std::uint8_t> bytes, std::size_t index) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data() + index, kWord);
  return word;
}

std::uint32_t mask_at(unsigned length, std::size_t index) {
  const int bits = static_cast<int>(length) - static_cast<int>(index * 8);
  if (bits <= 0) return 0;
  return bits >= 32 ? UINT32_MAX : htonl(~(UINT32_MAX >> bits));
}

std::vector<tc_u32_key> keys_of(const Filter& filter) {
  if (!filter.prefix) return {tc_u32_key{}};
  const base::IpPrefix network = filter.prefix->network();
  const auto bytes = network.address().bytes();
  std::vector<tc_u32_key> keys;
  for (std::size_t index = 0; index < bytes.size(); index += kWord) {
    tc_u32_key key{};
    key.mask = mask_at(network.length(), index);
    key.val = word_at(bytes, index);
    key.off = offset_of(network.family(), filter.side) + static_cast<int>(index);
    if (key.mask != 0 || index == 0) keys.push_back(key);
  }
  return keys;
}

// The selector with its keys behind it, in one attribute.
void put_selector(nl_msg* request, const Filter& filter) {
  const auto keys = keys_of(filter);
  tc_u32_sel selector{};
  selector.flags = TC_U32_TERMINAL;
  selector.nkeys = static_cast<std::uint8_t>(keys.size());
  std::vector<std::uint8_t> bytes(sizeof selector + keys.size() * sizeof(tc_u32_key));
  std::memcpy(bytes.data(), &selector, sizeof selector);
  std::memcpy(bytes.data() + sizeof selector, keys.data(), keys.size() * sizeof(tc_u32_key));
  libnl::put(request, TCA_U32_SEL, bytes);
}

void put_redirection(nl_msg* request, int to) {
  const libnl::Nest actions(request, TCA_U32_ACT);
  const libnl::Nest action(request, 1);
  libnl::put(request, TCA_ACT_KIND, std::string_view("mirred"));
  const libnl::Nest options(request, TCA_ACT_OPTIONS);
  tc_mirred mirred{};
  mirred.action = TC_ACT_STOLEN;
  mirred.eaction = TCA_EGRESS_REDIR;
  mirred.ifindex = static_cast<std::uint32_t>(to);
  libnl::put(request, TCA_MIRRED_PARMS,
             {reinterpret_cast<const std::uint8_t*>(&mirred), sizeof mirred});
}

tcmsg make_header(const Link& link, std::uint32_t parent) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = link.index;
  header.tcm_parent = parent;
  return header;
}

int read_redirection(const nlattr* actions) {
  const Attributes<TCA_ACT_MAX_PRIO> list(actions);
  const Attributes<TCA_ACT_MAX> action(list[1]);
  if (action.text(TCA_ACT_KIND) != "mirred") return 0;
  const Attributes<TCA_MIRRED_MAX> options(action[TCA_ACT_OPTIONS]);
  const auto mirred = options.number<tc_mirred>(TCA_MIRRED_PARMS).value_or(tc_mirred{});
  return mirred.eaction == TCA_EGRESS_REDIR ? static_cast<int>(mirred.ifindex) : 0;
}

// Of keys in the order in which keys_of() makes them.
void read_keys(std::span<const std::uint8_t> bytes, std::uint16_t protocol, Filter& filter) {
  tc_u32_sel selector{};
  if (bytes.size() < sizeof selector || protocol == ETH_P_ALL) return;
  std::memcpy(&selector, bytes.data(), sizeof selector);
  std::array<std::uint8_t, 16> address{};
  const bool is_v4 = protocol == ETH_P_IP;
  unsigned length = 0;
  for (std::size_t i = 0; i < selector.nkeys && i < kWord; ++i) {
    tc_u32_key key{};
    const std::size_t at = sizeof selector + i * sizeof key;
    if (bytes.size() < at + sizeof key) return;
    std::memcpy(&key, bytes.data() + at, sizeof key);
    if (i == 0) filter.side = key.off == (is_v4 ? 12 : 8) ? Side::kSource : Side::kDestination;
    std::memcpy(address.data() + i * kWord, &key.val, kWord);
    length += static_cast<unsigned>(__builtin_popcount(key.mask));
  }
  const std::span all(address);
  filter.prefix = base::IpPrefix(is_v4 ? base::IpAddress::from_bytes(all.first<4>())
                                       : base::IpAddress::from_bytes(all.first<16>()),
                                 length);
}

std::optional<Filter> read_filter(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWTFILTER ||
      nlmsg_valid_hdr(message, static_cast<int>(sizeof(tcmsg))) == 0)
    return std::nullopt;
  const auto* header = static_cast<const tcmsg*>(nlmsg_data(message));
  const Attributes<TCA_MAX> attributes(message, sizeof *header);
  const Attributes<TCA_U32_MAX> options(attributes[TCA_OPTIONS]);
  // The kernel shows the hash tables of u32 as filters, too.
  if (attributes.text(TCA_KIND) != "u32" || options[TCA_U32_SEL] == nullptr) return std::nullopt;
  Filter filter{.parent = header->tcm_parent,
                .class_id = options.number<std::uint32_t>(TCA_U32_CLASSID).value_or(0),
                .redirect_to = read_redirection(options[TCA_U32_ACT])};
  read_keys(options.bytes(TCA_U32_SEL), ntohs(TC_H_MIN(header->tcm_info)), filter);
  return filter;
}

}  // namespace

void add_filter(Socket& socket, const Link& link, const Filter& filter) {
  tcmsg header = make_header(link, filter.parent);
  const Place place = place_of(filter);
  header.tcm_info = TC_H_MAKE(std::uint32_t{place.priority} << 16, htons(place.protocol));
  const Message request = libnl::make_message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, header);
  libnl::put(request.get(), TCA_KIND, std::string_view("u32"));
  {
    const libnl::Nest options(request.get(), TCA_OPTIONS);
    if (filter.class_id != 0) libnl::put(request.get(), TCA_U32_CLASSID, filter.class_id);
    put_selector(request.get(), filter);
    if (filter.redirect_to != 0) put_redirection(request.get(), filter.redirect_to);
  }
  socket.execute(request.get(), {"add a filter on", link.name});
}

std::vector<Filter> filters_of(Socket& socket, const Link& link, std::uint32_t parent) {
  const Message request = libnl::make_message(RTM_GETTFILTER, 0, make_header(link, parent));
  std::vector<Filter> filters;
  socket.dump(
      request.get(),
      [&](const nlmsghdr* message) {
        if (const auto filter = read_filter(message)) filters.push_back(*filter);
      },
      [&] { filters.clear(); }, {"list the filters of", link.name});
  return filters;
}

void create_ifb(Socket& socket, const std::string& name, unsigned mtu) {
  constexpr std::uint32_t kPackets = 1000;
  const Message request = libnl::make_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  libnl::put(request.get(), IFLA_IFNAME, name);
  libnl::put(request.get(), IFLA_MTU, std::uint32_t{mtu});
  libnl::put(request.get(), IFLA_TXQLEN, kPackets);
  {
    const libnl::Nest info(request.get(), IFLA_LINKINFO);
    libnl::put(request.get(), IFLA_INFO_KIND, std::string_view("ifb"));
  }
  socket.execute(request.get(), {"create ifb", name});
}

}  // namespace netlink

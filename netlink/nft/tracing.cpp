#include "netlink/nft/tracing.h"

#include <array>
#include <cerrno>

#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include "base/error.h"
#include "netlink/nft/message.h"

namespace netlink::nft {
namespace {

using libnl::Attributes;
using libnl::Nest;

TraceEvent read_event(const nlmsghdr* message) {
  const auto* header = static_cast<const nfgenmsg*>(nlmsg_data(message));
  const Attributes<NFTA_TRACE_MAX> attributes(message, sizeof *header);
  const auto type = number_of(attributes, NFTA_TRACE_TYPE);
  TraceEvent event{
      .packet = number_of(attributes, NFTA_TRACE_ID),
      .table = {.family = static_cast<TableFamily>(header->nfgen_family),
                .name = std::string(attributes.text(NFTA_TRACE_TABLE))},
      .chain = std::string(attributes.text(NFTA_TRACE_CHAIN)),
      .rule = be64toh(attributes.number<std::uint64_t>(NFTA_TRACE_RULE_HANDLE).value_or(0)),
      .is_policy = type == NFT_TRACETYPE_POLICY};
  const Attributes<NFTA_VERDICT_MAX> verdict(attributes[NFTA_TRACE_VERDICT]);
  event.verdict = static_cast<int>(number_of(verdict, NFTA_VERDICT_CODE));
  if (event.is_policy) event.verdict = static_cast<int>(number_of(attributes, NFTA_TRACE_POLICY));
  return event;
}

}  // namespace

Expression trace() {
  return [](nl_msg* message, Transaction& /*transaction*/) {
    {
      const Nest element(message, NFTA_LIST_ELEM);
      libnl::put(message, NFTA_EXPR_NAME, std::string_view("immediate"));
      const Nest data(message, NFTA_EXPR_DATA);
      put_number(message, NFTA_IMMEDIATE_DREG, NFT_REG32_00);
      put_value(message, NFTA_IMMEDIATE_DATA, {1});
    }
    const Nest element(message, NFTA_LIST_ELEM);
    libnl::put(message, NFTA_EXPR_NAME, std::string_view("meta"));
    const Nest data(message, NFTA_EXPR_DATA);
    put_number(message, NFTA_META_KEY, NFT_META_NFTRACE);
    put_number(message, NFTA_META_SREG, NFT_REG32_00);
  };
}

Tracer::Tracer(const Namespace& target, const Namespace& home)
    : socket_(Socket::in(target, home, Protocol::kNetfilter)) {
  const int group = NFNLGRP_NFTRACE;
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  // Without a number of its own a socket is passed over, for the kernel's is none either.
  if (::bind(socket_.descriptor(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
      ::setsockopt(socket_.descriptor(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
                   sizeof group) != 0)
    throw base::SystemError("listen to", "traces of nftables", errno);
}

void Tracer::read(std::vector<TraceEvent>& events) {
  alignas(nlmsghdr) std::array<char, 8192> buffer;
  for (;;) {
    const auto size = ::recv(socket_.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) {
      if (errno == EINTR || errno == ENOBUFS) continue;  // ENOBUFS: some were lost
      return;
    }
    int rest = static_cast<int>(size);
    auto* message = reinterpret_cast<nlmsghdr*>(buffer.data());
    for (; nlmsg_ok(message, rest) != 0; message = nlmsg_next(message, &rest)) {
      if (message->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_TRACE))
        events.push_back(read_event(message));
    }
  }
}

}  // namespace netlink::nft

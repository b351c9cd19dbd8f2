#include "netlink/qdisc.h"

#include <algorithm>
#include <cerrno>
#include <cmath>

#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "netlink/libnl.h"
#include "netlink/link.h"

namespace netlink {
namespace {

using libnl::Attributes;

constexpr std::uint8_t kEthernet = 1;  // TC_LINKLAYER_ETHERNET: the kernel needs no rate table then

static_assert(kRootParent == TC_H_ROOT && kIngressParent == TC_H_INGRESS);

tcmsg make_header(int index, std::uint32_t parent, std::uint32_t handle) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = index;
  header.tcm_parent = parent;
  header.tcm_handle = handle;
  return header;
}

Message make_addition(int type, const tcmsg& header, std::string_view kind) {
  Message request = libnl::make_message(type, NLM_F_CREATE | NLM_F_EXCL, header);
  libnl::put(request.get(), TCA_KIND, kind);
  return request;
}

template <class T>
void put_struct(nl_msg* message, int type, const T& value) {
  libnl::put(message, type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
}

tc_ratespec rate_of(std::uint64_t rate) {
  tc_ratespec spec{};
  spec.linklayer = kEthernet;
  spec.rate = static_cast<std::uint32_t>(std::min<std::uint64_t>(rate, UINT32_MAX));
  return spec;
}

// Behind the 32 bits of the rate, where those do not hold it.
void put_rate64(nl_msg* message, int type, std::uint64_t rate) {
  if (rate > UINT32_MAX) put_struct(message, type, rate);
}

What adding(std::string_view what, const Link& link) {
  return {"add", std::string(what) + " on " + link.name};
}

// A peak rate is what makes the kernel cut packets: a token bucket takes none that is larger than
// what may leave at once.
constexpr std::uint64_t kPeakRate = 1'250'000'000;  // 10 Gbit/s

void put_bucket(nl_msg* request, const TokenBucket& bucket) {
  tc_tbf_qopt options{};
  options.rate = rate_of(bucket.rate);
  options.buffer = ticks_of(bucket.rate, bucket.burst);
  options.limit = bucket.limit;
  if (bucket.segment != 0) {
    options.peakrate = rate_of(kPeakRate);
    options.mtu = ticks_of(kPeakRate, bucket.segment);
  }
  const libnl::Nest nest(request, TCA_OPTIONS);
  put_struct(request, TCA_TBF_PARMS, options);
  put_rate64(request, TCA_TBF_RATE64, bucket.rate);
  if (bucket.segment != 0) libnl::put(request, TCA_TBF_PBURST, bucket.segment);
}

void add_htb(Socket& socket, const Link& link, bool by_default) {
  const Message request =
      make_addition(RTM_NEWQDISC, make_header(link.index, TC_H_ROOT, kRootHandle), "htb");
  {
    constexpr std::uint32_t kDirectPackets = 1000;
    tc_htb_glob options{};
    options.version = 3;
    options.rate2quantum = 10;
    options.defcls = by_default ? TC_H_MIN(kShapedClass) : 0;
    const libnl::Nest nest(request.get(), TCA_OPTIONS);
    put_struct(request.get(), TCA_HTB_INIT, options);
    libnl::put(request.get(), TCA_HTB_DIRECT_QLEN, kDirectPackets);
  }
  socket.execute(request.get(), adding("htb", link));
}

void put_fq_codel(nl_msg* request, const Leaf& leaf) {
  constexpr std::uint64_t kTarget = 5'000;      // us, the kernel's default
  constexpr std::uint64_t kInterval = 100'000;  // us, likewise
  constexpr std::uint64_t kFewest = 8;
  constexpr std::uint64_t kMost = 10'240;  // the kernel's default
  // A packet alone may take longer than the default target, which would then have no queue at all.
  const std::uint64_t packet_time = std::uint64_t{leaf.packet} * 1'000'000 / leaf.rate;
  const auto target = std::max(kTarget, packet_time * 3 / 2);
  const auto number = [](std::uint64_t value) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, INT32_MAX));
  };
  const libnl::Nest nest(request, TCA_OPTIONS);
  libnl::put(request, TCA_FQ_CODEL_LIMIT,
             number(std::clamp(std::uint64_t{leaf.bytes} / leaf.packet, kFewest, kMost)));
  libnl::put(request, TCA_FQ_CODEL_TARGET, number(target));
  libnl::put(request, TCA_FQ_CODEL_INTERVAL, number(std::max(kInterval, 10 * target)));
}

void read_options(const nlattr* options, Shaper& shaper) {
  if (shaper.kind == "tbf") {
    const Attributes<TCA_TBF_MAX> table(options);
    const auto parms = table.number<tc_tbf_qopt>(TCA_TBF_PARMS).value_or(tc_tbf_qopt{});
    shaper.rate = table.number<std::uint64_t>(TCA_TBF_RATE64).value_or(parms.rate.rate);
    shaper.buffer = parms.buffer;
    shaper.limit = parms.limit;
  }
  if (shaper.kind != "htb") return;
  const Attributes<TCA_HTB_MAX> table(options);
  const auto parms = table.number<tc_htb_opt>(TCA_HTB_PARMS).value_or(tc_htb_opt{});
  shaper.rate = table.number<std::uint64_t>(TCA_HTB_RATE64).value_or(parms.rate.rate);
  shaper.buffer = parms.buffer;
  shaper.default_class = table.number<tc_htb_glob>(TCA_HTB_INIT).value_or(tc_htb_glob{}).defcls;
}

// The 64 bits of packets came with Linux 5.5.
QueueCounters read_counters(const nlattr* statistics) {
  const Attributes<TCA_STATS_MAX> table(statistics);
  const auto basic = table.number<gnet_stats_basic>(TCA_STATS_BASIC).value_or(gnet_stats_basic{});
  const auto queue = table.number<gnet_stats_queue>(TCA_STATS_QUEUE).value_or(gnet_stats_queue{});
  return {.bytes = basic.bytes,
          .packets = table.number<std::uint64_t>(TCA_STATS_PKT64).value_or(basic.packets),
          .dropped = queue.drops,
          .overlimits = queue.overlimits,
          .waiting = queue.backlog};
}

std::optional<Shaper> find(Socket& socket, int type, const tcmsg& header, const Link& link) {
  // Without ECHO older kernels answer to those who listen for changes only, and without ACK not at
  // all about the queue that is none, of a link that has not been up yet.
  const Message request = libnl::make_message(type, NLM_F_ECHO | NLM_F_ACK, header);
  std::optional<Shaper> found;
  const auto read = [&](const nlmsghdr* message) {
    if (nlmsg_valid_hdr(message, static_cast<int>(sizeof(tcmsg))) == 0) return;
    const auto* seen = static_cast<const tcmsg*>(nlmsg_data(message));
    const Attributes<TCA_MAX> attributes(message, sizeof *seen);
    found = Shaper{.kind = std::string(attributes.text(TCA_KIND)), .handle = seen->tcm_handle};
    read_options(attributes[TCA_OPTIONS], *found);
    found->counters = read_counters(attributes[TCA_STATS2]);
  };
  socket.try_query(request.get(), read, {"look up the queue of", link.name}, {ENOENT, EINVAL});
  return found;
}

}  // namespace

std::uint32_t ticks_of(std::uint64_t rate, std::uint32_t burst) {
  constexpr std::uint64_t kTick = 64;  // ns
  // A burst has 32 bits, so that neither product needs more than 62.
  const std::uint64_t microseconds =
      std::uint64_t{burst} * 1'000'000 / std::max<std::uint64_t>(rate, 1);
  const std::uint64_t most = UINT64_MAX / 1000;
  const std::uint64_t ticks = std::min(microseconds, most) * 1000 / kTick;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(ticks, UINT32_MAX));
}

std::uint64_t burst_of(std::uint64_t rate, std::uint32_t ticks) {
  constexpr double kTick = 64e-9;  // s
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(rate) * ticks * kTick));
}

void add_token_bucket(Socket& socket, const Link& link, const TokenBucket& bucket) {
  const Message request =
      make_addition(RTM_NEWQDISC, make_header(link.index, TC_H_ROOT, kRootHandle), "tbf");
  put_bucket(request.get(), bucket);
  socket.execute(request.get(), adding("a token bucket", link));
}

void add_shaped_class(Socket& socket, const Link& link, const TokenBucket& bucket,
                      bool by_default) {
  add_htb(socket, link, by_default);
  const Message request =
      make_addition(RTM_NEWTCLASS, make_header(link.index, kRootHandle, kShapedClass), "htb");
  {
    constexpr std::uint32_t kQuantum = 60'000;  // bytes; of no consequence for a class alone
    tc_htb_opt options{};
    options.rate = rate_of(bucket.rate);
    options.ceil = options.rate;
    options.buffer = ticks_of(bucket.rate, bucket.burst);
    options.cbuffer = options.buffer;
    options.quantum = kQuantum;
    const libnl::Nest nest(request.get(), TCA_OPTIONS);
    put_struct(request.get(), TCA_HTB_PARMS, options);
    put_rate64(request.get(), TCA_HTB_RATE64, bucket.rate);
    put_rate64(request.get(), TCA_HTB_CEIL64, bucket.rate);
  }
  socket.execute(request.get(), adding("a class of htb", link));
}

void add_leaf(Socket& socket, const Link& link, const Leaf& leaf) {
  const tcmsg header = make_header(link.index, leaf.parent, kLeafHandle);
  const Message fair = make_addition(RTM_NEWQDISC, header, "fq_codel");
  put_fq_codel(fair.get(), leaf);
  // ENOENT: the kernel has no such qdisc, nor a module of it.
  if (socket.try_execute(fair.get(), adding("fq_codel", link), {ENOENT})) return;
  const Message plain = make_addition(RTM_NEWQDISC, header, "bfifo");
  put_struct(plain.get(), TCA_OPTIONS, tc_fifo_qopt{leaf.bytes});
  socket.execute(plain.get(), adding("bfifo", link));
}

void add_ingress(Socket& socket, const Link& link) {
  const Message request =
      make_addition(RTM_NEWQDISC, make_header(link.index, TC_H_INGRESS, kIngressHandle), "ingress");
  socket.execute(request.get(), adding("ingress", link));
}

bool remove_qdisc(Socket& socket, int index, std::uint32_t parent, std::string_view shown_as) {
  const Message request = libnl::make_message(RTM_DELQDISC, 0, make_header(index, parent, 0));
  return socket.try_execute(request.get(), {"remove the queue of", std::string(shown_as)},
                            {ENOENT, EINVAL, ENODEV});
}

std::optional<Shaper> find_qdisc(Socket& socket, const Link& link, std::uint32_t parent) {
  return find(socket, RTM_GETQDISC, make_header(link.index, parent, 0), link);
}

std::optional<Shaper> find_class(Socket& socket, const Link& link, std::uint32_t handle) {
  return find(socket, RTM_GETTCLASS, make_header(link.index, 0, handle), link);
}

}  // namespace netlink

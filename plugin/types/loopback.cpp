// The container's own loopback interface. Runtimes call it beside the network proper, with
// whichever CNI_IFNAME; the interface is always lo.
#include <algorithm>
#include <array>
#include <cerrno>

#include "netlink/address.h"
#include "netlink/error.h"
#include "netlink/link.h"
#include "plugin/cni/error.h"
#include "plugin/operations/shared/namespaces.h"
#include "plugin/operations/status.h"
#include "plugin/types/type.h"

namespace types {
namespace {

using netlink::Namespace;
using netlink::Socket;

constexpr std::string_view kInterface = "lo";
constexpr std::array<std::string_view, 2> kAddresses = {"127.0.0.1/8", "::1/128"};

netlink::Link require_lo(Socket& container) {
  if (auto link = netlink::find_link(container, kInterface)) return std::move(*link);
  throw cni::Error(cni::Code::kConflict, "the container has no interface lo");
}

// The kernel gives lo its addresses as it comes up; they are added here where somebody had taken
// them away. Without IPv6 there is no ::1.
void ensure_addresses(Socket& container, const netlink::Link& lo) {
  constexpr std::uint8_t kScopeHost = 254;  // RT_SCOPE_HOST
  for (const std::string_view text : kAddresses) {
    const auto prefix = base::IpPrefix::parse(text);
    try {
      (void)netlink::add_address(container, lo, *prefix, {.scope = kScopeHost});
    } catch (const netlink::Error& error) {
      if (prefix->family() != base::Family::kIpv6 || !netlink::says_ipv6_is_off(error)) throw;
    }
  }
}

// One of each family, which is all that a result before 0.3.0 has room for. What else somebody put
// on lo, a service's address say, is none of ours.
std::vector<cni::IpConfig> describe_addresses(Socket& container, const netlink::Link& lo) {
  std::vector<cni::IpConfig> ips;
  const auto present = netlink::addresses_of(container, lo);
  for (const std::string_view text : kAddresses) {
    const auto prefix = base::IpPrefix::parse(text);
    const bool has = std::any_of(present.begin(), present.end(),
                                 [&](const auto& each) { return each.prefix == *prefix; });
    if (has) ips.push_back({.address = *prefix, .gateway = std::nullopt, .interface = 0});
  }
  return ips;
}

cni::Result describe_lo(const cni::Request& request, Socket& container, const netlink::Link& lo) {
  cni::Result result;
  result.interfaces.push_back(
      {.name = std::string(kInterface), .mac = "00:00:00:00:00:00", .sandbox = request.netns});
  result.ips = describe_addresses(container, lo);
  return result;
}

void add_loopback(const cni::Request& request, const Settings& settings) {
  const auto previous = request.previous_result();
  const Namespace home = Namespace::current();
  const Namespace container = operations::open_container(request, home);
  auto socket = Socket::in(container, home);
  const netlink::Link lo = require_lo(socket);
  // Not undone if the rest fails: another network of the container may have come to rely on it.
  if (!lo.is_up()) netlink::change_link(socket, lo, {.up = true});
  ensure_addresses(socket, lo);
  settings.deliver(
      cni::to_document(previous ? *previous : describe_lo(request, socket, lo), request.version));
}

// lo stays up: it goes with the namespace, and what is left running in there may need it.
void do_nothing(const cni::Request&, const Settings&) {}

void check_loopback(const cni::Request& request, const Settings&) {
  const Namespace home = Namespace::current();
  const Namespace container = operations::open_container(request, home);
  auto socket = Socket::in(container, home);
  if (!require_lo(socket).is_up())
    throw cni::Error(cni::Code::kCheckFailed, "container interface lo is down");
}

void report_status(const cni::Request&, const Settings&) {
  operations::Readiness readiness;
  readiness.require(operations::require_netlink);
  readiness.throw_if_not();
}

}  // namespace

const Type kLoopback = {.name = "loopback",
                        .oldest = cni::Version::k0_1_0,
                        .add = add_loopback,
                        .del = do_nothing,
                        .check = check_loopback,
                        .gc = do_nothing,
                        .status = report_status};

}  // namespace types

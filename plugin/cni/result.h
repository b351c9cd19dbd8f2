#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/ip_prefix.h"
#include "plugin/cni/version.h"

namespace cni {

class Object;

// Every member has a default, so that a designated initialiser may leave any out without a warning.

struct Interface {
  std::string name = {};
  std::string mac = {};
  std::uint32_t mtu = 0;     // bytes; 0 is left out
  std::string sandbox = {};  // CNI_NETNS as given; empty on the host side
  std::string socket_path = {};
  std::string pci_id = {};
  /// Read from a previous plugin's result. mtu, socketPath and pciID are 1.1.0's, but libcni writes
  /// them in 1.0.0 too, and what came in must go out: in 1.0.0 they are printed only where this is
  /// set.
  bool from_document = false;
};

struct IpConfig {
  base::IpPrefix address = {};
  std::optional<base::IpAddress> gateway = {};
  /// Index into Result::interfaces; absent differs from 0.
  std::optional<std::size_t> interface = {};
};

struct Route {
  base::IpPrefix destination = {};  // host bits as given
  std::optional<base::IpAddress> gateway = {};
  std::uint32_t mtu = 0;     // bytes
  std::uint32_t advmss = 0;  // bytes
  std::uint32_t priority = 0;
  std::optional<std::uint32_t> table = {};
  std::optional<std::uint8_t> scope = {};
  friend bool operator==(const Route&, const Route&) = default;
};

struct Dns {
  std::vector<std::string> nameservers = {};
  std::string domain = {};
  std::vector<std::string> search = {};
  std::vector<std::string> options = {};
  [[nodiscard]] bool empty() const noexcept {
    return nameservers.empty() && domain.empty() && search.empty() && options.empty();
  }
  friend bool operator==(const Dns&, const Dns&) = default;
};

/// The result of an ADD in the newest version's terms.
struct Result {
  std::vector<Interface> interfaces = {};
  std::vector<IpConfig> ips = {};
  std::vector<Route> routes = {};
  Dns dns = {};
};

/// The document in the exact shape of `version` ("Result" in that version's specification), with
/// that version's text as cniVersion. Throws Error{kInvalidConfig} where the result cannot be
/// expressed: no address at all before 0.3.0.
[[nodiscard]] std::string to_document(const Result& result, Version version);

/// Reads a result: its own cniVersion decides the shape, `assumed` where it has none. An
/// ips[].interface that is no index into interfaces is read as absent: containerd crashes on an
/// index out of range, so none may come out of us, and addresses of an IPAM plugin have no
/// interfaces to point to. Throws Error{kDecoding}, naming the place
/// ("prevResult.ips[0].address: ...").
[[nodiscard]] Result parse_result(const nlohmann::json& document, Version assumed,
                                  std::string_view called);

/// One entry of a list of routes, in a result or a configuration: {dst, gw, mtu, advmss, priority,
/// table, scope}. Throws Error{kInvalidConfig}.
[[nodiscard]] Route parse_route(const Object& route);

/// Whether an address is one of the container's interface of that name, or does not say whose.
[[nodiscard]] bool is_of_container(const Result& result, const IpConfig& ip,
                                   std::string_view ifname);

/// Whether results of the two versions have one shape: (0.1, 0.2), (0.3, 0.4) and (1.0, 1.1) are
/// such families.
[[nodiscard]] bool is_same_family(Version left, Version right);

}  // namespace cni

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "netlink/link.h"
#include "netlink/netns.h"
#include "netlink/nft/base_chains.h"
#include "netlink/socket.h"
#include "plugin/operator/survey.h"

/// The network namespaces that a packet may come through.
namespace tool::trace {

/// One of them, with sockets that ask the kernel there. Each list is read once.
class Ground {
 public:
  Ground(netlink::Namespace space, const netlink::Namespace& home, std::string title);

  [[nodiscard]] const std::string& title() const noexcept { return title_; }
  [[nodiscard]] const netlink::Namespace& space() const noexcept { return space_; }
  [[nodiscard]] const netlink::Namespace& home() const noexcept { return home_; }
  [[nodiscard]] netlink::Socket& routes() noexcept { return routes_; }
  /// Null on a kernel without nf_tables.
  [[nodiscard]] netlink::Socket* netfilter();
  [[nodiscard]] const std::vector<netlink::Link>& links();
  [[nodiscard]] const netlink::Link* find(int index);
  [[nodiscard]] const std::vector<netlink::nft::BaseChain>& chains();
  /// Absent where the kernel has no such setting.
  [[nodiscard]] std::optional<std::string> sysctl(const std::string& key) const;

 private:
  netlink::Namespace space_;
  const netlink::Namespace& home_;
  std::string title_;
  netlink::Socket routes_;
  bool has_asked_ = false;
  std::optional<netlink::Socket> netfilter_;
  std::optional<std::vector<netlink::Link>> links_;
  std::optional<std::vector<netlink::nft::BaseChain>> chains_;
};

/// An interface and where it is.
struct Interface {
  Ground* ground = nullptr;
  const netlink::Link* link = nullptr;
};

class World {
 public:
  World(Node& node, const std::vector<Sighting>& sightings);

  [[nodiscard]] Node& node() noexcept { return node_; }
  [[nodiscard]] Ground& host() noexcept { return *grounds_.front(); }
  [[nodiscard]] const std::vector<Sighting>& sightings() const noexcept { return sightings_; }
  /// Null where the container's namespace is gone or cannot be seen from here.
  [[nodiscard]] Ground* ground_of(const Sighting& sighting);
  /// The other end of a veth pair. Absent for other links, and where it cannot be seen from here.
  [[nodiscard]] std::optional<Interface> other_end(Ground& ground, const netlink::Link& link);
  /// All grounds that were looked at so far.
  [[nodiscard]] const std::vector<std::unique_ptr<Ground>>& grounds() const { return grounds_; }

 private:
  struct Candidate {
    netlink::Namespace space;
    std::string title;
  };
  Ground& open(const netlink::Namespace& space, const std::string& title);
  void find_candidates();
  [[nodiscard]] std::string title_of_space(const netlink::NamespaceIdentity& identity,
                                           const std::string& otherwise) const;
  const std::map<int, std::size_t>& numbers_of(Ground& ground);

  Node& node_;
  const netlink::Namespace& home_;
  const std::vector<Sighting>& sightings_;
  std::vector<std::unique_ptr<Ground>> grounds_;
  std::optional<std::vector<Candidate>> candidates_;
  std::map<Ground*, std::map<int, std::size_t>> numbers_;  // nsid to candidate
};

}  // namespace tool::trace

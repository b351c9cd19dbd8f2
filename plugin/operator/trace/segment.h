#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/mac_address.h"
#include "plugin/operator/trace/world.h"

/// What frames come through: cables and bridges, up to the next interface that has addresses.
namespace tool::trace {

/// Through one bridge. Null: by the bridge's own interface.
struct Passage {
  Ground* ground = nullptr;
  const netlink::Link* bridge = nullptr;
  const netlink::Link* in = nullptr;
  const netlink::Link* out = nullptr;
};

struct Cable {
  std::vector<Passage> passages{};
  std::optional<Interface> end{};  // absent: it leaves what can be seen from here
  std::string unseen{};            // by which interface
};

/// Whether an interface is the one that is looked for.
using IsMeant = std::function<bool(const Interface&)>;

class Segment {
 public:
  explicit Segment(World& world) : world_(world) {}

  /// The way of a frame for `mac` that leaves by `out`.
  [[nodiscard]] std::optional<Cable> find(Ground& ground, const netlink::Link& out,
                                          const base::MacAddress& mac);
  /// The way to whoever answers for an address, whoever asks with `source` as his.
  [[nodiscard]] std::optional<Cable> find_owner(Ground& ground, const netlink::Link& out,
                                                const base::IpAddress& address,
                                                const base::IpAddress& source);

 private:
  struct Search {
    IsMeant is_meant;
    std::optional<base::MacAddress> mac{};
    std::optional<base::IpAddress> address{};
    std::vector<Passage> path{};
    std::optional<Cable> found{};
    std::string unseen{};
    std::vector<Passage> unseen_path{};
  };
  std::optional<Cable> run(Ground& ground, const netlink::Link& out, Search& search);
  void beyond(Ground& ground, const netlink::Link& port, Search& search);
  void enter(const Interface& arrival, Search& search);
  void through(Ground& ground, const netlink::Link& bridge, const netlink::Link* in,
               Search& search);
  [[nodiscard]] bool may_be_behind(Ground& ground, const netlink::Link& bridge,
                                   const netlink::Link& port, const Search& search) const;

  World& world_;
};

/// Whether it answers ARP or neighbour discovery for the address.
[[nodiscard]] bool answers_for(const Interface& end, const base::IpAddress& address,
                               const base::IpAddress& source);

/// A setting of IPv4, of which the kernel takes the larger one of "all" and the interface's own.
[[nodiscard]] int setting_of(const Interface& end, const std::string& name);

}  // namespace tool::trace

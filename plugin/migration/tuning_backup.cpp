// What the interface was before the tuning of the reference, which its DEL puts back.
#include "plugin/migration/tuning_backup.h"

#include <fcntl.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "netlink/error.h"
#include "netlink/link.h"
#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/migration/predecessors.h"
#include "plugin/steps/world.h"

namespace migration {
namespace {

using netlink::Namespace;

constexpr std::string_view kDefaultDirectory = "/run/cni/tuning";

std::optional<unsigned> read_number(const cni::Object& object, std::string_view key) {
  const auto number = object.integer(key, 0, INT32_MAX);
  return number ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
}

void put_back(steps::World& world, const cni::Request& request,
              const attachment::LinkSettings& before) {
  const auto container = Namespace::find(request.netns);
  if (!container || container->identity() == world.host_namespace.identity()) return;
  auto socket = netlink::Socket::in(*container, world.host_namespace);
  const auto link = netlink::find_link(socket, request.ifname);
  if (!link) return;
  netlink::change_link(socket, *link,
                       {.promiscuous = before.promiscuous,
                        .all_multicast = before.all_multicast,
                        .mac = before.mac,
                        .mtu = before.mtu,
                        .tx_queue_length = before.tx_queue_length});
}

// The reference's DEL ignores what cannot be put back, too, but then leaves the file.
void remove_backup(steps::World& world, const cni::Request& request) {
  constexpr std::size_t kLongest = 1U << 16;
  const std::string path = backup_path(request);
  const auto text = base::read_file(path, kLongest);
  if (!text) return;
  try {
    put_back(world, request, parse_backup(*text));
  } catch (const netlink::Error&) {
    // The interface may be one that does not know the setting; it goes with its container.
  }
  (void)base::remove_file_at(AT_FDCWD, path);
}

void remove_tuning(steps::World& world, const cni::Request& request,
                   operations::Attempts& attempts) {
  attempts.run([&] { remove_backup(world, request); });
}

}  // namespace

std::string backup_path(const cni::Request& request) noexcept {
  std::string directory(kDefaultDirectory);
  try {
    if (const auto given = request.config().text("dataDir"); given && !given->empty())
      directory = *given;
  } catch (const cni::Error&) {
    // DEL must find its way through a broken configuration; the default is the best guess.
  }
  return directory + "/" + request.container_id + "_" + request.ifname + ".json";
}

attachment::LinkSettings parse_backup(std::string_view text) noexcept {
  try {
    const auto document = cni::parse_object(text, "the backup of the reference tuning");
    const cni::Object object(document, "");
    attachment::LinkSettings before;
    if (const auto mac = object.text("mac")) before.mac = base::MacAddress::parse(*mac);
    before.mtu = read_number(object, "mtu");
    before.promiscuous = object.boolean("promisc");
    before.all_multicast = object.boolean("allmulti");
    before.tx_queue_length = read_number(object, "txQLen");
    return before;
  } catch (const std::exception&) {
    return {};
  }
}

const operations::Predecessor kTuning = {.kind = "tuning", .remove = remove_tuning};

}  // namespace migration

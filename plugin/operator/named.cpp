#include "plugin/operator/named.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "ipam/reservation_files.h"
#include "netlink/nsid.h"
#include "plugin/cni/error.h"
#include "plugin/operator/files.h"
#include "plugin/operator/table.h"

namespace tool {
namespace {

enum class Match : std::uint8_t { kNone, kBeginning, kExact };

constexpr std::string_view kNamespaces = "/run/netns/";

// /var/run is a link to /run, and records have either.
std::string_view without_var(std::string_view path) {
  constexpr std::string_view kVar = "/var";
  return path.starts_with("/var/run/") ? path.substr(kVar.size()) : path;
}

std::optional<netlink::Namespace> find_namespace(const std::string& path) {
  try {
    return netlink::Namespace::find(path);
  } catch (const base::SystemError&) {
    return std::nullopt;  // it may not be looked at, and so names nobody
  }
}

/// A word with all that it may stand for, looked up once.
class Name {
 public:
  Name(Node& node, const std::string& word)
      : word_(word),
        path_(without_var(namespace_path(word))),
        address_(base::IpAddress::parse(word)),
        prefix_(base::IpPrefix::parse(word)),
        container_(find_namespace(namespace_path(word))) {
    if (container_) nsid_ = netlink::find_nsid(node.socket(), *container_);
  }

  [[nodiscard]] Match match(const Sighting& sighting) const {
    const auto& attachment = sighting.attachment;
    const auto& id = attachment.key.container_id;
    if (id == word_ || attachment.pair.host_name == word_ || is_pod(attachment) ||
        has_address(attachment) || is_inside(sighting) ||
        attachment::to_string(attachment.key) == word_)
      return Match::kExact;
    constexpr std::size_t kLeast = 4;
    return word_.size() >= kLeast && id.starts_with(word_) ? Match::kBeginning : Match::kNone;
  }

 private:
  [[nodiscard]] bool is_pod(const attachment::Attachment& attachment) const {
    const auto& pod = attachment.pod;
    return pod && (pod->name == word_ || pod->space + "/" + pod->name == word_);
  }

  [[nodiscard]] bool has_address(const attachment::Attachment& attachment) const {
    return std::any_of(attachment.addresses.begin(), attachment.addresses.end(),
                       [&](const auto& each) {
                         return each.prefix.address() == address_ || each.prefix == prefix_;
                       });
  }

  [[nodiscard]] bool is_inside(const Sighting& sighting) const {
    const auto& attachment = sighting.attachment;
    if (!attachment.netns_path.empty() && without_var(attachment.netns_path) == path_) return true;
    if (!container_) return false;
    if (attachment.netns.inode != 0) return attachment.netns == container_->identity();
    return nsid_ && sighting.host_end && sighting.host_end->peer_nsid == nsid_;
  }

  std::string word_;
  std::string path_;
  std::optional<base::IpAddress> address_;
  std::optional<base::IpPrefix> prefix_;
  std::optional<netlink::Namespace> container_;
  std::optional<int> nsid_;
};

std::string line_of(const Sighting& sighting) {
  const auto& attachment = sighting.attachment;
  std::string line = attachment.key.network + "  " + title_of(sighting) + "  " +
                     attachment.key.ifname + "  " + attachment.pair.host_name;
  for (const auto& address : attachment.addresses)
    line += "  " + address.prefix.address().to_string();
  return printable(line);
}

}  // namespace

std::vector<std::size_t> pick_named(Node& node, const std::vector<Sighting>& sightings,
                                    const std::string& word) {
  const Name name(node, word);
  std::vector<std::size_t> exact;
  std::vector<std::size_t> beginning;
  for (std::size_t i = 0; i < sightings.size(); ++i) {
    const Match match = name.match(sightings[i]);
    if (match == Match::kNone) continue;
    (match == Match::kExact ? exact : beginning).push_back(i);
  }
  return exact.empty() ? beginning : exact;
}

std::vector<Sighting> find_named(Node& node, const std::vector<std::string>& reservations,
                                 const std::string& word) {
  auto sightings = survey_unexamined(node, reservations);
  std::vector<Sighting> found;
  for (const std::size_t place : pick_named(node, sightings, word)) {
    examine_if_finished(node, sightings[place]);
    found.push_back(std::move(sightings[place]));
  }
  return found;
}

Sighting require_one(std::vector<Sighting> found, const std::string& word) {
  if (found.empty()) {
    throw cni::Error(cni::Code::kUnknownContainer, "nothing on this node is called " + word);
  }
  if (found.size() == 1) return std::move(found.front());
  std::string lines;
  for (const auto& each : found) lines += (lines.empty() ? "" : "\n  ") + line_of(each);
  throw cni::Error(
      cni::Code::kUnknownContainer,
      std::to_string(found.size()) + " attachments are called " + word + "; say which of them",
      lines);
}

std::string namespace_path(const std::string& word) {
  return word.find('/') == std::string::npos ? "/var" + std::string(kNamespaces) + word : word;
}

std::string namespace_name(const std::string& path) {
  const std::string_view plain = without_var(path);
  return plain.starts_with(kNamespaces) ? std::string(plain.substr(kNamespaces.size()))
                                        : std::string();
}

}  // namespace tool

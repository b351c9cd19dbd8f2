#include "plugin/attachment/whereabouts.h"

#include <algorithm>

#include <sys/stat.h>

#include "base/error.h"
#include "plugin/attachment/record_names.h"

namespace attachment {
namespace {

std::optional<netlink::Namespace> find_at(Attachment attachment, std::string path) {
  attachment.netns_path = std::move(path);
  try {
    return find_container(attachment);
  } catch (const base::SystemError&) {
    return std::nullopt;  // it may not be looked at, and so is not the one
  }
}

}  // namespace

void Whereabouts::look_at_processes() {
  paths_.emplace();
  for (const std::string& name : names_in("/proc")) {
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::string path = "/proc/" + name + "/ns/net";
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) continue;
    const bool is_known = std::any_of(paths_->begin(), paths_->end(), [&](const auto& each) {
      return each.first == status.st_ino;
    });
    if (!is_known) paths_->emplace_back(status.st_ino, std::move(path));
  }
}

std::optional<netlink::Namespace> Whereabouts::find(const Attachment& attachment) {
  const std::string& path = attachment.netns_path;
  if (auto found = find_at(attachment, path)) return found;
  if (auto found = find_at(attachment, "/proc/1/root" + path)) return found;
  constexpr std::string_view kOther = "/var/run/";
  if (path.starts_with(kOther)) {
    if (auto found = find_at(attachment, "/run/" + path.substr(kOther.size()))) return found;
  }
  if (!paths_) look_at_processes();
  for (const auto& [inode, each] : *paths_) {
    if (inode != attachment.netns.inode) continue;
    if (auto found = find_at(attachment, each)) return found;
  }
  return std::nullopt;
}

}  // namespace attachment

#include "plugin/attachment/record_names.h"

#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <dirent.h>

#include "base/digest.h"
#include "base/error.h"
#include "plugin/attachment/record.h"
#include "plugin/attachment/record_entry.h"

namespace attachment {
namespace {

constexpr std::size_t kLongestPart = 200;  // bytes of a file name, which may have 255

// The opposite of file_name() and draft_name(), as far as the name was not shortened.
std::optional<Key> parse_file_name(const std::string& network, std::string_view name) {
  if (name.starts_with('.')) name.remove_prefix(1);
  const auto colon = name.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Key key{.network = network,
          .container_id = std::string(name.substr(0, colon)),
          .ifname = std::string(name.substr(colon + 1))};
  return is_valid(key) ? std::optional(std::move(key)) : std::nullopt;
}

// What a shortened name leads to is told by the content, if that leads back to the names of the
// file and of the network's directory.
std::optional<Key> read_key(const base::UniqueFd& directory, std::string_view directory_name,
                            const std::string& name) {
  const auto text = read_entry(directory, name);
  const auto attachment = text ? parse_record(*text) : std::nullopt;
  if (!attachment || !is_valid(attachment->key)) return std::nullopt;
  if (file_part(attachment->key.network) != directory_name) return std::nullopt;
  const bool is_named = name == file_name(attachment->key) || name == draft_name(attachment->key);
  return is_named ? std::optional(attachment->key) : std::nullopt;
}

bool is_shortened(std::string_view name) {
  return name.find('~') != std::string_view::npos;
}

}  // namespace

// '~' occurs in no identifier, so that a shortened name is no other's full one.
std::string file_part(const std::string& identifier) {
  if (identifier.size() <= kLongestPart) return identifier;
  return identifier.substr(0, kLongestPart - 65) + "~" + base::sha512_hex(identifier, 64);
}

std::string file_name(const Key& key) {
  return file_part(key.container_id) + ":" + key.ifname;
}

// A container id begins with a letter or a digit, so no record's name begins with a dot.
std::string draft_name(const Key& key) {
  return "." + file_name(key);
}

void visit_names(const std::string& path, const std::function<bool(std::string_view)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(path.c_str()), ::closedir);
  if (!stream && (errno == ENOENT || errno == ENOTDIR)) return;
  if (!stream) throw base::SystemError("list", path, errno);
  for (;;) {
    errno = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this stream
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) throw base::SystemError("list", path, errno);
    if (entry == nullptr || visit(entry->d_name)) return;
  }
}

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  visit_names(path, [&](std::string_view name) {
    names.emplace_back(name);
    return false;
  });
  return names;
}

std::vector<Key> list_directory(const std::string& path, const std::string& part) {
  const auto directory = find_directory(path);
  if (!directory) return {};
  std::set<Key> keys;
  for (const std::string& name : names_in(path)) {
    auto key = is_shortened(name) || is_shortened(part) ? read_key(*directory, part, name)
                                                        : parse_file_name(part, name);
    if (key) keys.insert(std::move(*key));
  }
  return {keys.begin(), keys.end()};
}

}  // namespace attachment

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/ip_address.h"
#include "base/ip_prefix.h"

namespace cni {

/// Of a configuration that asks for something, and of a result: all ports there are of a host, or a
/// hundred thousand routes, are some megabytes.
inline constexpr std::size_t kLongestDocument = std::size_t{16} << 20U;
/// Of a configuration that asks for an end: whatever was begun by an ADD comes back with all that
/// the runtime has put into it since, the result of the whole chain included.
inline constexpr std::size_t kLongestOfAll = std::size_t{64} << 20U;

/// Parses exactly one JSON object as Go would take it: duplicate keys, the last wins; bytes that
/// are not UTF-8 become U+FFFD; nothing may follow but white space. Throws Error{kDecoding}: not
/// JSON, not an object, nested deeper than 64, longer than `longest`, in bytes. `called` names the
/// text in messages ("the network configuration on stdin").
[[nodiscard]] nlohmann::json parse_object(std::string_view text, std::string_view called,
                                          std::size_t longest = kLongestDocument);

/// Indented by 4, without a newline at the end. Bytes that are not UTF-8 become U+FFFD; it never
/// throws for them.
[[nodiscard]] std::string print_document(const nlohmann::json& document);

/// What a value is, for messages: "the number 5", "the string \"x\"", "a list".
[[nodiscard]] std::string describe(const nlohmann::json& value);

/// While it lives it keeps which keys are asked for, by the path of the object: who knows all of
/// them knows which of a document's nobody reads. There is one at a time.
class Reading {
 public:
  Reading() { now_ = this; }
  ~Reading() { now_ = nullptr; }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& asked() const noexcept {
    return asked_;
  }

 private:
  friend class Object;
  static inline Reading* now_ = nullptr;
  std::map<std::string, std::set<std::string>> asked_;
};

/// A JSON object being read into plain data. Keys match exactly or, failing that, in any letter
/// case, as Go's decoder has it and runtimes rely on; null is absent; types are strict, and no
/// string may have a NUL in it. Every problem is Error{kInvalidConfig} that gives the path
/// ("ipam.ranges[0][1].subnet"), what was expected, and what is there. A view: the document must
/// outlive it.
class Object {
 public:
  Object(const nlohmann::json& value, std::string path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// "ipam.subnet" for key "subnet" of object "ipam".
  [[nodiscard]] std::string path_of(std::string_view key) const;

  /// The value, or null where it is absent or null.
  [[nodiscard]] const nlohmann::json* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }

  [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  /// Rejects 1500.0 and 1.5e3, as Go does, and anything outside the limits.
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t least,
                                                    std::int64_t most) const;
  [[nodiscard]] std::optional<Object> object(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  /// The members of a list of objects; empty where the key is absent.
  [[nodiscard]] std::vector<Object> objects(std::string_view key) const;
  /// Calls `visit` with each element of a list and its path.
  void each(std::string_view key,
            const std::function<void(const nlohmann::json&, const std::string& path)>& visit) const;

  /// An empty string counts as absent.
  [[nodiscard]] std::optional<base::IpAddress> address(std::string_view key) const;
  [[nodiscard]] std::optional<base::IpPrefix> prefix(std::string_view key) const;

  /// Throws Error{kInvalidConfig}: "<path of key>: <problem>".
  [[noreturn]] void reject(std::string_view key, std::string_view problem) const;

 private:
  const nlohmann::json* value_;
  std::string path_;
};

}  // namespace cni

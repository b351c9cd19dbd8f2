#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cluster/http.h"

/// etcd's keys and transactions by its JSON gateway (/v3/kv/txn). Each throws Failure.
namespace cluster::etcd {

struct Entry {
  std::string key;
  std::string value;
  std::int64_t created = 0;   // revision
  std::int64_t modified = 0;  // revision
};
using Entries = std::vector<Entry>;

/// Keys from `first` to before `end`.
struct Span {
  std::string first;
  std::string end;
  std::int64_t limit = 0;  // the first so many; 0 for all
  bool keys_only = false;
};
/// That key alone.
[[nodiscard]] Span key(std::string_view name);
/// Whatever begins with `prefix`.
[[nodiscard]] Span below(std::string_view prefix);

/// A condition of a transaction.
struct Compare {
  /// Nobody has made it.
  static Compare absent(std::string_view key);
  /// It is as it was read.
  static Compare unchanged(const Entry& entry);
  /// None of the keys there was made or changed behind that revision. Keys may have gone.
  static Compare none_newer(const Span& span, std::int64_t revision);
  static Compare equal(std::string_view key, std::string_view value);
  nlohmann::json form;
};

/// An effect of a transaction, or something read in it.
struct Operation {
  static Operation put(std::string_view key, std::string_view value);
  static Operation remove(std::string_view key);
  static Operation read(const Span& span);
  nlohmann::json form;
};

struct Outcome {
  bool is_done = false;  // the conditions held, and the first list of operations was done
  std::int64_t revision = 0;
  std::vector<Entries>
      read;  // for each operation that was done, in order; empty for no reading one
};

class Client {
 public:
  explicit Client(HttpClient& http) : http_(http) {}

  /// All reads at one revision.
  [[nodiscard]] Outcome read(const std::vector<Span>& spans);
  [[nodiscard]] Outcome transact(const std::vector<Compare>& when,
                                 const std::vector<Operation>& then,
                                 const std::vector<Operation>& otherwise = {});
  [[nodiscard]] const std::string& endpoint() const noexcept { return http_.endpoint(); }

 private:
  HttpClient& http_;
};

}  // namespace cluster::etcd

#pragma once

#include <set>
#include <utility>
#include <vector>

namespace config {

/// Values in the order in which they come, each once; a list may have many thousands.
template <class Value>
class Distinct {
 public:
  void add(const Value& value) {
    if (known_.insert(value).second) list_.push_back(value);
  }
  [[nodiscard]] std::vector<Value> take() { return std::move(list_); }

 private:
  std::vector<Value> list_;
  std::set<Value> known_;
};

}  // namespace config

#include "base/rollback.h"

#include <stdexcept>
#include <string>
#include <vector>

#include "catch2_any.h"

namespace {

struct Trace {
  std::vector<std::string> done;
  std::vector<std::string> reports;

  base::Rollback start() {
    return base::Rollback([this](const std::string& message) { reports.push_back(message); });
  }
  auto note(const std::string& step) {
    return [this, step] { done.push_back(step); };
  }
};

}  // namespace

TEST_CASE("undo steps run last first when the stack goes out of scope") {
  Trace trace;
  {
    auto undo = trace.start();
    undo.add("the first", trace.note("first"));
    undo.add("the second", trace.note("second"));
  }
  CHECK(trace.done == std::vector<std::string>{"second", "first"});
  CHECK(trace.reports.empty());
}

TEST_CASE("a dismissed stack undoes nothing") {
  Trace trace;
  {
    auto undo = trace.start();
    undo.add("the first", trace.note("first"));
    undo.dismiss();
  }
  CHECK(trace.done.empty());
}

TEST_CASE("what somebody else may have next is undone only after all that was done later") {
  Trace trace;
  auto undo = trace.start();
  undo.add("the first", trace.note("first"));
  undo.add_if_rest_is_undone("the address", trace.note("address"));
  undo.add("the rule", trace.note("rule"));
  CHECK(undo.run());
  CHECK(trace.done == std::vector<std::string>{"rule", "address", "first"});
  trace.done.clear();
  undo.add("the first", trace.note("first"));
  undo.add_if_rest_is_undone("the address", trace.note("address"));
  undo.add("the rule", [] { throw std::runtime_error("no way"); });
  CHECK_FALSE(undo.run());
  CHECK(trace.done == std::vector<std::string>{"first"});
  CHECK(trace.reports == std::vector<std::string>{"cannot undo: the rule: no way",
                                                  "not undone, because of that: the address"});
}

TEST_CASE("an undo step that fails is reported, and the others still run") {
  Trace trace;
  auto undo = trace.start();
  undo.add("the first", trace.note("first"));
  undo.add("the second", [] { throw std::runtime_error("no way"); });
  CHECK_FALSE(undo.run());
  CHECK(trace.done == std::vector<std::string>{"first"});
  CHECK(trace.reports == std::vector<std::string>{"cannot undo: the second: no way"});
  CHECK(undo.run());
  CHECK(trace.done.size() == 1);
}

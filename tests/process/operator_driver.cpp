// Calls the operators' functions for the process tests, one line of JSON for each thing that they
// report: operator_driver STATE_DIRECTORY reconcile|dead|garbage [--dry-run]. "garbage" reads a
// GC's configuration from stdin.
#include <cstdio>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "plugin/operations/gc.h"
#include "plugin/operations/gc_unlisted.h"
#include "plugin/operations/reconcile.h"

namespace {

using nlohmann::json;

void print(const json& line) {
  (void)std::puts(line.dump().c_str());
}

operations::Settings settings_of(const char* state_directory) {
  return {
      .state_directory = state_directory,
      .report = [](const std::string& line) { (void)std::fputs((line + "\n").c_str(), stderr); },
      .deliver = {}};
}

void reconcile(const char* state_directory, bool dry_run) {
  operations::reconcile({.state_directory = state_directory, .dry_run = dry_run},
                        [](const operations::Reconciled& each) {
                          print({{"key", attachment::to_string(each.key)},
                                 {"kind", each.kind},
                                 {"outcome", static_cast<int>(each.outcome)},
                                 {"restored", each.restored},
                                 {"problems", each.problems}});
                        });
}

void collect_dead(const char* state_directory, bool dry_run) {
  operations::collect_dead({.network = "", .dry_run = dry_run}, settings_of(state_directory),
                           [](const operations::Dead& each) {
                             print({{"key", attachment::to_string(each.key)},
                                    {"kind", each.kind},
                                    {"reason", each.reason},
                                    {"removed", each.removed},
                                    {"problem", each.problem}});
                           });
}

void list_garbage(const char* state_directory) {
  const auto input = base::read_all(0, 1U << 20U, "stdin");
  const auto request =
      cni::read_request(cni::Environment({{"CNI_COMMAND", "GC"}, {"CNI_PATH", "/nowhere"}}), input);
  print(operations::list_garbage(request, settings_of(state_directory)));
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc < 3) return 2;
  const std::string_view command = argv[2];
  const bool dry_run = argc > 3 && std::string_view(argv[3]) == "--dry-run";
  if (command == "reconcile") reconcile(argv[1], dry_run);
  if (command == "dead") collect_dead(argv[1], dry_run);
  if (command == "garbage") list_garbage(argv[1]);
}

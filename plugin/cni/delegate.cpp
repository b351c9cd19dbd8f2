#include "plugin/cni/delegate.h"

#include <algorithm>
#include <vector>

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "plugin/cni/child_process.h"
#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/cni/text.h"

namespace cni {
namespace {

/// The plugin as messages name it, and what was asked of it.
std::string name_of(std::string_view type, Command command) {
  return "plugin " + std::string(type) + ", " + std::string(to_string(command));
}

void refuse_type(std::string_view type) {
  if (type.empty()) throw Error(Code::kInvalidConfig, "the plugin type to delegate to is empty");
  // '\\' is the specification's; a NUL byte would end the path early.
  if (type.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos) return;
  throw Error(Code::kInvalidConfig,
              "the plugin type " + quote(type) + " must be the name of a file, without a path");
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> directories;
  while (!path.empty()) {
    const auto end = std::min(path.find(':'), path.size());
    // An empty part would be the working directory, which is the runtime's and says nothing.
    if (end > 0) directories.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return directories;
}

bool is_regular_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// go-cni drops errors of DEL that have the words "not found" in them, so these must not.
std::string find_plugin(const std::string& search_path, std::string_view type) {
  if (search_path.empty()) {
    throw Error(Code::kInvalidEnvironment, "CNI_PATH is missing, without which plugin " +
                                               std::string(type) + " cannot be located");
  }
  std::string searched;
  for (const std::string& directory : split_path(search_path)) {
    std::string path = directory + '/' + std::string(type);
    if (is_regular_file(path)) return path;
    if (!searched.empty()) searched += ", ";
    searched += directory;
  }
  throw Error(Code::kInvalidConfig, "failed to find plugin " + quote(type) + " in path [" +
                                        searched + "], which is CNI_PATH");
}

std::vector<std::string> environment_for(const Request& request, Command command) {
  std::vector<std::string> environment;
  environment.push_back("CNI_COMMAND=" + std::string(to_string(command)));
  for (const auto& [name, value] : request.environment.all()) {
    if (name == "CNI_COMMAND") continue;
    environment.emplace_back(name).append(1, '=').append(value);
  }
  return environment;
}

std::string shown(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

std::string signal_text(int number) {
  const char* name = ::sigabbrev_np(number);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(number);
}

// Its own document where it left one, with its text at the end of ours.
[[noreturn]] void rethrow_error(const std::string& plugin, const Outcome& outcome) {
  if (const auto error = parse_error(outcome.output)) {
    throw Error(error->code(), plugin + ": " + error->what(), error->details());
  }
  const std::string failed = plugin + ": failed with exit status " + std::to_string(outcome.number);
  if (outcome.output.empty()) throw Error(Code::kDelegate, failed + " and said nothing on stdout");
  throw Error(Code::kDelegate, failed + " and wrote no error document to stdout",
              "stdout: " + quote(outcome.output));
}

std::string answer_of(const std::string& plugin, Outcome&& outcome,
                      std::chrono::milliseconds patience) {
  switch (outcome.end) {
    case Outcome::End::kTimedOut:
      throw Error(Code::kDelegate,
                  plugin + ": did not end within " + shown(patience) + " and was killed");
    case Outcome::End::kTooMuchText:
      throw Error(Code::kDelegate, plugin + ": wrote more than 16 MiB to stdout and was killed");
    case Outcome::End::kSignaled:
      throw Error(Code::kDelegate, plugin + ": was killed by " + signal_text(outcome.number));
    case Outcome::End::kExited:
      break;
  }
  if (outcome.number != 0) rethrow_error(plugin, outcome);
  return std::move(outcome.output);
}

}  // namespace

void require_delegate(const Request& request, std::string_view type) {
  refuse_type(type);
  (void)find_plugin(request.path, type);
}

std::string run_delegate(const Request& request, std::string_view type, Command command,
                         std::chrono::milliseconds patience) {
  refuse_type(type);
  const std::string path = find_plugin(request.path, type);
  const std::string plugin = name_of(type, command);
  try {
    return answer_of(plugin,
                     run_child(path, environment_for(request, command), request.input,
                               {.patience = patience, .output = kLongestDocument}),
                     patience);
  } catch (const base::SystemError& error) {
    throw Error(Code::kDelegate, plugin + ": " + error.what());
  }
}

}  // namespace cni

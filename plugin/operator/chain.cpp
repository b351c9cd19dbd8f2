#include "plugin/operator/chain.h"

#include <sys/stat.h>
#include <unistd.h>

#include "netlink/link.h"
#include "netlink/netns.h"
#include "netlink/socket.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/child_process.h"
#include "plugin/cni/error.h"
#include "plugin/cni/object.h"
#include "plugin/dispatch.h"
#include "plugin/operator/files.h"
#include "plugin/types/type.h"

namespace tool {
namespace {

constexpr std::chrono::minutes kPatience{5};

std::map<std::string, std::string, std::less<>> variables_of(const Call& call,
                                                             const std::string& path,
                                                             cni::Command command,
                                                             const Attaching& attaching) {
  auto variables = call.environment.all();
  variables["CNI_COMMAND"] = cni::to_string(command);
  variables["CNI_CONTAINERID"] = attaching.container_id;
  variables["CNI_NETNS"] = attaching.netns;
  variables["CNI_IFNAME"] = attaching.ifname;
  variables["CNI_ARGS"] = attaching.arguments;
  variables["CNI_PATH"] = path;
  return variables;
}

Answer run_program(const std::string& program,
                   const std::map<std::string, std::string, std::less<>>& variables,
                   const std::string& input) {
  std::vector<std::string> environment;
  environment.reserve(variables.size());
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  const auto outcome = cni::run_child(program, environment, input,
                                      {.patience = kPatience, .output = cni::kLongestDocument});
  if (outcome.end != cni::Outcome::End::kExited) {
    throw cni::Error(cni::Code::kDelegate,
                     program + " was killed, or hung, or said more than 16 MiB");
  }
  return {.failed = outcome.number != 0, .document = outcome.output};
}

Answer run_ourselves(const Call& call, const std::string& type,
                     std::map<std::string, std::string, std::less<>> variables,
                     const std::string& input) {
  const cni::Environment environment(std::move(variables));
  Answer answer;
  answer.failed =
      plugin::dispatch({.called_as = type,
                        .environment = environment,
                        .read_input = [&] { return input; },
                        .write_output = [&](const std::string& text) { answer.document = text; },
                        .report = call.console.report}) != 0;
  return answer;
}

[[noreturn]] void throw_failure(const config::ListedPlugin& plugin, const Answer& answer) {
  const auto error = cni::parse_error(answer.document);
  if (!error) {
    throw cni::Error(cni::Code::kDelegate,
                     "plugin " + plugin.type + " failed without an error document");
  }
  throw cni::Error(error->code(), "plugin " + plugin.type + ": " + error->what(), error->details());
}

bool has_interface(const Attaching& attaching) {
  const auto container = netlink::Namespace::find(attaching.netns);
  if (!container) return false;
  const auto home = netlink::Namespace::current();
  auto socket = netlink::Socket::in(*container, home);
  return netlink::find_link(socket, attaching.ifname).has_value();
}

}  // namespace

Chain::Chain(const Call& call, const config::NetworkList& list)
    : call_(call), list_(list), path_(plugin_path(call)) {}

Answer Chain::run(const config::ListedPlugin& plugin, cni::Command command,
                  const Attaching& attaching, const config::Additions& additions) const {
  const std::string input = config::plugin_input(list_, plugin, additions);
  auto variables = variables_of(call_, path_, command, attaching);
  if (const auto program = find_plugin(path_, plugin.type))
    return run_program(*program, variables, input);
  if (types::find_type(plugin.type) != nullptr)
    return run_ourselves(call_, plugin.type, std::move(variables), input);
  throw cni::Error(cni::Code::kInvalidConfig, "there is no plugin " + plugin.type + " in " + path_);
}

std::string Chain::add(const Attaching& attaching) const {
  // A DEL would take away what was there before, too, and that is somebody's pod.
  const bool was_there = has_interface(attaching);
  const bool was_known = attachment::RecordStore(call_.state_directory)
                             .exists({list_.name, attaching.container_id, attaching.ifname});
  config::Additions additions{.offers = attaching.offers};
  for (const auto& plugin : list_.plugins) {
    const Answer answer = run(plugin, cni::Command::kAdd, attaching, additions);
    if (!answer.failed) {
      additions.previous_result = answer.document;
      continue;
    }
    const bool has_made_nothing = was_known && additions.previous_result.empty();
    if (!was_there && !has_made_nothing) take_back(attaching, additions.previous_result);
    throw_failure(plugin, answer);
  }
  return additions.previous_result;
}

void Chain::take_back(const Attaching& attaching, const std::string& previous_result) const {
  try {
    remove(attaching, previous_result);
  } catch (const std::exception& error) {
    call_.console.report(std::string("patchcord: while taking it back: ") + error.what());
  }
}

void Chain::remove(const Attaching& attaching, const std::string& previous_result) const {
  const config::Additions additions{.previous_result = previous_result, .offers = attaching.offers};
  std::exception_ptr first;
  for (auto plugin = list_.plugins.rbegin(); plugin != list_.plugins.rend(); ++plugin) {
    try {
      const Answer answer = run(*plugin, cni::Command::kDel, attaching, additions);
      if (answer.failed) throw_failure(*plugin, answer);
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

void Chain::collect(const std::vector<cni::ValidAttachment>& valid) const {
  std::exception_ptr first;
  for (const auto& plugin : list_.plugins) {
    try {
      const Answer answer = run(plugin, cni::Command::kGc, {}, {.valid = valid});
      if (answer.failed) throw_failure(plugin, answer);
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

void Chain::ask(cni::Command command, const Attaching& attaching,
                const std::string& previous_result) const {
  const config::Additions additions{.previous_result = previous_result, .offers = attaching.offers};
  for (const auto& plugin : list_.plugins) {
    const Answer answer = run(plugin, command, attaching, additions);
    if (answer.failed) throw_failure(plugin, answer);
  }
}

std::optional<std::string> find_plugin(const std::string& path, const std::string& type) {
  if (type.find('/') != std::string::npos) return std::nullopt;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    std::string program = std::string(rest.substr(0, end)) + "/" + type;
    rest.remove_prefix(std::min(end + 1, rest.size()));
    struct stat status {};
    if (::stat(program.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(program.c_str(), X_OK) == 0)
      return program;
  }
  return std::nullopt;
}

void require_newest(const config::NetworkList& list, std::string_view command) {
  if (list.version == "1.1.0") return;
  throw cni::Error(cni::Code::kIncompatibleVersion, "network " + list.name + " has cniVersion " +
                                                        list.version + ", and " +
                                                        std::string(command) + " came with 1.1.0");
}

config::NetworkList require_network(const Call& call, const std::string& word) {
  if (word.find('/') != std::string::npos || config::is_configuration_file(word)) {
    auto list = read_network_list(word);
    if (!list) throw cni::Error(cni::Code::kFile, "there is no file " + word);
    return std::move(*list);
  }
  const std::string directory = configuration_directory(call);
  for (auto& file : read_configurations(directory)) {
    if (file.list && file.list->name == word) return std::move(*file.list);
  }
  throw cni::Error(cni::Code::kInvalidConfig,
                   "no file of " + directory + " configures a network " + word);
}

}  // namespace tool

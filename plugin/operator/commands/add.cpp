#include <array>
#include <cerrno>

#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "plugin/cni/error.h"
#include "plugin/config/network.h"
#include "plugin/operator/chain.h"
#include "plugin/operator/files.h"
#include "plugin/operator/table.h"

// What cnitool(1) does, and a look at configurations before a pod meets them.
namespace tool {
namespace {

constexpr Option kIdOption = {
    .name = "id",
    .value = "ID",
    .meaning = "the container's; made from the namespace's path unless given"};
constexpr Option kInterfaceOption = {.name = "ifname",
                                     .letter = 'i',
                                     .value = "NAME",
                                     .meaning = "in the container; eth0 unless given"};
constexpr Option kArgumentsOption = {.name = "args",
                                     .value = "K=V;...",
                                     .meaning = "CNI_ARGS, which also counts from the environment"};
constexpr Option kOffersOption = {
    .name = "cap-args",
    .value = "JSON",
    .meaning = "what plugins with that capability get, such as port mappings"};
constexpr std::array kOptions = {kIdOption,     kInterfaceOption,      kArgumentsOption,
                                 kOffersOption, kConfigurationsOption, kPluginsOption};
constexpr std::array kDirectoryOptions = {kConfigurationsOption, kPluginsOption};

std::string choose(const Call& call, const Option& option, std::string_view variable,
                   const std::string& usual) {
  if (const auto given = call.arguments.value(option.name)) return *given;
  const std::string set = variable.empty() ? "" : call.environment.get(variable);
  return set.empty() ? usual : set;
}

// A name as `ip netns` has it stands for its path.
std::string namespace_path(const std::string& word) {
  return word.find('/') == std::string::npos ? "/var/run/netns/" + word : word;
}

Attaching attaching_of(const Call& call) {
  const std::string path = namespace_path(call.arguments.operands().at(1));
  return {.container_id =
              choose(call, kIdOption, "CNI_CONTAINERID", "cnitool-" + base::sha512_hex(path, 20)),
          .netns = path,
          .ifname = choose(call, kInterfaceOption, "CNI_IFNAME", "eth0"),
          .arguments = choose(call, kArgumentsOption, "CNI_ARGS", ""),
          .offers = choose(call, kOffersOption, "CAP_ARGS", "")};
}

/// The result of an ADD, kept for the DEL and CHECK of the same attachment, as runtimes do.
class KeptResult {
 public:
  KeptResult(const Call& call, const config::NetworkList& list, const Attaching& attaching)
      : directory_(call.state_directory + "/results"),
        name_(base::sha512_hex(list.name + "/" + attaching.container_id + "/" + attaching.ifname,
                               64)) {}

  void write(const std::string& document) const {
    const auto directory = base::make_directories(directory_, 0700);
    base::write_file_atomically_at(directory.get(), name_, document, 0600);
  }
  // Empty where there is none.
  [[nodiscard]] std::string read() const {
    constexpr std::size_t kLongest = 1U << 20;
    return base::read_file(directory_ + "/" + name_, kLongest).value_or("");
  }
  void remove() const { (void)::unlink((directory_ + "/" + name_).c_str()); }

 private:
  std::string directory_;
  std::string name_;
};

int run_add(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  const Attaching attaching = attaching_of(call);
  const std::string result = Chain(call, list).add(attaching);
  KeptResult(call, list, attaching).write(result);
  call.console.write(result + (result.ends_with('\n') ? "" : "\n"));
  return kFine;
}

int run_del(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  const Attaching attaching = attaching_of(call);
  const KeptResult kept(call, list, attaching);
  Chain(call, list).remove(attaching, kept.read());
  kept.remove();
  return kFine;
}

int run_check(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  if (list.disable_check) {
    call.console.write("not asked: network " + list.name + " has disableCheck\n");
    return kFine;
  }
  const Attaching attaching = attaching_of(call);
  const std::string result = KeptResult(call, list, attaching).read();
  if (result.empty()) {
    throw cni::Error(cni::Code::kCheckFailed,
                     "there is no result to check by: patchcord add keeps it, and nobody called "
                     "that for this network, id and interface");
  }
  Chain(call, list).ask(cni::Command::kCheck, attaching, result);
  call.console.write("all is as ADD made it\n");
  return kFine;
}

int run_status(const Call& call) {
  const auto list = require_network(call, call.arguments.operands().front());
  require_newest(list, "STATUS");
  Chain(call, list).ask(cni::Command::kStatus, {}, "");
  call.console.write("an ADD would find what it needs\n");
  return kFine;
}

void require_valid(const config::NetworkList& list, const config::ListedPlugin& plugin) {
  const cni::Request request = request_of(list, plugin);
  if (plugin.type == "patchcord") (void)config::parse_patchcord(request);
  if (plugin.type == "bridge") (void)config::parse_bridge(request);
  if (plugin.type == "ptp") (void)config::parse_ptp(request);
}

// Returns whether all is well.
bool validate(const Call& call, const std::string& path) {
  const auto say = [&](bool right, const std::string& text) {
    call.console.write(paint(call.console, right ? "✓ " : "✗ ", right ? Tone::kGood : Tone::kBad) +
                       printable(text) + "\n");
    return right;
  };
  bool fine = true;
  try {
    const auto list = require_network(call, path);
    for (const auto& plugin : list.plugins) {
      require_valid(list, plugin);
      const std::string directories = plugin_path(call);
      if (!find_plugin(directories, plugin.type)) {
        fine = say(false, path + ": there is no plugin " + plugin.type + " in " + directories);
      }
    }
    if (fine) say(true, path + ": network " + list.name);
  } catch (const std::exception& error) {
    fine = say(false, path + ": " + error.what());
  }
  return fine;
}

int run_validate(const Call& call) {
  std::vector<std::string> words = call.arguments.operands();
  const std::string directory = configuration_directory(call);
  if (words.empty()) {
    for (const auto& file : read_configurations(directory)) words.push_back(file.path);
  }
  if (words.empty()) call.console.report("there is no network configuration in " + directory);
  bool fine = true;
  for (const auto& word : words) fine = validate(call, word) && fine;
  return fine ? kFine : kNotFine;
}

constexpr std::string_view kOperands = "NETWORK|FILE NETNS";
constexpr std::string_view kNames =
    "NETWORK is a name in the directory of configurations, FILE a conflist or conf; NETNS a path\n"
    "or a name of `ip netns`. Plugins are run from CNI_PATH, as a runtime does.";

}  // namespace

const Command kAdd = {.name = "add",
                      .operands = kOperands,
                      .least = 2,
                      .most = 2,
                      .summary = "connect a namespace to a network, as a runtime would",
                      .details = kNames,
                      .options = kOptions,
                      .examples = "ip netns add demo\npatchcord add podnet demo",
                      .run = run_add};
const Command kDel = {.name = "del",
                      .operands = kOperands,
                      .least = 2,
                      .most = 2,
                      .summary = "take it off again",
                      .details = kNames,
                      .options = kOptions,
                      .examples = "patchcord del podnet demo",
                      .run = run_del};
const Command kCheck = {.name = "check",
                        .operands = kOperands,
                        .least = 2,
                        .most = 2,
                        .summary = "whether all is as `patchcord add` made it",
                        .details = kNames,
                        .options = kOptions,
                        .examples = "patchcord check podnet demo",
                        .run = run_check};
const Command kStatus = {.name = "status",
                         .operands = "NETWORK|FILE",
                         .least = 1,
                         .most = 1,
                         .summary = "whether an ADD would find what it needs",
                         .details = "Asks every plugin of the network (CNI 1.1.0).",
                         .options = kDirectoryOptions,
                         .examples = "patchcord status podnet",
                         .run = run_status};
const Command kValidate = {
    .name = "validate",
    .operands = "[NETWORK|FILE]...",
    .most = 64,
    .summary = "whether configurations can be read, key by key, and their plugins are there",
    .details =
        "All files of the directory unless some are given. The keys of types that are not\n"
        "ours are not looked at.",
    .options = kDirectoryOptions,
    .examples = "patchcord validate\npatchcord validate ./10-podnet.conflist",
    .run = run_validate};

}  // namespace tool

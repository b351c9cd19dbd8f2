// patchcord exec and capture: a command in a container's network namespace, and tcpdump where its
// packets come by.
#include <algorithm>
#include <array>
#include <cerrno>

#include <unistd.h>

#include "base/error.h"
#include "plugin/operator/command.h"
#include "plugin/operator/files.h"
#include "plugin/operator/named.h"
#include "plugin/operator/survey.h"

namespace tool {
namespace {

constexpr Option kInterfaceOption = {
    .name = "interface",
    .letter = 'i',
    .value = "IFNAME",
    .meaning = "of the container, where it has several; its first one unless given"};
constexpr std::array kExecOptions = {kConfigurationsOption};
constexpr std::array kCaptureOptions = {kInterfaceOption, kConfigurationsOption};

// In the place of this process, so that signals and the terminal are the command's.
[[noreturn]] void become(std::vector<std::string> words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execvp(pointers.front(), pointers.data());
  throw base::SystemError("run", words.front(), errno);
}

std::vector<Sighting> find_container_of(const Call& call, Node& node) {
  const std::string& word = call.arguments.operands().front();
  const auto files = read_configurations(configuration_directory(call));
  auto found = find_named(node, reservation_directories(files), word);
  const auto wanted = call.arguments.value(kInterfaceOption.name);
  if (wanted)
    std::erase_if(found, [&](const auto& each) { return each.attachment.key.ifname != *wanted; });
  return found;
}

// All interfaces of a container are in one namespace: any will do where none is asked for.
Sighting require_one_container(std::vector<Sighting> found, const std::string& word) {
  const auto is_another = [&](const Sighting& each) {
    return each.attachment.key.container_id != found.front().attachment.key.container_id;
  };
  if (found.empty() || std::any_of(found.begin(), found.end(), is_another))
    return require_one(std::move(found), word);
  return std::move(found.front());
}

int run_exec(const Call& call) {
  const auto& operands = call.arguments.operands();
  Node node(call.state_directory);
  const Sighting sighting = require_one_container(find_container_of(call, node), operands.front());
  const auto container = find_container(node, sighting);
  if (!container) {
    call.console.report("patchcord: the network namespace of " + title_of(sighting) +
                        " is gone, or cannot be seen from here");
    return kNotFine;
  }
  const netlink::ScopedEntry inside(*container, node.home());
  become({operands.begin() + 1, operands.end()});
}

bool is_installed(const Call& call, const std::string& program) {
  const std::string path = call.environment.get("PATH");
  std::string_view rest = path;
  if (rest.empty()) rest = "/usr/sbin:/usr/bin:/sbin:/bin";
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    if (::access((std::string(rest.substr(0, end)) + "/" + program).c_str(), X_OK) == 0)
      return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// At the host end, which is where all that the container sends and gets comes by, and where the
// node's tools are: the container need have none.
int run_capture(const Call& call) {
  const auto& operands = call.arguments.operands();
  Node node(call.state_directory);
  const Sighting sighting = require_one_container(find_container_of(call, node), operands.front());
  if (!sighting.host_end) {
    call.console.report("patchcord: " + title_of(sighting) + " has no host end any more");
    return kNotFine;
  }
  std::vector<std::string> words{"tcpdump", "-n", "-i", sighting.host_end->name};
  words.insert(words.end(), operands.begin() + 1, operands.end());
  if (is_installed(call, words.front())) become(std::move(words));
  std::string line;
  for (const auto& word : words) line += (line.empty() ? "" : " ") + word;
  call.console.report(
      "patchcord: tcpdump is not installed here; where it is, this is the command:");
  call.console.write(line + "\n");
  return kNotFine;
}

}  // namespace

const Command kExec = {
    .name = "exec",
    .operands = "ID|IP|POD -- COMMAND",
    .least = 2,
    .most = kAnyNumber,
    .summary = "a command in a container's network namespace",
    .details =
        "With the programs, files and rights of the node. What begins with '-' stands\n"
        "behind \"--\". Exit status: the command's.",
    .options = kExecOptions,
    .examples = "patchcord exec shop/web-0 -- ip route\npatchcord exec 10.88.0.2 -- ss -ltn",
    .run = run_exec};

const Command kCapture = {
    .name = "capture",
    .operands = "ID|IP|VETH|POD [FILTER]",
    .least = 1,
    .most = kAnyNumber,
    .summary = "tcpdump at the host end of a container",
    .details =
        "FILTER and what else tcpdump takes stands behind \"--\". Where there is no\n"
        "tcpdump, the command is printed. Exit status: that of tcpdump.",
    .options = kCaptureOptions,
    .examples = "patchcord capture shop/web-0\npatchcord capture 10.88.0.2 -i eth0 -- -c 10 icmp",
    .run = run_capture};

}  // namespace tool

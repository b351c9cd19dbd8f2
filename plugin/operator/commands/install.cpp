// patchcord install and uninstall: the plugin and the links to it in a plugin directory.
#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <set>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/attachment/liveness.h"
#include "plugin/attachment/record_store.h"
#include "plugin/cni/error.h"
#include "plugin/operations/chained.h"
#include "plugin/operator/command.h"
#include "plugin/operator/runtimes.h"
#include "plugin/operator/survey.h"
#include "plugin/operator/table.h"
#include "plugin/types/type.h"

// Puts this program into a plugin directory, in steps of one rename each, so that a runtime that
// starts a plugin meanwhile finds the old one or the new one.
namespace tool {
namespace {

constexpr Option kDirectoryOption = {
    .name = "dir",
    .letter = 'd',
    .value = "DIR",
    .meaning = "of plugins; unless given all that `runtimes` says"};
constexpr Option kReplaceOption = {
    .name = "replace",
    .meaning = "other plugins of our names too; they are kept beside, for uninstall"};
constexpr std::array kInstallOptions = {kDirectoryOption, kReplaceOption, kRootOption};
constexpr Option kForceOption = {.name = "force",
                                 .meaning = "even while containers need it to be disconnected"};
constexpr std::array kUninstallOptions = {kDirectoryOption, kRootOption, kForceOption};

constexpr std::string_view kProgram = "patchcord";
constexpr std::string_view kKeptSuffix = ".before-patchcord";  // no runtime asks for such a type
constexpr std::size_t kLongestProgram = 64U << 20;
constexpr mode_t kProgramMode = 0755;

// The one that is named, or those in which the runtimes of this node look.
std::vector<std::string> directories_of(const Call& call) {
  if (const auto given = call.arguments.value(kDirectoryOption.name)) return {*given};
  return plugin_directories(find_runtimes());
}

void rename_in(int directory, const std::string& from, const std::string& to) {
  if (::renameat(directory, from.c_str(), directory, to.c_str()) != 0)
    throw base::SystemError("rename to", to, errno);
}

bool exists(int directory, const std::string& name) {
  struct stat status {};
  return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

bool is_our_link(int directory, const std::string& name) {
  std::array<char, 16> target{};
  const auto size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  return size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == kProgram;
}

std::string own_program() {
  auto program = base::read_file("/proc/self/exe", kLongestProgram);
  if (!program) throw base::SystemError("open", "/proc/self/exe", ENOENT);
  return *std::move(program);
}

void put_link(int directory, const std::string& name) {
  const std::string fresh = "." + name + ".patchcord-new";
  (void)base::remove_file_at(directory, fresh);
  if (::symlinkat(std::string(kProgram).c_str(), directory, fresh.c_str()) != 0)
    throw base::SystemError("make link", name, errno);
  rename_in(directory, fresh, name);
}

// A copy under a name of its own comes first, so that there is a plugin of that name at each
// moment.
void keep(int directory, const std::string& name) {
  const std::string kept = name + std::string(kKeptSuffix);
  if (exists(directory, kept)) return;  // of an earlier install: that is the original
  if (::linkat(directory, name.c_str(), directory, kept.c_str(), 0) != 0)
    throw base::SystemError("keep", name, errno);
}

std::vector<std::string> our_names() {
  std::vector<std::string> names;
  for (const auto* type : types::all_types()) {
    if (type->name != kProgram) names.emplace_back(type->name);
  }
  return names;
}

struct Installation {
  std::string program;
  bool replace = false;
};

void install_into(const std::string& path, const Installation& what, const Console& console) {
  const auto directory = base::make_directories(path, kProgramMode);
  base::write_file_atomically_at(directory.get(), std::string(kProgram), what.program,
                                 kProgramMode);
  for (const auto& name : our_names()) {
    const bool is_other = exists(directory.get(), name) && !is_our_link(directory.get(), name);
    if (is_other && !what.replace) {
      console.write(path + "/" + name +
                    " is another plugin and stays; --replace puts ours in its place\n");
      continue;
    }
    if (is_other) keep(directory.get(), name);
    put_link(directory.get(), name);
  }
  console.write("patchcord is in " + path + "\n");
}

void uninstall_from(const std::string& path, const base::UniqueFd& directory,
                    const Console& console) {
  for (const auto& name : our_names()) {
    const std::string kept = name + std::string(kKeptSuffix);
    if (exists(directory.get(), kept)) {
      rename_in(directory.get(), kept, name);
      console.write(path + "/" + name + " is back\n");
    } else if (is_our_link(directory.get(), name)) {
      (void)base::remove_file_at(directory.get(), name);
    }
  }
  (void)base::remove_file_at(directory.get(), std::string(kProgram));
  console.write("patchcord is no more in " + path + "\n");
}

// A directory that cannot be written to must not keep it out of the others. The usual one is not
// needed where runtimes look elsewhere: a root file system may be read-only.
int in_each_directory(const Call& call, const std::function<void(const std::string&)>& work) {
  const auto paths = directories_of(call);
  std::size_t failures = 0;
  bool is_fine = true;
  for (const auto& path : paths) {
    try {
      work(path);
    } catch (const base::SystemError& error) {
      call.console.report(printable(error.what()));
      ++failures;
      is_fine = is_fine && path == kUsualPlugins;
    }
  }
  return is_fine && failures < paths.size() ? kFine : kNotFine;
}

int run_install(const Call& call) {
  // Read before anything is written: the file that runs may be the one that is replaced.
  const Installation what{.program = own_program(),
                          .replace = call.arguments.has(kReplaceOption.name)};
  enter_root(call.arguments.value(kRootOption.name));
  return in_each_directory(
      call, [&](const std::string& path) { install_into(path, what, call.console); });
}

// Of interfaces, and of what types of ours have made behind other plugins: each once, whose
// container is not provably gone.
std::set<attachment::Key> find_live(const Call& call) {
  const netlink::Namespace home = netlink::Namespace::current();
  netlink::Socket host;
  attachment::Liveness liveness(home, host);
  std::set<attachment::Key> live;
  const auto look = [&](std::string_view kind) {
    const attachment::RecordStore records(call.state_directory, kind);
    for (const auto& key : records.list_all()) {
      if (!liveness.find_cause(records, key)) live.insert(key);
    }
  };
  look(attachment::RecordStore::kInterfaces);
  for (const auto* type : operations::chained_types()) look(type->name);
  return live;
}

std::string title_of(const Call& call, const attachment::Key& key) {
  Sighting sighting;
  if (auto record = attachment::RecordStore(call.state_directory).find(key))
    sighting.attachment = std::move(*record);
  sighting.attachment.key = key;
  return key.network + "  " + title_of(sighting) + "  " + key.ifname;
}

// A runtime that finds no plugin cannot disconnect them, and keeps their pods for ever.
void refuse_if_needed(const Call& call) {
  constexpr std::size_t kMost = 20;
  const auto live = find_live(call);
  if (live.empty()) return;
  std::string lines;
  std::size_t left = kMost;
  for (const auto& key : live) {
    if (left-- == 0) break;
    lines += title_of(call, key) + "\n  ";
  }
  if (live.size() > kMost) lines += "and " + std::to_string(live.size() - kMost) + " more\n  ";
  throw cni::Error(cni::Code::kTryAgainLater,
                   std::to_string(live.size()) +
                       " attachments of containers that are there need this program to be removed, "
                       "so it stays:",
                   lines + "drain the node first; --force takes it out all the same");
}

bool is_anywhere(const std::vector<std::string>& paths) {
  return std::any_of(paths.begin(), paths.end(), [](const std::string& path) {
    const auto directory = base::open_directory(path);
    return directory && exists(directory->get(), std::string(kProgram));
  });
}

int run_uninstall(const Call& call) {
  enter_root(call.arguments.value(kRootOption.name));
  const bool is_named = call.arguments.has(kDirectoryOption.name);
  if (!call.arguments.has(kForceOption.name) && is_anywhere(directories_of(call)))
    refuse_if_needed(call);
  return in_each_directory(call, [&](const std::string& path) {
    const auto directory = base::open_directory(path);
    if (!directory && is_named) throw base::SystemError("open", path, ENOENT);
    // Of the runtimes' directories those that have it: one may be configured since.
    if (directory && (is_named || exists(directory->get(), std::string(kProgram))))
      uninstall_from(path, *directory, call.console);
  });
}

}  // namespace

const Command kInstall = {
    .name = "install",
    .summary = "put this program and the links to it into a plugin directory",
    .details =
        "Without --dir into /opt/cni/bin and wherever else a runtime of this node looks, as\n"
        "`patchcord runtimes` finds out. By rename, so that pods may start meanwhile. What\n"
        "--replace replaces is kept as NAME.before-patchcord.",
    .options = kInstallOptions,
    .examples =
        "patchcord install\npatchcord install --dir /opt/cni/bin --replace\npatchcord install "
        "--root /proc/1/root",
    .run = run_install};

const Command kUninstall = {
    .name = "uninstall",
    .summary = "take it out again, and put back what was there before",
    .details =
        "Without --dir from every directory that `install` installs into. While containers are\n"
        "there that it has connected it lists them and stays: nobody else disconnects them.",
    .options = kUninstallOptions,
    .examples = "patchcord uninstall\npatchcord uninstall --dir /opt/cni/bin --force",
    .run = run_uninstall};

}  // namespace tool

// patchcord install and uninstall: the plugin and the links to it in a plugin directory.
#include <array>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/cni/error.h"
#include "plugin/operator/command.h"
#include "plugin/types/type.h"

// Puts this program into a plugin directory, in steps of one rename each, so that a runtime that
// starts a plugin meanwhile finds the old one or the new one.
namespace tool {
namespace {

constexpr Option kDirectoryOption = {.name = "dir",
                                     .letter = 'd',
                                     .value = "DIR",
                                     .meaning = "of plugins; /opt/cni/bin unless given"};
constexpr Option kReplaceOption = {
    .name = "replace",
    .meaning = "other plugins of our names too; they are kept beside, for uninstall"};
constexpr std::array kInstallOptions = {kDirectoryOption, kReplaceOption};
constexpr std::array kUninstallOptions = {kDirectoryOption};

constexpr std::string_view kProgram = "patchcord";
constexpr std::string_view kKeptSuffix = ".before-patchcord";  // no runtime asks for such a type
constexpr std::size_t kLongestProgram = 64U << 20;
constexpr mode_t kProgramMode = 0755;

std::string directory_of(const Call& call) {
  return call.arguments.value(kDirectoryOption.name).value_or("/opt/cni/bin");
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

void put_program(int directory) {
  // Read before anything is written: the file that runs may be the one that is replaced.
  const auto program = base::read_file("/proc/self/exe", kLongestProgram);
  if (!program) throw base::SystemError("open", "/proc/self/exe", ENOENT);
  base::write_file_atomically_at(directory, std::string(kProgram), *program, kProgramMode);
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

int run_install(const Call& call) {
  const std::string path = directory_of(call);
  const bool replace = call.arguments.has(kReplaceOption.name);
  const auto directory = base::make_directories(path, kProgramMode);
  put_program(directory.get());
  for (const auto& name : our_names()) {
    const bool is_other = exists(directory.get(), name) && !is_our_link(directory.get(), name);
    if (is_other && !replace) {
      call.console.write(path + "/" + name +
                         " is another plugin and stays; --replace puts ours in "
                         "its place\n");
      continue;
    }
    if (is_other) keep(directory.get(), name);
    put_link(directory.get(), name);
  }
  call.console.write("patchcord is in " + path + "\n");
  return kFine;
}

int run_uninstall(const Call& call) {
  const std::string path = directory_of(call);
  const auto directory = base::open_directory(path);
  if (!directory) throw base::SystemError("open", path, ENOENT);
  for (const auto& name : our_names()) {
    const std::string kept = name + std::string(kKeptSuffix);
    if (exists(directory->get(), kept)) {
      rename_in(directory->get(), kept, name);
      call.console.write(path + "/" + name + " is back\n");
    } else if (is_our_link(directory->get(), name)) {
      (void)base::remove_file_at(directory->get(), name);
    }
  }
  (void)base::remove_file_at(directory->get(), std::string(kProgram));
  call.console.write("patchcord is no more in " + path + "\n");
  return kFine;
}

}  // namespace

const Command kInstall = {
    .name = "install",
    .summary = "put this program and the links to it into a plugin directory",
    .details =
        "By rename, so that pods may start meanwhile. What --replace replaces is kept as\n"
        "NAME.before-patchcord.",
    .options = kInstallOptions,
    .examples = "patchcord install\npatchcord install --dir /opt/cni/bin --replace",
    .run = run_install};

const Command kUninstall = {
    .name = "uninstall",
    .summary = "take it out again, and put back what was there before",
    .details = "Pods that it has connected stay so, but nobody disconnects them any more.",
    .options = kUninstallOptions,
    .examples = "patchcord uninstall --dir /opt/cni/bin",
    .run = run_uninstall};

}  // namespace tool

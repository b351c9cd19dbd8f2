// From the name that the executable is called by and CNI_COMMAND to a type's operation, and from
// what is thrown to an error document: its code and its remedy.
#include "plugin/dispatch.h"

#include <cerrno>
#include <exception>
#include <optional>

#include "base/error.h"
#include "netlink/error.h"
#include "netlink/netns.h"
#include "plugin/cni/error.h"
#include "plugin/cni/version.h"
#include "plugin/observe/operation.h"
#include "plugin/operations/shared/stopwatch.h"
#include "plugin/types/type.h"

namespace plugin {
namespace {

constexpr std::string_view kHelp =
    "patchcord " PATCHCORD_VERSION
    ", a CNI plugin: it connects a container to the network through a veth pair\n"
    "and a bridge, or through a routed /32.\n"
    "\n"
    "A container runtime runs it, with the operation in the environment (CNI_COMMAND,\n"
    "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH, CNI_ARGS) and the network\n"
    "configuration on stdin. To do the same by hand:\n"
    "\n"
    "  ip netns add demo\n"
    "  echo '{\"cniVersion\": \"1.0.0\", \"name\": \"demo\", \"type\": \"patchcord\",\n"
    "         \"mode\": \"bridge\", \"bridge\": \"demo0\", \"isDefaultGateway\": true,\n"
    "         \"ipam\": {\"type\": \"host-local\", \"subnet\": \"10.10.0.0/24\"}}' |\n"
    "    CNI_COMMAND=ADD CNI_CONTAINERID=demo1 CNI_NETNS=/var/run/netns/demo CNI_IFNAME=eth0 "
    "patchcord\n"
    "\n"
    "The same with CNI_COMMAND=DEL takes it away again.\n"
    "\n"
    "`patchcord help` has what it does for you at the node.\n";

constexpr std::string_view kStateDirectoryVariable = "PATCHCORD_STATE_DIR";
constexpr std::string_view kDefaultStateDirectory = "/run/patchcord";

std::string about() {
  return "patchcord " PATCHCORD_VERSION ", a CNI plugin; CNI versions supported: " +
         cni::supported_versions_text() + "; called without CNI_COMMAND, there is nothing to do";
}

std::string_view remedy_for(int code) {
  switch (code) {
    case EPERM:
    case EACCES:
      return "patchcord needs root's rights, CAP_NET_ADMIN and CAP_SYS_ADMIN among them, in the "
             "host's namespaces";
    case ENOSPC:
      return "the file system is full; free some space";
    case EROFS:
      return "the file system is read-only; use a directory that can be written to";
    case EMFILE:
    case ENFILE:
      return "there are no file descriptors left; raise the limit";
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
      return "this kernel lacks the feature; load its module or use a kernel that has it";
    default:
      return "";
  }
}

// The kernel wants rights with EPERM; EACCES is what it says of IPv6 on an interface that has it
// off, or EINVAL of a neighbour.
std::string_view remedy_for(const netlink::Error& error) {
  const bool is_off = error.kernel_text().find("IPv6 is disabled") != std::string::npos;
  if (error.code() != EACCES && !is_off) return remedy_for(error.code());
  return "IPv6 is off on that interface: set sysctl net.ipv6.conf.<interface>.disable_ipv6 to 0, "
         "or "
         "take IPv6 out of the network's configuration";
}

}  // namespace

cni::Error as_error(std::exception_ptr thrown) {
  using cni::Code;
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const cni::Error& error) {
    return error;
  } catch (const netlink::Error& error) {
    return {Code::kKernel, error.what(), std::string(remedy_for(error))};
  } catch (const netlink::NotANamespace& error) {
    return {Code::kInvalidNamespace, error.what()};
  } catch (const base::LockTimeout& error) {
    return {Code::kTryAgainLater, error.what()};
  } catch (const base::SystemError& error) {
    return {Code::kFile, error.what(), std::string(remedy_for(error.code()))};
  } catch (const std::exception& error) {
    return {Code::kInternal, error.what()};
  } catch (...) {
    return {Code::kInternal, "something was thrown that is no exception"};
  }
}

std::string state_directory_of(const cni::Environment& environment) {
  std::string directory = environment.get(kStateDirectoryVariable);
  return directory.empty() ? std::string(kDefaultStateDirectory) : directory;
}

namespace {

std::string read_input(const Invocation& invocation) {
  try {
    return invocation.read_input();
  } catch (const base::SystemError& error) {
    if (error.code() == EFBIG)
      throw cni::Error(cni::Code::kDecoding,
                       "the network configuration on stdin is longer than 64 MiB");
    throw cni::Error(cni::Code::kIo,
                     std::string("cannot read the network configuration: ") + error.what());
  }
}

const types::Type& require_type(std::string_view called_as) {
  // Under a name that is not known, a renamed copy say, it is what it always can be.
  const types::Type* type = types::find_type(called_as);
  return type != nullptr ? *type : *types::find_type("patchcord");
}

// DEL must work whatever the configuration has become.
void require_version_of(const types::Type& type, const cni::Request& request) {
  if (request.version >= type.oldest || request.command == cni::Command::kDel) return;
  throw cni::Error(cni::Code::kIncompatibleVersion,
                   "cniVersion " + std::string(cni::to_string(request.version)) +
                       " is not supported by type " + std::string(type.name),
                   "supported are " + cni::supported_versions_text(type.oldest));
}

void run(const types::Type& type, const cni::Request& request,
         const operations::Settings& settings) {
  require_version_of(type, request);
  switch (request.command) {
    case cni::Command::kAdd:
      return type.add(request, settings);
    case cni::Command::kDel:
      return type.del(request, settings);
    case cni::Command::kCheck:
      return type.check(request, settings);
    case cni::Command::kGc:
      return type.gc(request, settings);
    case cni::Command::kStatus:
      return type.status(request, settings);
    case cni::Command::kVersion:
      return;  // answered before a request is read
  }
}

/// One call, as far as it is known by the time it ends.
struct Progress {
  // The version that an error document bears: the configuration's, once it is known.
  cni::Version version = cni::kNewest;
  std::optional<cni::Request> request{};
  observe::Destinations destinations{};
  std::vector<std::string> notes{};  // what was said on stderr, for the log
  // Not of VERSION, which is told to nobody: a clock is a page of memory more at the start.
  std::optional<operations::Stopwatch> watch{};
};

operations::Settings settings_of(const Invocation& invocation, Progress& progress) {
  operations::Settings settings{.state_directory = state_directory_of(invocation.environment),
                                .report = invocation.report,
                                .deliver = invocation.write_output};
  if (!progress.destinations.any()) return settings;
  settings.watch = &*progress.watch;
  settings.report = [&](const std::string& line) {
    invocation.report(line);
    constexpr std::size_t kMost = 16;
    if (progress.notes.size() < kMost) progress.notes.push_back(line);
  };
  return settings;
}

void answer(const Invocation& invocation, Progress& progress) {
  const auto& environment = invocation.environment;
  if (environment.get("CNI_COMMAND").empty()) {
    invocation.report(invocation.on_terminal ? std::string(kHelp) : about());
    return;
  }
  const types::Type& type = require_type(invocation.called_as);
  if (cni::command_of(environment) == cni::Command::kVersion) {
    return invocation.write_output(cni::version_document(type.oldest));
  }
  progress.watch.emplace();
  progress.destinations = observe::destinations_of(environment, nullptr);
  progress.request = cni::read_request(environment, read_input(invocation));
  progress.destinations = observe::destinations_of(environment, &*progress.request);
  progress.version = progress.request->version;
  run(type, *progress.request, settings_of(invocation, progress));
}

void tell(const Invocation& invocation, const Progress& progress, unsigned code,
          const std::string& message) {
  if (!progress.destinations.any() || !progress.watch) return;
  const auto& environment = invocation.environment;
  observe::tell({.command = environment.get("CNI_COMMAND"),
                 .type = std::string(require_type(invocation.called_as).name),
                 .network = progress.request ? progress.request->network : "",
                 .container_id = environment.get("CNI_CONTAINERID"),
                 .ifname = environment.get("CNI_IFNAME"),
                 .code = code,
                 .message = message,
                 .notes = progress.notes,
                 .microseconds = progress.watch->total(),
                 .timings = progress.watch->timings()},
                progress.destinations, state_directory_of(environment), invocation.report);
}

void answer_error(const Invocation& invocation, const cni::Error& error, cni::Version version) {
  try {
    invocation.write_output(cni::to_document(error, version));
  } catch (const std::exception&) {
    // Nobody listens on stdout; maybe somebody does on stderr.
    invocation.report(error.what());
  }
}

}  // namespace

int dispatch(const Invocation& invocation) noexcept {
  Progress progress;
  try {
    answer(invocation, progress);
    tell(invocation, progress, 0, "");
    return 0;
  } catch (...) {
    const cni::Error error = as_error(std::current_exception());
    answer_error(invocation, error, progress.version);
    tell(invocation, progress, error.code(), error.what());
    return 1;
  }
}

}  // namespace plugin

#include "plugin/operator/attaching.h"

#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "plugin/cni/object.h"

namespace tool {
namespace {

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

}  // namespace

Attaching attaching_of(const Call& call) {
  const std::string path = namespace_path(call.arguments.operands().at(1));
  return {.container_id =
              choose(call, kIdOption, "CNI_CONTAINERID", "cnitool-" + base::sha512_hex(path, 20)),
          .netns = path,
          .ifname = choose(call, kInterfaceOption, "CNI_IFNAME", "eth0"),
          .arguments = choose(call, kArgumentsOption, "CNI_ARGS", ""),
          .offers = choose(call, kOffersOption, "CAP_ARGS", "")};
}

KeptResult::KeptResult(const Call& call, const config::NetworkList& list,
                       const Attaching& attaching)
    : directory_(call.state_directory + "/results"),
      name_(base::sha512_hex(list.name + "/" + attaching.container_id + "/" + attaching.ifname,
                             64)) {}

void KeptResult::write(const std::string& document) const {
  const auto directory = base::make_directories(directory_, 0700);
  base::write_file_atomically_at(directory.get(), name_, document, 0600);
}

std::string KeptResult::read() const {
  return base::read_file(directory_ + "/" + name_, cni::kLongestOfAll).value_or("");
}

void KeptResult::remove() const {
  (void)::unlink((directory_ + "/" + name_).c_str());
}

}  // namespace tool

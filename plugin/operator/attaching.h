#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "plugin/operator/chain.h"
#include "plugin/operator/command.h"
#include "plugin/operator/files.h"

/// What add, del and check have in common: whom they attach, and what an ADD answered.
namespace tool {

inline constexpr Option kIdOption = {
    .name = "id",
    .value = "ID",
    .meaning = "the container's; made from the namespace's path unless given"};
inline constexpr Option kInterfaceOption = {.name = "ifname",
                                            .letter = 'i',
                                            .value = "NAME",
                                            .meaning = "in the container; eth0 unless given"};
inline constexpr Option kArgumentsOption = {
    .name = "args",
    .value = "K=V;...",
    .meaning = "CNI_ARGS, which also counts from the environment"};
inline constexpr Option kOffersOption = {
    .name = "cap-args",
    .value = "JSON",
    .meaning = "what plugins with that capability get, such as port mappings"};
inline constexpr std::array kAttachingOptions = {
    kIdOption,     kInterfaceOption,      kArgumentsOption,
    kOffersOption, kConfigurationsOption, kPluginsOption};

inline constexpr std::array kDirectoryOptions = {kConfigurationsOption, kPluginsOption};

inline constexpr std::string_view kAttachingNames =
    "NETWORK is a name in the directory of configurations, FILE a conflist or conf; NETNS a path,\n"
    "a name of `ip netns`, or whatever an attachment is called that the container has already.\n"
    "Plugins are run from CNI_PATH, as a runtime does.";
inline constexpr std::string_view kAttachedOperands = "NETWORK|FILE NAME";
inline constexpr std::string_view kAttachedNames =
    "NETWORK is a name in the directory of configurations, FILE a conflist or conf. NAME is any\n"
    "that the attachment has: container id (four characters are enough), pod, network namespace\n"
    "(a name of `ip netns` or a path), address, or host interface. Plugins are run from CNI_PATH,\n"
    "as a runtime does.";

/// The words of the call, the environment's where they say nothing. The namespace is one that is
/// there, or that of an attachment that is called so.
[[nodiscard]] Attaching attaching_of(const Call& call);
/// The attachment of the network that the words mean, by any of its names (named.h). Absent where
/// none is and an id was given: its owner may know better. Throws cni::Error for none, and for
/// several.
[[nodiscard]] std::optional<Attaching> find_attached(const Call& call,
                                                     const config::NetworkList& list);

/// The result of an ADD, kept for the DEL and CHECK of the same attachment, as runtimes do.
class KeptResult {
 public:
  KeptResult(const Call& call, const std::string& network, const Attaching& attaching);

  /// Throws base::SystemError.
  void write(const std::string& document) const;
  /// Empty where there is none.
  [[nodiscard]] std::string read() const;
  void remove() const;

 private:
  std::string directory_;
  std::string name_;
};

}  // namespace tool

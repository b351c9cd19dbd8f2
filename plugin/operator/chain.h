#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plugin/config/network_list.h"
#include "plugin/operator/command.h"

/// The part of a container runtime: a network's plugins, one after the other.
namespace tool {

/// What a runtime tells the plugins of an attachment.
struct Attaching {
  std::string container_id;
  std::string netns;  // path
  std::string ifname;
  std::string arguments;  // CNI_ARGS
  std::string offers;     // CAP_ARGS
};

/// A plugin's answer: the document on its stdout.
struct Answer {
  bool failed = false;
  std::string document;
};

class Chain {
 public:
  Chain(const Call& call, const config::NetworkList& list);

  /// Runs one plugin: the program of its type in CNI_PATH, as a runtime does, and where that has
  /// none and the type is one of ours, this program in its place.
  [[nodiscard]] Answer run(const config::ListedPlugin& plugin, cni::Command command,
                           const Attaching& attaching, const config::Additions& additions) const;

  /// ADD of all, each with the result of the one before it; DEL of all where one fails, unless the
  /// interface was there before, or our record of it was and the first one has failed for that:
  /// this call has made nothing then that a DEL would not take from somebody else. Throws the
  /// plugin's error. Returns the result.
  [[nodiscard]] std::string add(const Attaching& attaching) const;
  /// DEL of all in the opposite order, whatever becomes of one of them; throws the first error.
  void remove(const Attaching& attaching, const std::string& previous_result) const;
  /// GC of all, in order, with the list of those that are alive, whatever becomes of one of them;
  /// throws the first error.
  void collect(const std::vector<cni::ValidAttachment>& valid) const;
  /// CHECK or STATUS of all, in order; throws the first error.
  void ask(cni::Command command, const Attaching& attaching,
           const std::string& previous_result) const;

 private:
  void take_back(const Attaching& attaching, const std::string& previous_result) const;

  const Call& call_;
  const config::NetworkList& list_;
  std::string path_;
};

/// The path of a plugin in CNI_PATH. Absent where no directory has it.
[[nodiscard]] std::optional<std::string> find_plugin(const std::string& path,
                                                     const std::string& type);

/// Throws cni::Error where the network's cniVersion is older than GC and STATUS.
void require_newest(const config::NetworkList& list, std::string_view command);

/// By file, or by a network's name in the directory of configurations. Throws cni::Error.
[[nodiscard]] config::NetworkList require_network(const Call& call, const std::string& word);

}  // namespace tool

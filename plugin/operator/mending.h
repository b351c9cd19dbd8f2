#pragma once

#include <array>
#include <map>
#include <string>

#include "plugin/attachment/attachment.h"
#include "plugin/operator/command.h"
#include "plugin/operator/json.h"
#include "plugin/operator/survey.h"

/// What reconcile and gc have in common, which go through the records of all kinds.
namespace tool {

inline constexpr Option kOnlyNetworkOption = {.name = "network",
                                              .letter = 'n',
                                              .value = "NAME",
                                              .meaning = "only this network's attachments"};
inline constexpr Option kDryRunOption = {.name = "dry-run",
                                         .meaning = "change nothing; say what would be"};
inline constexpr Option kTableOrJsonOption = {.name = "output",
                                              .letter = 'o',
                                              .value = "FORMAT",
                                              .choices = "table|json",
                                              .meaning = "how to show it; table unless given"};
inline constexpr std::array kMendingOptions = {kOnlyNetworkOption, kDryRunOption,
                                               kTableOrJsonOption};

/// What people call an attachment, of which by then there may be no record any more.
class Titles {
 public:
  /// Reads all records that there are now.
  explicit Titles(const std::string& state_directory);
  /// "network/title/interface" (title_of); of one that came later by its key.
  [[nodiscard]] std::string of(const attachment::Key& key) const;
  /// Its network, container, interface, and pod, where it has one.
  void write(const attachment::Key& key, Json& json) const;

 private:
  std::map<attachment::Key, Sighting> known_;
};

/// The same by the record of one.
[[nodiscard]] std::string name_of(const attachment::RecordStore& records,
                                  const attachment::Key& key);

/// Whether the records are of a type that works on another plugin's interface.
[[nodiscard]] bool is_chained(const std::string& kind);

/// Behind the name of an attachment: which type in its chain it is about.
[[nodiscard]] std::string describe_kind(const std::string& kind);

}  // namespace tool

#pragma once

#include <string>
#include <vector>

#include "plugin/operator/survey.h"

/// Attachments by what people call them.
namespace tool {

/// Those that the word means: a container's id or its beginning (four characters), a pod with or
/// without its namespace, the network namespace's name or path in any spelling that leads there, an
/// address, a host interface, or "network/container/interface". Who is called exactly so keeps out
/// those whose names only begin with it. Each is examined; in the order of survey().
[[nodiscard]] std::vector<Sighting> find_named(Node& node,
                                               const std::vector<std::string>& reservations,
                                               const std::string& word);

/// The same of those that a survey has found, by their places there, and without a further look.
[[nodiscard]] std::vector<std::size_t> pick_named(Node& node,
                                                  const std::vector<Sighting>& sightings,
                                                  const std::string& word);

/// The only one of them. Throws cni::Error for none, and for several, with a line for each.
[[nodiscard]] Sighting require_one(std::vector<Sighting> found, const std::string& word);

/// "/var/run/netns/NAME" for a name of `ip netns`; a path is one already.
[[nodiscard]] std::string namespace_path(const std::string& word);
/// NAME of such a path, in whichever spelling; empty for any other.
[[nodiscard]] std::string namespace_name(const std::string& path);

}  // namespace tool

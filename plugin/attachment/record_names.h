#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/attachment/attachment.h"

// The names of records' files, and which attachments the names in a directory are of.
namespace attachment {

/// An identifier as a name or a part of one, shortened if it is too long for that.
std::string file_part(const std::string& identifier);

std::string file_name(const Key& key);

std::string draft_name(const Key& key);

/// Goes through the names in a directory, if there is one, until `visit` says that it has seen
/// enough.
void visit_names(const std::string& path, const std::function<bool(std::string_view)>& visit);

std::vector<std::string> names_in(const std::string& path);

/// Whose records and drafts there are; `part` is the name of the network's directory, at `path`.
std::vector<Key> list_directory(const std::string& path, const std::string& part);

}  // namespace attachment

#pragma once

#include <string>
#include <string_view>

namespace observe {

/// Throws cni::Error{kFile} where something is at `path` that we did not write: a directory, a
/// device, a symbolic link, or a file that does not begin with `mark`, as all of ours of its kind
/// do. An empty file is as good as none. `pipe_too`: a named pipe may be there as well.
void require_own(const std::string& path, std::string_view mark, bool pipe_too = false);

/// Replaces the file as a whole, with text that begins with `mark` and is for everybody to read.
/// Throws as require_own, and base::SystemError.
void replace_own(const std::string& path, std::string_view mark, std::string_view text);

}  // namespace observe

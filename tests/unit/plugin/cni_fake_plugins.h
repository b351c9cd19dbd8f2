#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "catch2_any.h"
#include "cni_failure.h"
#include "plugin/cni/delegate.h"

// More than anything here takes on a machine however busy, and half of what a plugin that hangs
// does.
constexpr std::chrono::milliseconds kPatience{300'000};

inline void write_file(const std::string& path, const std::string& text, mode_t mode) {
  const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  REQUIRE(fd);
  REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

/// A directory of fake plugins, gone at the end of the test.
class PluginDirectory {
 public:
  PluginDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "cni-delegate-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  PluginDirectory(const PluginDirectory&) = delete;
  PluginDirectory& operator=(const PluginDirectory&) = delete;
  ~PluginDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(const std::string& name) const { return path_ + "/" + name; }

  void add(const std::string& name, const std::string& script, mode_t mode = 0755) const {
    write_file(path_of(name), "#!/bin/sh\n" + script + "\n", mode);
  }

 private:
  std::string path_;
};

inline cni::Request request_in(const std::string& search_path, const std::string& input = "{}") {
  cni::Request request;
  request.path = search_path;
  request.input = input;
  request.environment = cni::Environment({{"CNI_COMMAND", "ADD"},
                                          {"CNI_CONTAINERID", "pod1"},
                                          {"CNI_PATH", search_path},
                                          {"PATH", "/usr/bin:/bin"},
                                          {"ODD", "a=b c"}});
  return request;
}

/// Runs `script` as the delegate "fake".
inline std::string run(const std::string& script, const std::string& input = "{}",
                       cni::Command command = cni::Command::kAdd,
                       std::chrono::milliseconds patience = kPatience) {
  const PluginDirectory directory;
  directory.add("fake", script);
  return cni::run_delegate(request_in(directory.path(), input), "fake", command, patience);
}

inline std::optional<cni::Error> failure_of_script(const std::string& script,
                                                   std::chrono::milliseconds patience = kPatience) {
  return failure_of([&] { return run(script, "{}", cni::Command::kAdd, patience); });
}

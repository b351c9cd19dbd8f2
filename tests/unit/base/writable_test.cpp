#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_directory.h"
#include "catch2_any.h"

TEST_CASE("a directory that can be written is said to be so, and is left as it is") {
  const test::TemporaryDirectory root;
  const std::string below = GENERATE("", "/missing", "/missing/deeper/still");
  CHECK_NOTHROW(base::require_writable(root.path() + below));
  CHECK(std::filesystem::is_empty(root.path()));
}

TEST_CASE("a file in the place of a directory cannot be written to") {
  const test::TemporaryDirectory root;
  std::ofstream(root / "file") << "x";
  const std::string name = GENERATE("file", "file/below");
  CHECK_THROWS_AS(base::require_writable(root / name), base::SystemError);
}

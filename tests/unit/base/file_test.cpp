#include "base/file.h"

#include <cerrno>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/full_disk.h"
#include "base/temporary_directory.h"
#include "catch2_any.h"

using test::TemporaryDirectory;

namespace {

base::UniqueFd open_directory(const std::string& path) {
  auto fd = base::open_directory(path);
  REQUIRE(fd.has_value());
  return std::move(*fd);
}

template <typename Call>
int code_of_failure(Call call) {
  try {
    call();
  } catch (const base::SystemError& error) {
    return error.code();
  }
  return 0;
}

bool is_closed_on_exec(int fd) {
  return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

}  // namespace

TEST_CASE("what does not exist is absent, and no error") {
  const TemporaryDirectory place;
  const auto directory = open_directory(place.path());
  CHECK_FALSE(base::open_directory(place / "none").has_value());
  CHECK_FALSE(base::open_at(directory.get(), "none", O_RDONLY).has_value());
  CHECK_FALSE(base::read_file_at(directory.get(), "none", 10).has_value());
  CHECK_FALSE(base::read_file(place / "none", 10).has_value());
  CHECK_FALSE(base::remove_file_at(directory.get(), "none"));
}

TEST_CASE("every descriptor is closed on exec") {
  const TemporaryDirectory place;
  test::write_text(place / "file", "x");
  const auto directory = open_directory(place.path());
  CHECK(is_closed_on_exec(directory.get()));
  CHECK(is_closed_on_exec(base::open_at(directory.get(), "file", O_RDONLY)->get()));
  CHECK(is_closed_on_exec(base::make_directories(place / "a/b", 0755).get()));
}

TEST_CASE("a symbolic link in the last place is followed by read_file only") {
  const TemporaryDirectory place;
  test::write_text(place / "file", "content");
  REQUIRE(::symlink("file", (place / "link").c_str()) == 0);
  REQUIRE(::symlink(".", (place / "here").c_str()) == 0);
  const auto directory = open_directory(place.path());
  CHECK(code_of_failure([&] { (void)base::open_at(directory.get(), "link", O_RDONLY); }) == ELOOP);
  CHECK(code_of_failure([&] { (void)base::read_file_at(directory.get(), "link", 9); }) == ELOOP);
  CHECK(code_of_failure([&] { (void)base::open_directory(place / "here"); }) == ENOTDIR);
  CHECK(base::read_file(place / "link", 9) == "content");
}

TEST_CASE("a file is read up to a limit, beyond which it is an error") {
  const TemporaryDirectory place;
  const std::string text(10'000, 'x');
  test::write_text(place / "file", text);
  CHECK(base::read_file(place / "file", text.size()) == text);
  CHECK(code_of_failure([&] { (void)base::read_file(place / "file", text.size() - 1); }) == EFBIG);
  const auto directory = open_directory(place.path());
  CHECK(base::read_file_at(directory.get(), "file", text.size()) == text);
}

TEST_CASE("a failure names the operation, the file and the reason") {
  CHECK_THROWS_WITH(base::read_file("/", 1), "read /: Is a directory");
}

TEST_CASE("a named pipe in a file's place does not hold the reader up") {
  const TemporaryDirectory place;
  REQUIRE(::mkfifo((place / "pipe").c_str(), 0600) == 0);
  const auto directory = open_directory(place.path());
  CHECK(base::read_file_at(directory.get(), "pipe", 10) == "");
}

TEST_CASE("missing directories are made on the way, existing ones are kept") {
  const TemporaryDirectory place;
  (void)base::make_directories(place / "a/b/c", 0700);
  CHECK(test::mode_of(place / "a") == 0700);
  CHECK(test::mode_of(place / "a/b/c") == 0700);
  test::write_text(place / "a/b/c/file", "x");
  const auto again = base::make_directories(place / "a/b/c", 0755);
  CHECK(base::read_file_at(again.get(), "file", 9) == "x");
  CHECK(test::mode_of(place / "a/b/c") == 0700);
  test::write_text(place / "file", "x");
  CHECK(code_of_failure([&] { (void)base::make_directories(place / "file/x", 0755); }) == ENOTDIR);
}

TEST_CASE("a file is created whole, once, and with its mode") {
  const TemporaryDirectory place;
  const auto directory = open_directory(place.path());
  CHECK(base::create_file_at(directory.get(), "file", "first", 0600));
  CHECK_FALSE(base::create_file_at(directory.get(), "file", "second", 0600));
  CHECK(test::read_text(place / "file") == "first");
  CHECK(test::mode_of(place / "file") == 0600);
  CHECK(test::count_entries(place.path()) == 1);
}

TEST_CASE("a file is not created through a symbolic link") {
  const TemporaryDirectory place;
  REQUIRE(::symlink("elsewhere", (place / "link").c_str()) == 0);
  const auto directory = open_directory(place.path());
  CHECK_FALSE(base::create_file_at(directory.get(), "link", "x", 0600));
  CHECK_FALSE(std::filesystem::exists(place / "elsewhere"));
}

TEST_CASE("a file is replaced as a whole, and nothing is left beside it") {
  const TemporaryDirectory place;
  const auto directory = open_directory(place.path());
  const mode_t before = ::umask(0077);
  base::write_file_atomically_at(directory.get(), "file", "a long first text", 0644);
  (void)::umask(before);
  CHECK(test::mode_of(place / "file") == 0644);
  base::write_file_atomically_at(directory.get(), "file", "second", 0600);
  CHECK(test::read_text(place / "file") == "second");
  CHECK(test::mode_of(place / "file") == 0600);
  CHECK(test::count_entries(place.path()) == 1);
}

TEST_CASE("a replacement that fails leaves nothing behind") {
  const TemporaryDirectory place;
  std::filesystem::create_directory(place / "taken");
  const auto directory = open_directory(place.path());
  CHECK(code_of_failure([&] {
          base::write_file_atomically_at(directory.get(), "taken", "x", 0600);
        }) == EISDIR);
  CHECK(test::count_entries(place.path()) == 1);
}

TEST_CASE("a full disk leaves the old file or none, and nothing beside it") {
  const TemporaryDirectory place;
  const auto directory = open_directory(place.path());
  test::write_text(place / "old", "content");
  const test::FullDisk full;
  CHECK_THROWS_AS(base::create_file_at(directory.get(), "new", "x", 0600), base::SystemError);
  CHECK_THROWS_AS(base::write_file_atomically_at(directory.get(), "old", "x", 0600),
                  base::SystemError);
  CHECK(test::read_text(place / "old") == "content");
  CHECK(test::count_entries(place.path()) == 1);
}

TEST_CASE("removing tells whether there was a file") {
  const TemporaryDirectory place;
  test::write_text(place / "file", "x");
  const auto directory = open_directory(place.path());
  CHECK(base::remove_file_at(directory.get(), "file"));
  CHECK_FALSE(base::remove_file_at(directory.get(), "file"));
}

TEST_CASE("a directory that others remove as soon as it is there is made again") {
  const TemporaryDirectory place;
  const std::string path = place / "network";
  // jthread stops it also where a requirement fails.
  const std::jthread remover([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)::rmdir(path.c_str());
  });
  int failures = 0;
  for (int round = 0; round < 5000; ++round) {
    failures += code_of_failure([&] { (void)base::make_directories(path, 0755); }) != 0 ? 1 : 0;
  }
  CHECK(failures == 0);
}

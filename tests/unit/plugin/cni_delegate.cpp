#include <filesystem>

#include "catch2_any.h"
#include "cni_fake_plugins.h"

using cni::Command;
using Clock = std::chrono::steady_clock;

TEST_CASE("a delegate gets stdin byte for byte and its stdout is the answer", "[cni][delegate]") {
  const std::string input = "  {\"a\":\t1, \"b\": \"\xff\"}\n\n";
  CHECK(run("cat", input) == input);
}

TEST_CASE("a delegate gets the whole environment, with the command changed", "[cni][delegate]") {
  CHECK(run("echo \"$CNI_COMMAND|$CNI_CONTAINERID|$ODD\"", "{}", Command::kDel) ==
        "DEL|pod1|a=b c\n");
  CHECK(run("env | grep -c ^CNI_COMMAND=") == "1\n");
}

TEST_CASE("a delegate that says nothing and succeeds has an empty answer", "[cni][delegate]") {
  CHECK(run("exit 0").empty());
}

TEST_CASE("the delegate's own error is passed on with its code, text and details",
          "[cni][delegate]") {
  const auto error = failure_of_script(
      R"(echo '{"code": 11, "msg": "no addresses: try later", "details": "10.1.0.0/24"}'; exit 1)");
  REQUIRE(error);
  CHECK(error->code() == 11);
  CHECK(message_of(error) == "plugin fake, ADD: no addresses: try later");
  CHECK(error->details() == "10.1.0.0/24");
}

TEST_CASE("any other failure is one error of ours", "[cni][delegate]") {
  struct Case {
    std::string script;
    std::string message;
    std::string details;
  };
  const auto [script, message, details] = GENERATE(values<Case>({
      {"exit 3", "plugin fake, ADD: failed with exit status 3 and said nothing on stdout", ""},
      {"echo oops; exit 1",
       "plugin fake, ADD: failed with exit status 1 and wrote no error document to stdout",
       "stdout: \"oops\n\""},
      {"echo '{}'; exit 1",
       "plugin fake, ADD: failed with exit status 1 and wrote no error document to stdout",
       "stdout: \"{}\n\""},
      {R"(echo '{"code": 1, "msg": "a"}{"code": 2, "msg": "b"}'; exit 1)",
       "plugin fake, ADD: failed with exit status 1 and wrote no error document to stdout",
       "stdout: \"{\"code\": 1, \"msg\": \"a\"}{\"code\": 2, \"msg\": \"b\"}\n\""},
      {"kill -KILL $$", "plugin fake, ADD: was killed by SIGKILL", ""},
      {"kill -SEGV $$", "plugin fake, ADD: was killed by SIGSEGV", ""},
      {R"(echo '{"code": 1, "msg": "a"}'; kill -TERM $$)",
       "plugin fake, ADD: was killed by SIGTERM", ""},
  }));
  CAPTURE(script);
  const auto error = failure_of_script(script);
  REQUIRE(error);
  CHECK(error->code() == number(cni::Code::kDelegate));
  CHECK(message_of(error) == message);
  CHECK(error->details() == details);
}

TEST_CASE("an answer may have 16 MiB and no byte more", "[cni][delegate]") {
  CHECK(run("head -c 16777216 /dev/zero").size() == 16777216);
  const std::string script =
      GENERATE("head -c 16777217 /dev/zero", "cat /dev/zero", "cat /dev/zero & sleep 600");
  CAPTURE(script);
  const auto began = Clock::now();
  const auto error = failure_of_script(script);
  CHECK(code_of(error) == number(cni::Code::kDelegate));
  CHECK(message_of(error) == "plugin fake, ADD: wrote more than 16 MiB to stdout and was killed");
  CHECK(Clock::now() - began < kPatience);
}

TEST_CASE("the first regular file of the name in CNI_PATH is run", "[cni][delegate]") {
  const PluginDirectory first;
  const PluginDirectory second;
  const PluginDirectory third;
  REQUIRE(::mkdir(first.path_of("fake").c_str(), 0755) == 0);
  REQUIRE(::symlink(second.path_of("real").c_str(), second.path_of("fake").c_str()) == 0);
  second.add("real", "echo \"$0\"");
  third.add("fake", "echo wrong");
  const std::string path =
      ":/nowhere/at/all::" + first.path() + ":" + second.path() + ":" + third.path() + ":";
  CHECK(cni::run_delegate(request_in(path), "fake", Command::kAdd, kPatience) ==
        second.path_of("fake") + "\n");
}

TEST_CASE("a delegate that is nowhere is reported with the directories searched",
          "[cni][delegate]") {
  const auto error = failure_of([] {
    return cni::run_delegate(request_in(":/nowhere/a::/nowhere/b:"), "host-local", Command::kDel,
                             kPatience);
  });
  CHECK(code_of(error) == number(cni::Code::kInvalidConfig));
  CHECK(message_of(error) ==
        "failed to find plugin \"host-local\" in path [/nowhere/a, /nowhere/b], which is CNI_PATH");
}

TEST_CASE("a delegate's type is the name of a file", "[cni][delegate]") {
  const auto type = GENERATE(values<std::string>(
      {"", "a/b", "/bin/true", "../bin/true", "a\\b", std::string("true\0x", 6), ".", ".."}));
  CAPTURE(type);
  const auto error = failure_of(
      [&] { return cni::run_delegate(request_in("/bin"), type, Command::kAdd, kPatience); });
  CHECK(code_of(error) == number(cni::Code::kInvalidConfig));
}

TEST_CASE("a delegate cannot be located without CNI_PATH", "[cni][delegate]") {
  const auto error = failure_of(
      [] { return cni::run_delegate(request_in(""), "fake", Command::kAdd, kPatience); });
  CHECK(code_of(error) == number(cni::Code::kInvalidEnvironment));
  CHECK(message_of(error).find("CNI_PATH") != std::string::npos);
}

TEST_CASE("a file that cannot be executed is named", "[cni][delegate]") {
  const PluginDirectory directory;
  directory.add("no-permission", "", 0644);
  write_file(directory.path_of("no-program"), "text", 0755);
  write_file(directory.path_of("no-interpreter"), "#!/nowhere/sh\n", 0755);
  const auto message = [&](const std::string& type) {
    const auto error = failure_of([&] {
      return cni::run_delegate(request_in(directory.path()), type, Command::kAdd, kPatience);
    });
    CHECK(code_of(error) == number(cni::Code::kDelegate));
    return message_of(error);
  };
  CHECK(message("no-permission") == "plugin no-permission, ADD: run " +
                                        directory.path_of("no-permission") + ": Permission denied");
  CHECK(message("no-program") ==
        "plugin no-program, ADD: run " + directory.path_of("no-program") + ": Exec format error");
  CHECK(message("no-interpreter") == "plugin no-interpreter, ADD: run " +
                                         directory.path_of("no-interpreter") +
                                         ": No such file or directory");
}

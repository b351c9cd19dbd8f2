#include <cstdlib>

#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "cni_request_reader.h"

TEST_CASE("a whole request is read", "[cni][request]") {
  auto variables = variables_for("ADD");
  variables["CNI_ARGS"] = "IgnoreUnknown=1";
  variables["TRACEPARENT"] = "00-x";
  const auto request = read(variables);
  CHECK(request.command == cni::Command::kAdd);
  CHECK(request.container_id == "pod1");
  CHECK(request.netns == "/run/netns/pod1");
  CHECK(request.ifname == "eth0");
  CHECK(request.args == "IgnoreUnknown=1");
  CHECK(request.path == "/opt/cni/bin");
  CHECK_FALSE(request.allow_host_namespace);
  CHECK(request.network == "net");
  CHECK(request.version == cni::Version::k1_1_0);
  CHECK(request.input == kInput);
  CHECK(request.environment.all() == variables);
  CHECK(request.config().text("type") == "patchcord");
}

TEST_CASE("the input is kept byte for byte for delegates", "[cni][request]") {
  const std::string input = "  {\"name\":\t\"net\", \"x\": \"\xff\", \"x\": 1.0e0}\n\n";
  CHECK(read(variables_for("ADD"), input).input == input);
}

TEST_CASE("a request survives being moved", "[cni][request]") {
  auto first = read(variables_for("DEL"));
  auto second = std::move(first);
  CHECK(second.config().text("name") == "net");
  cni::Request third;
  third = std::move(second);
  CHECK(third.config().text("type") == "patchcord");
  CHECK(third.container_id == "pod1");
}

TEST_CASE("the command is known by its exact word", "[cni][request]") {
  const auto command = [](const std::string& word) {
    return cni::command_of(cni::Environment({{"CNI_COMMAND", word}}));
  };
  CHECK(command("ADD") == cni::Command::kAdd);
  CHECK(command("DEL") == cni::Command::kDel);
  CHECK(command("CHECK") == cni::Command::kCheck);
  CHECK(command("GC") == cni::Command::kGc);
  CHECK(command("STATUS") == cni::Command::kStatus);
  CHECK(command("VERSION") == cni::Command::kVersion);
  CHECK_FALSE(command("add"));
  CHECK_FALSE(command("ADD "));
  CHECK_FALSE(command("GET"));
  CHECK_FALSE(command(""));
  CHECK_FALSE(cni::command_of(cni::Environment({})));
}

TEST_CASE("every command prints as the word that it is read from", "[cni][request]") {
  const std::string word = GENERATE("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION");
  CHECK(cni::to_string(*cni::command_of(cni::Environment({{"CNI_COMMAND", word}}))) == word);
}

TEST_CASE("all missing variables are named in one error, in order", "[cni][request]") {
  struct Case {
    std::string command;
    std::string missing;  // empty: none is required
  };
  const auto [command, missing] = GENERATE(values<Case>({
      {"ADD", "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME"},
      {"CHECK", "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME"},
      {"DEL", "CNI_CONTAINERID, CNI_IFNAME"},
      {"GC", ""},
      {"STATUS", ""},
      {"", "CNI_COMMAND"},
  }));
  CAPTURE(command);
  const Variables empty_ones = {{"CNI_COMMAND", command},
                                {"CNI_CONTAINERID", ""},
                                {"CNI_NETNS", ""},
                                {"CNI_IFNAME", ""},
                                {"CNI_PATH", ""}};
  for (const Variables& variables : {empty_ones, Variables{{"CNI_COMMAND", command}}}) {
    const auto error = failure(variables);
    CHECK(code_of(error) == (missing.empty() ? std::nullopt : std::optional(4U)));
    if (error) CHECK(message_of(error) == "required environment variables are missing: " + missing);
  }
}

TEST_CASE("one missing variable is named alone", "[cni][request]") {
  const std::string name = GENERATE("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME");
  auto variables = variables_for("ADD");
  variables.erase(name);
  CHECK(message_of(failure(variables)) == "required environment variables are missing: " + name);
}

TEST_CASE("no command at all is reported before anything about stdin", "[cni][request]") {
  CHECK(message_of(failure({}, "garbage")) ==
        "required environment variables are missing: CNI_COMMAND");
}

TEST_CASE("a malformed variable is reported before missing ones and before stdin",
          "[cni][request]") {
  struct Case {
    std::string name;
    std::string value;
    std::string message;
  };
  const auto [name, value, message] = GENERATE(values<Case>({
      {"CNI_CONTAINERID", "../etc",
       "CNI_CONTAINERID \"../etc\" must begin with a letter or digit and have only these, '_', '.' "
       "and '-'"},
      {"CNI_CONTAINERID", "a\n",
       "CNI_CONTAINERID \"a\n\" must begin with a letter or digit and have only these, '_', '.' "
       "and '-'"},
      {"CNI_IFNAME", "eth0:1", "CNI_IFNAME \"eth0:1\" contains ':'"},
      {"CNI_IFNAME", "interface-name-too-long",
       "CNI_IFNAME \"interface-name-too-long\" is longer than 15 bytes"},
  }));
  const std::string command = GENERATE("ADD", "DEL", "CHECK");
  CAPTURE(command, value);
  const auto error = failure({{"CNI_COMMAND", command}, {name, value}}, "garbage");
  CHECK(code_of(error) == number(cni::Code::kInvalidEnvironment));
  CHECK(message_of(error) == message);
}

TEST_CASE("GC and STATUS do not look at the container's variables", "[cni][request]") {
  const std::string command = GENERATE("GC", "STATUS");
  auto variables = variables_for(command);
  variables["CNI_CONTAINERID"] = "../etc";
  variables["CNI_IFNAME"] = "a/b";
  CHECK_FALSE(failure(variables));
}

TEST_CASE("DEL needs no namespace and nothing needs CNI_PATH", "[cni][request]") {
  const std::string command = GENERATE("ADD", "DEL", "CHECK", "GC", "STATUS");
  auto variables = variables_for(command);
  variables.erase("CNI_PATH");
  if (command == "DEL") variables["CNI_NETNS"] = "";
  CHECK_FALSE(failure(variables));
}

TEST_CASE("an unknown command is reported after stdin and the network name", "[cni][request]") {
  const Variables variables = {{"CNI_COMMAND", "add"}};
  CHECK(code_of(failure(variables, "garbage")) == 6U);
  CHECK(code_of(failure(variables, "{}")) == 7U);
  const auto error = failure(variables, R"({"name": "net", "cniVersion": "9.9"})");
  CHECK(code_of(error) == 4U);
  CHECK(message_of(error) == "CNI_COMMAND \"add\" is no command");
}

TEST_CASE("what is wrong on stdin decides the code", "[cni][request]") {
  struct Case {
    std::string input;
    unsigned code;
  };
  const auto [input, code] = GENERATE(values<Case>({
      {"", 6},
      {"[]", 6},
      {"5", 6},
      {"\"net\"", 6},
      {R"({"name": "net"} trailing)", 6},
      {R"({"name": "net"}{"name": "net"})", 6},
      {R"({"name": 5})", 6},
      {R"({"name": "net", "cniVersion": 1.0})", 6},
      {R"({"name": "net", "cniVersion": ["1.0.0"]})", 6},
      {"null", 7},
      {" null\n", 7},
      {"{}", 7},
      {R"({"name": null})", 7},
      {R"({"name": ""})", 7},
      {R"({"name": "a/b"})", 7},
      {R"({"name": "net\n"})", 7},
      {R"({"name": "net\u0000"})", 7},
      {R"({"name": "_net"})", 7},
      {R"({"name": "a/b", "cniVersion": "9.9.9"})", 7},
      {R"({"name": "net", "cniVersion": "9.9.9"})", 1},
      {R"({"name": "net", "cniVersion": "1.0"})", 1},
  }));
  const std::string command = GENERATE("ADD", "DEL", "CHECK", "GC", "STATUS");
  CAPTURE(input, command);
  CHECK(code_of(failure(variables_for(command), input)) == code);
}

TEST_CASE("an unsupported version names both sides", "[cni][request]") {
  const auto error = failure(variables_for("ADD"), R"({"name": "net", "cniVersion": "1.2.0"})");
  REQUIRE(error);
  CHECK(error->details() ==
        "the configuration has \"1.2.0\"; supported are 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, "
        "1.1.0");
}

TEST_CASE("a configuration without a version is of 0.1.0", "[cni][request]") {
  const std::string input = GENERATE(R"({"name": "n"})", R"({"name": "n", "cniVersion": ""})",
                                     R"({"name": "n", "cniVersion": null})");
  CHECK(read(variables_for("ADD"), input).version == cni::Version::k0_1_0);
}

TEST_CASE("commands are allowed from the version on that brought them", "[cni][request]") {
  struct Case {
    std::string command;
    cni::Version oldest;
  };
  const auto [command, oldest] = GENERATE(values<Case>({
      {"ADD", cni::Version::k0_1_0},
      {"DEL", cni::Version::k0_1_0},
      {"CHECK", cni::Version::k0_4_0},
      {"GC", cni::Version::k1_1_0},
      {"STATUS", cni::Version::k1_1_0},
  }));
  for (unsigned i = 0; i <= static_cast<unsigned>(cni::kNewest); ++i) {
    const auto version = static_cast<cni::Version>(i);
    const std::string text(cni::to_string(version));
    CAPTURE(command, text);
    const auto error =
        failure(variables_for(command), R"({"name": "net", "cniVersion": ")" + text + R"("})");
    CHECK(code_of(error) == (version >= oldest ? std::nullopt : std::optional(1U)));
    if (error) {
      CHECK(message_of(error) ==
            "config version does not allow " + command + ": its cniVersion is " + text);
    }
  }
}

TEST_CASE("the same-namespace check is turned off as the reference has it", "[cni][request]") {
  struct Case {
    std::string value;
    bool off;
  };
  const auto [value, off] = GENERATE(values<Case>({{"1", true},
                                                   {"true", true},
                                                   {"TRUE", true},
                                                   {"True", true},
                                                   {"", false},
                                                   {"0", false},
                                                   {"yes", false},
                                                   {"true ", false},
                                                   {"tru\x05", false},
                                                   {"11", false}}));
  CAPTURE(value);
  auto variables = variables_for("ADD");
  variables["CNI_NETNS_OVERRIDE"] = value;
  CHECK(read(variables).allow_host_namespace == off);
}

TEST_CASE("the process environment is read with all its variables", "[cni][request]") {
  REQUIRE(::setenv("PATCHCORD_TEST_VARIABLE", "a=b;c", 1) == 0);
  const auto environment = cni::Environment::of_process();
  CHECK(environment.get("PATCHCORD_TEST_VARIABLE") == "a=b;c");
  CHECK(environment.get("PATCHCORD_TEST_VARIABLE_THAT_IS_NOT_THERE").empty());
  REQUIRE(::unsetenv("PATCHCORD_TEST_VARIABLE") == 0);
}

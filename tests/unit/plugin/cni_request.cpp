#include <cstdlib>

#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "cni_failure.h"
#include "plugin/cni/request.h"

using namespace std::string_literals;
using Variables = std::map<std::string, std::string, std::less<>>;

namespace {

constexpr const char* kInput = R"({"cniVersion": "1.1.0", "name": "net", "type": "patchcord"})";

Variables variables_for(const std::string& command) {
  return {{"CNI_COMMAND", command},
          {"CNI_CONTAINERID", "pod1"},
          {"CNI_NETNS", "/run/netns/pod1"},
          {"CNI_IFNAME", "eth0"},
          {"CNI_PATH", "/opt/cni/bin"}};
}

cni::Request read(const Variables& variables, std::string_view input = kInput) {
  return cni::read_request(cni::Environment(variables), input);
}

std::optional<cni::Error> failure(const Variables& variables, std::string_view input = kInput) {
  return failure_of([&] { return read(variables, input); });
}

cni::Request gc_request(const std::string& members) {
  return read({{"CNI_COMMAND", "GC"}}, R"({"cniVersion": "1.1.0", "name": "net")" + members + "}");
}

cni::Request check_request(const std::string& version, const std::string& previous) {
  return read(variables_for("CHECK"), R"({"cniVersion": ")" + version +
                                          R"(", "name": "net", "prevResult": )" + previous + "}");
}

}  // namespace

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
            "the configuration's cniVersion " + text + " does not allow " + command);
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

TEST_CASE("prevResult is absent where there is nothing in it", "[cni][request]") {
  CHECK_FALSE(read(variables_for("DEL")).previous_result());
  CHECK_FALSE(check_request("1.0.0", "null").previous_result());
  CHECK_FALSE(check_request("1.0.0", "{}").previous_result());
}

TEST_CASE("prevResult is read in its own version or else the configuration's", "[cni][request]") {
  struct Case {
    std::string config;
    std::string previous;
  };
  const auto [config, previous] = GENERATE(values<Case>({
      {"1.1.0", R"({"ips": [{"address": "10.1.0.2/24"}]})"},
      {"1.1.0", R"({"cniVersion": "1.0.0", "ips": [{"address": "10.1.0.2/24"}]})"},
      {"1.0.0", R"({"cniVersion": "1.1.0", "ips": [{"address": "10.1.0.2/24"}]})"},
      {"0.4.0", R"({"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "10.1.0.2/24"}]})"},
      {"0.4.0", R"({"cniVersion": "", "ips": [{"address": "10.1.0.2/24"}]})"},
  }));
  CAPTURE(config, previous);
  const auto result = check_request(config, previous).previous_result();
  REQUIRE(result);
  REQUIRE(result->ips.size() == 1);
  CHECK(result->ips[0].address.to_string() == "10.1.0.2/24");
}

TEST_CASE("a prevResult that cannot be read is a decoding error", "[cni][request]") {
  struct Case {
    std::string config;
    std::string previous;
    std::string message;
  };
  const auto [config, previous, message] = GENERATE(values<Case>({
      {"1.0.0", "[]", "prevResult: must be an object, but is a list"},
      {"1.0.0", "\"x\"", "prevResult: must be an object, but is the string \"x\""},
      {"1.0.0", R"({"cniVersion": "9.9"})",
       "prevResult.cniVersion: \"9.9\" is no version that we speak"},
      {"1.0.0", R"({"ips": [{"address": "10.1.0.2"}]})",
       "prevResult.ips[0].address: \"10.1.0.2\" is no IP address with a prefix length"},
      {"1.0.0", R"({"cniVersion": "0.4.0"})",
       "prevResult.cniVersion: 0.4.0 has results of another form than the configuration's "
       "cniVersion 1.0.0"},
      {"0.4.0", R"({"cniVersion": "1.0.0"})",
       "prevResult.cniVersion: 1.0.0 has results of another form than the configuration's "
       "cniVersion 0.4.0"},
      {"0.4.0", R"({"cniVersion": "0.2.0"})",
       "prevResult.cniVersion: 0.2.0 has results of another form than the configuration's "
       "cniVersion 0.4.0"},
  }));
  CAPTURE(config, previous);
  const auto request = check_request(config, previous);
  const auto error = failure_of([&] { return request.previous_result(); });
  CHECK(code_of(error) == number(cni::Code::kDecoding));
  CHECK(message_of(error) == message);
}

TEST_CASE("GC's list may be absent, which is not empty", "[cni][request]") {
  CHECK_FALSE(gc_request("").valid_attachments());
  CHECK(gc_request(R"(, "cni.dev/valid-attachments": null)").valid_attachments() ==
        std::vector<cni::ValidAttachment>{});
  CHECK(gc_request(R"(, "cni.dev/valid-attachments": [])").valid_attachments() ==
        std::vector<cni::ValidAttachment>{});
}

TEST_CASE("GC's list is read, and the old key only where there is no other", "[cni][request]") {
  const std::string list =
      R"([{"containerID": "a", "ifname": "eth0"}, {"containerID": "b", "ifname": "net1"}])";
  const std::vector<cni::ValidAttachment> meant = {{"a", "eth0"}, {"b", "net1"}};
  CHECK(gc_request(R"(, "cni.dev/valid-attachments": )" + list).valid_attachments() == meant);
  CHECK(gc_request(R"(, "cni.dev/attachments": )" + list).valid_attachments() == meant);
  CHECK(gc_request(R"(, "cni.dev/attachments": [], "cni.dev/valid-attachments": )" + list)
            .valid_attachments() == meant);
  CHECK(gc_request(R"(, "cni.dev/valid-attachments": [], "cni.dev/attachments": )" + list)
            .valid_attachments() == std::vector<cni::ValidAttachment>{});
}

TEST_CASE("an attachment that cannot be understood fails GC instead of being given up",
          "[cni][request]") {
  const std::string list =
      GENERATE(R"({})", R"("a")", R"([null])", R"(["a"])", R"([{"containerID": "a"}])",
               R"([{"ifname": "eth0"}])", R"([{"containerID": "", "ifname": "eth0"}])",
               R"([{"containerID": 5, "ifname": "eth0"}])");
  CAPTURE(list);
  const auto request = gc_request(R"(, "cni.dev/valid-attachments": )" + list);
  const auto error = failure_of([&] { return request.valid_attachments(); });
  CHECK(code_of(error) == number(cni::Code::kInvalidConfig));
  CHECK(message_of(error).find("cni.dev/valid-attachments") == 0);
}

TEST_CASE("the process environment is read with all its variables", "[cni][request]") {
  REQUIRE(::setenv("PATCHCORD_TEST_VARIABLE", "a=b;c", 1) == 0);
  const auto environment = cni::Environment::of_process();
  CHECK(environment.get("PATCHCORD_TEST_VARIABLE") == "a=b;c");
  CHECK(environment.get("PATCHCORD_TEST_VARIABLE_THAT_IS_NOT_THERE").empty());
  REQUIRE(::unsetenv("PATCHCORD_TEST_VARIABLE") == 0);
}

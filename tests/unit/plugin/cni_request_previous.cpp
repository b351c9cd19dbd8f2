#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "cni_request_reader.h"

namespace {

cni::Request gc_request(const std::string& members) {
  return read({{"CNI_COMMAND", "GC"}}, R"({"cniVersion": "1.1.0", "name": "net")" + members + "}");
}

cni::Request check_request(const std::string& version, const std::string& previous) {
  return read(variables_for("CHECK"), R"({"cniVersion": ")" + version +
                                          R"(", "name": "net", "prevResult": )" + previous + "}");
}

}  // namespace

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

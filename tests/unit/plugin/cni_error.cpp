#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "plugin/cni/error.h"

using nlohmann::json;

TEST_CASE("an error document has version, code and message, and details only where there are any",
          "[cni][error]") {
  const cni::Error bare(cni::Code::kInvalidConfig, "mtu: is below 68");
  CHECK(json::parse(cni::to_document(bare, cni::Version::k0_4_0)) ==
        json::parse(R"({"cniVersion": "0.4.0", "code": 7, "msg": "mtu: is below 68"})"));

  const cni::Error detailed(cni::Code::kKernel, "add route", "RTNETLINK says no");
  CHECK(
      json::parse(cni::to_document(detailed, cni::Version::k1_1_0)) ==
      json::parse(
          R"({"cniVersion": "1.1.0", "code": 100, "msg": "add route", "details": "RTNETLINK says no"})"));
}

TEST_CASE("an error document is JSON whatever bytes its text has", "[cni][error]") {
  const cni::Error error(cni::Code::kFile, "cannot open \"\xff\xfe\x01\n\"", "\xc3");
  const json document = json::parse(cni::to_document(error, cni::kNewest));
  CHECK(document["msg"] == "cannot open \"\xEF\xBF\xBD\xEF\xBF\xBD\x01\n\"");
  CHECK(document["details"] == "\xEF\xBF\xBD");
}

TEST_CASE("another plugin's error document is read", "[cni][error]") {
  struct Case {
    std::string text;
    unsigned code;
    std::string message;
    std::string details;
  };
  const auto [text, code, message, details] = GENERATE(values<Case>({
      {R"({"cniVersion": "1.0.0", "code": 11, "msg": "later", "details": "busy"})", 11, "later",
       "busy"},
      {R"({"code": 999, "msg": "no IP left"})", 999, "no IP left", ""},
      {R"({"code": 4294967295, "msg": "x"})", 4294967295, "x", ""},
      {R"({"code": 5})", 5, "", ""},
      {R"({"Code": 5, "Msg": "any case"})", 5, "any case", ""},
      {R"({"msg": "no code"})", 104, "no code", ""},
      {R"({"code": 0, "msg": "unassigned"})", 104, "unassigned", ""},
  }));
  CAPTURE(text);
  const auto error = cni::parse_error(text);
  REQUIRE(error);
  CHECK(error->code() == code);
  CHECK(error->what() == message);
  CHECK(error->details() == details);
}

TEST_CASE("what is no error document is told from one", "[cni][error]") {
  const std::string text =
      GENERATE("", "garbage", "{}", "[]", "null", R"({"cniVersion": "1.0.0", "ips": []})",
               R"({"code": -1, "msg": "x"})", R"({"code": "7", "msg": "x"})",
               R"({"code": 4294967296, "msg": "x"})", R"({"code": 7, "msg": 5})",
               R"({"code": 7.0, "msg": "x"})", R"({"code": 7, "msg": "x"}{"code": 7, "msg": "x"})",
               R"({"code": 7, "msg": "x"} log text)");
  CAPTURE(text);
  CHECK_FALSE(cni::parse_error(text));
}

#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "plugin/cni/version.h"

TEST_CASE("every version of the specification is read and printed back", "[cni][version]") {
  const std::string text = GENERATE("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0");
  const auto version = cni::parse_version(text);
  REQUIRE(version);
  CHECK(cni::to_string(*version) == text);
}

TEST_CASE("a version is matched by its exact text", "[cni][version]") {
  const std::string text = GENERATE("", "1", "1.0", "1.0.0 ", " 1.0.0", "01.0.0", "v1.0.0", "1.2.0",
                                    "0.5.0", "1.1.0-rc1");
  CAPTURE(text);
  CHECK_FALSE(cni::parse_version(text));
}

TEST_CASE("versions compare by age", "[cni][version]") {
  CHECK(cni::Version::k0_1_0 < cni::Version::k0_2_0);
  CHECK(cni::Version::k0_4_0 < cni::Version::k1_0_0);
  CHECK(cni::parse_version("1.1.0") == cni::kNewest);
}

TEST_CASE("the supported versions are listed from the oldest wanted on", "[cni][version]") {
  CHECK(cni::supported_versions_text() == "0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
  CHECK(cni::supported_versions_text(cni::Version::k0_4_0) == "0.4.0, 1.0.0, 1.1.0");
}

TEST_CASE("VERSION answers with the newest version and the list", "[cni][version]") {
  CHECK(nlohmann::json::parse(cni::version_document()) == nlohmann::json::parse(R"({
    "cniVersion": "1.1.0",
    "supportedVersions": ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]})"));
  CHECK(
      nlohmann::json::parse(cni::version_document(cni::Version::k1_0_0)) ==
      nlohmann::json::parse(R"({"cniVersion": "1.1.0", "supportedVersions": ["1.0.0", "1.1.0"]})"));
}

#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "plugin/cni/text.h"

using cni::printable;

namespace {

std::string utf8(char32_t c) {
  const auto part = [&](unsigned shift) {
    return static_cast<char>(0x80U | (static_cast<unsigned>(c) >> shift & 0x3FU));
  };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0U | c >> 6U), part(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0U | c >> 12U), part(6), part(0)};
  return {static_cast<char>(0xF0U | c >> 18U), part(12), part(6), part(0)};
}

}  // namespace

TEST_CASE("what steers a terminal or is not to be seen is not printable", "[cni][text]") {
  const char32_t c =
      GENERATE(as<char32_t>{}, 0x00, 0x07, 0x08, 0x09, 0x0A, 0x0D, 0x1B, 0x1F, 0x7F, 0x80, 0x85,
               0x90, 0x9B, 0x9D, 0x9F, 0xAD, 0x61C, 0x180E, 0x200B, 0x200D, 0x200E, 0x200F, 0x2028,
               0x2029, 0x202A, 0x202E, 0x2060, 0x2066, 0x2069, 0x206F, 0xFE0F, 0xFEFF, 0xFFF9,
               0xFFFB, 0x1BCA0, 0x1D173, 0xE0001, 0xE007F, 0xE01EF);
  CAPTURE(static_cast<std::uint32_t>(c));
  CHECK_FALSE(cni::is_printable(c));
  CHECK(printable("a" + utf8(c) + "b") == "a\uFFFDb");
}

TEST_CASE("letters of all scripts, signs and pictures are", "[cni][text]") {
  const char32_t c =
      GENERATE(as<char32_t>{}, 0x20, 0x21, 0x7E, 0xA0, 0xA1, 0xE9, 0x3B1, 0x416, 0x5D0, 0x627,
               0x905, 0x200A, 0x2010, 0x2190, 0x2713, 0x4E2D, 0xAC00, 0xFFFD, 0x1F600);
  CAPTURE(static_cast<std::uint32_t>(c));
  CHECK(cni::is_printable(c));
  CHECK(printable("a" + utf8(c) + "b") == "a" + utf8(c) + "b");
}

TEST_CASE("a byte that belongs to no character is replaced, each by itself", "[cni][text]") {
  CHECK(printable("\xFF\x9B") == "\uFFFD\uFFFD");
  CHECK(printable("\xC2") == "\uFFFD");
  CHECK(printable("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("text of ours keeps its tabs and lines, and nothing else", "[cni][text]") {
  CHECK(cni::printable_lines("one\ttwo\nthree\r\x1B[2J\u009B2J\u2028") ==
        "one\ttwo\nthree\uFFFD\uFFFD[2J\uFFFD2J\uFFFD");
}

TEST_CASE("JSON says the same with what is not printable escaped", "[cni][text]") {
  const std::string text = "\"\\\n\x1B\x7F\u009B\u202E\u2028é\U000E0001\U0001F600";
  for (const std::string& json :
       {cni::quote_json(text), cni::printable_json(nlohmann::json(text).dump())}) {
    CAPTURE(json);
    CHECK(nlohmann::json::parse(json) == text);
    CHECK(printable(json) == json);
    CHECK(json.find("é") != std::string::npos);
    CHECK(json.find("\\udb40\\udc01") != std::string::npos);
  }
  CHECK(cni::printable_json("{\n  \"a\": 1\n}") == "{\n  \"a\": 1\n}");
}

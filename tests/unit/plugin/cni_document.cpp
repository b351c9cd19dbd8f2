#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "cni_failure.h"
#include "plugin/cni/object.h"

using nlohmann::json;
using namespace std::string_literals;

namespace {

json parse(std::string_view text) {
  return cni::parse_object(text, "the text");
}

std::string nested(std::size_t depth) {
  // The outermost level is the object itself.
  return R"({"a": )" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

}  // namespace

TEST_CASE("one JSON object is parsed as Go would take it", "[cni][document]") {
  struct Case {
    std::string text;
    std::string meant;
  };
  const auto [text, meant] = GENERATE(values<Case>({
      {"{}", "{}"},
      {" \t\r\n{ } \n", "{}"},
      {R"({"a": 1, "b": {"c": [true, null, "x"]}})", R"({"a": 1, "b": {"c": [true, null, "x"]}})"},
      {R"({"a": 1, "a": 2})", R"({"a": 2})"},
      {R"({"a": {"x": 1}, "a": {"y": 2}})", R"({"a": {"y": 2}})"},
      {R"({"a": "]}]{[\"\\"})", R"({"a": "]}]{[\"\\"})"},
      {R"({"a": "\u00e9\ud83d\ude00\u0000"})", R"({"a": "é😀\u0000"})"},
      {"{\"\": \"\"}", "{\"\": \"\"}"},
  }));
  CAPTURE(text);
  CHECK(parse(text) == json::parse(meant));
}

TEST_CASE("bytes that are not UTF-8 become replacement characters, one a byte", "[cni][document]") {
  struct Case {
    std::string bytes;
    std::string repaired;
  };
  const std::string r = "\xEF\xBF\xBD";
  const auto [bytes, repaired] = GENERATE_COPY(values<Case>({
      {"\xff", r},
      {"a\xc3z", "a" + r + "z"},
      {"\xe2\x82", r + r},
      {"\xc0\x80", r + r},                  // overlong
      {"\xe0\x9f\xbf", r + r + r},          // overlong
      {"\xed\xa0\x80", r + r + r},          // a surrogate
      {"\xf4\x90\x80\x80", r + r + r + r},  // above U+10FFFF
      {"\xf8\x88\x80\x80\x80", r + r + r + r + r},
      {"\xC3\xA9 \x80 \xF0\x9F\x98\x80", "\xC3\xA9 " + r + " \xF0\x9F\x98\x80"},
      {"\xEF\xBF\xBD", r},
  }));
  CAPTURE(bytes);
  const json document = parse("{\"k\": \"" + bytes + "\"}");
  CHECK(document["k"] == repaired);
}

TEST_CASE("what is not exactly one JSON object is refused with place and reason",
          "[cni][document]") {
  struct Case {
    std::string text;
    std::string message;
  };
  const auto [text, message] = GENERATE(values<Case>({
      {"", "the text is empty"},
      {" \n\t", "the text is empty"},
      {"[]", "the text must be a JSON object, but is a list"},
      {"null", "the text must be a JSON object, but is null"},
      {"true", "the text must be a JSON object, but is true"},
      {"5", "the text must be a JSON object, but is the number 5"},
      {"\"x\"", "the text must be a JSON object, but is the string \"x\""},
      {"{",
       "the text is not valid JSON at line 1, column 2: unexpected end of input; expected string "
       "literal"},
      {"{}}",
       "the text is not valid JSON at line 1, column 3: unexpected '}'; expected end of input"},
      {"{} {}",
       "the text is not valid JSON at line 1, column 4: unexpected '{'; expected end of input"},
      {"{\n  \"a\": oops\n}", "the text is not valid JSON at line 2, column 8: invalid literal"},
      {"{\"a\": 'it'}", "the text is not valid JSON at line 1, column 7: invalid literal"},
      {"{\"a\" 1}",
       "the text is not valid JSON at line 1, column 6: unexpected number literal; expected ':'"},
      {"{\"a\": [1 2]}",
       "the text is not valid JSON at line 1, column 10: unexpected number literal; expected ']'"},
      {"{\"a\": 1,}",
       "the text is not valid JSON at line 1, column 9: unexpected '}'; expected string literal"},
      {"{/* no */}",
       "the text is not valid JSON at line 1, column 2: invalid literal; expected string literal"},
      {"{\"a\": \"x",
       "the text is not valid JSON at line 1, column 9: invalid string: missing closing quote"},
      {"\xEF\xBB\xBF{}", "the text is not valid JSON at line 1, column 1: a byte order mark"},
      {"{}\0"s, "the text is not valid JSON at line 1, column 3: a NUL byte"},
      {"{\n\0}"s, "the text is not valid JSON at line 2, column 1: a NUL byte"},
      {"{\"a\0b\": 1}"s, "the text is not valid JSON at line 1, column 4: a NUL byte"},
  }));
  CAPTURE(text);
  const auto error = failure_of([&, &given = text] { return parse(given); });
  CHECK(code_of(error) == number(cni::Code::kDecoding));
  CHECK(message_of(error) == message);
}

TEST_CASE("more ways not to be JSON", "[cni][document]") {
  const std::string text = GENERATE(
      "{\"a\": \"\x01\"}"s, "{\"a\": \"\n\"}"s, "{\"a\": \"\\x\"}"s, "{\"a\": \"\\ud800\"}"s,
      "{\"a\": 01}"s, "{\"a\": 1e999}"s, "{\"a\": .5}"s, "{\"a\": +1}"s, "{\"a\": NaN}"s, "{a: 1}"s,
      "{'a': 1}"s, "{\"a\": \"\\\0\"}"s, "{} x"s, "{\xff}"s, "{\"a\": tru}"s);
  CAPTURE(text);
  const auto error = failure_of([&] { return parse(text); });
  CHECK(code_of(error) == number(cni::Code::kDecoding));
  CHECK(message_of(error).find("the text ") == 0);
  CHECK(message_of(error).find("json.exception") == std::string::npos);
}

TEST_CASE("a message does not repeat the document, however long what was read", "[cni][document]") {
  const auto error = failure_of([] { return parse("{\"a\": \"" + std::string(100'000, 'x')); });
  CHECK(code_of(error) == number(cni::Code::kDecoding));
  CHECK(message_of(error).size() < 200);
}

TEST_CASE("nesting is bounded before the parser runs", "[cni][document]") {
  CHECK_NOTHROW(parse(nested(64)));
  const std::string text =
      GENERATE(nested(65), std::string(500'000, '['), "{\"a\":" + std::string(500'000, '{'));
  const auto error = failure_of([&] { return parse(text); });
  CHECK(code_of(error) == number(cni::Code::kDecoding));
  CHECK(message_of(error).find("nested deeper than 64 levels") != std::string::npos);
}

TEST_CASE("brackets in a string are no nesting", "[cni][document]") {
  const std::string value = std::string(100, '[') + "\\\"" + std::string(100, '{') + "\\\\";
  CHECK_NOTHROW(parse("{\"a\": \"" + value + "\"}"));
}

TEST_CASE("many siblings are no nesting", "[cni][document]") {
  std::string text = "{\"a\": [[]";
  for (int i = 0; i < 1000; ++i) text += ", []";
  CHECK(parse(text + "]}")["a"].size() == 1001);
}

TEST_CASE("a document may have 16 MiB and no byte more", "[cni][document]") {
  constexpr std::size_t kMost = std::size_t{16} * 1024 * 1024;
  const std::string largest = "{\"a\": \"" + std::string(kMost - 9, 'x') + "\"}";
  REQUIRE(largest.size() == kMost);
  CHECK(parse(largest)["a"].get_ref<const std::string&>().size() == kMost - 9);
  const auto error = failure_of([&] { return parse(largest + " "); });
  CHECK(code_of(error) == number(cni::Code::kDecoding));
  CHECK(message_of(error) == "the text is longer than 16 MiB");
}

TEST_CASE("printing never fails for text that is not UTF-8", "[cni][document]") {
  const json document = {{"k", "\xff"}, {"n", 5}};
  CHECK(cni::print_document(document) == "{\n    \"k\": \"\xEF\xBF\xBD\",\n    \"n\": 5\n}");
}

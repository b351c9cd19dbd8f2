#include <limits>

#include <nlohmann/json.hpp>

#include "catch2_any.h"
#include "cni_failure.h"
#include "plugin/cni/object.h"

using nlohmann::json;

namespace {

constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
constexpr auto kMost = std::numeric_limits<std::int64_t>::max();

struct Document {
  explicit Document(std::string_view text, std::string path = "")
      : value(json::parse(text)), root(value, std::move(path)) {}
  json value;
  cni::Object root;
};

}  // namespace

TEST_CASE("keys match exactly or else in any letter case", "[cni][object]") {
  const Document document(
      R"({"HostPort": 1, "hostport": 2, "HOSTIP": "x", "mixedCase": null, "MIXEDCASE": 5})");
  CHECK(document.root.integer("HostPort", 0, 9) == 1);
  CHECK(document.root.integer("hostport", 0, 9) == 2);
  CHECK(document.root.has("hostPort"));
  CHECK(document.root.text("hostIP") == "x");
  // A null leaves it to the other spelling.
  CHECK(document.root.integer("mixedCase", 0, 9) == 5);
  CHECK_FALSE(document.root.has("hostPorts"));
  CHECK_FALSE(document.root.has("hostPor"));
}

TEST_CASE("null is absent for every type", "[cni][object]") {
  const Document document(R"({"k": null})");
  CHECK_FALSE(document.root.has("k"));
  CHECK_FALSE(document.root.text("k"));
  CHECK_FALSE(document.root.boolean("k"));
  CHECK_FALSE(document.root.integer("k", 0, 1));
  CHECK_FALSE(document.root.object("k"));
  CHECK_FALSE(document.root.address("k"));
  CHECK_FALSE(document.root.prefix("k"));
  CHECK(document.root.texts("k").empty());
  CHECK(document.root.objects("k").empty());
}

TEST_CASE("values of the right type are read", "[cni][object]") {
  const Document document(R"({
    "text": "a", "empty": "", "yes": true, "no": false, "zero": 0, "minus": -5, "minus zero": -0,
    "section": {"inner": "b"}, "names": ["x", "y"], "parts": [{"n": 1}, {"n": 2}], "none": []})");
  const cni::Object& root = document.root;
  CHECK(root.text("text") == "a");
  CHECK(root.text("empty") == "");
  CHECK(root.boolean("yes") == true);
  CHECK(root.boolean("no") == false);
  CHECK(root.integer("zero", 0, 0) == 0);
  CHECK(root.integer("minus", -5, 0) == -5);
  CHECK(root.integer("minus zero", 0, 0) == 0);
  CHECK(root.object("section")->text("inner") == "b");
  CHECK(root.object("section")->path_of("inner") == "section.inner");
  CHECK(root.texts("names") == std::vector<std::string>{"x", "y"});
  CHECK(root.texts("none").empty());
  const auto parts = root.objects("parts");
  REQUIRE(parts.size() == 2);
  CHECK(parts[1].integer("n", 0, 9) == 2);
  CHECK(parts[1].path() == "parts[1]");
}

TEST_CASE("integers are strict and within limits", "[cni][object]") {
  struct Case {
    std::string value;
    std::string shown;
  };
  const auto [value, shown] = GENERATE(values<Case>({
      {"1500.0", "the number 1500.0"},
      {"1.5e3", "the number 1500.0"},
      {"-1", "the number -1"},
      {"65536", "the number 65536"},
      {"18446744073709551615", "the number 18446744073709551615"},
      {"1e300", "the number 1e+300"},
      {"\"1500\"", "the string \"1500\""},
      {"true", "true"},
      {"[1500]", "a list"},
      {"{}", "an object"},
  }));
  const Document document(R"({"mtu": )" + value + "}");
  const auto error = failure_of([&] { return document.root.integer("mtu", 0, 65535); });
  CHECK(code_of(error) == number(cni::Code::kInvalidConfig));
  CHECK(message_of(error) == "mtu: must be an integer from 0 to 65535, but is " + shown);
}

TEST_CASE("the widest integers are kept", "[cni][object]") {
  const Document document(R"({"least": -9223372036854775808, "most": 9223372036854775807,
                              "above": 9223372036854775808, "below": -9223372036854775809})");
  CHECK(document.root.integer("least", kLeast, kMost) == kLeast);
  CHECK(document.root.integer("most", kLeast, kMost) == kMost);
  CHECK(failure_of([&] { return document.root.integer("above", kLeast, kMost); }));
  CHECK(failure_of([&] { return document.root.integer("below", kLeast, kMost); }));
}

TEST_CASE("a wrong type is reported with its path, what was expected and what is there",
          "[cni][object]") {
  const Document document(
      R"({"ipam": {"s": 5, "b": "true", "l": {}, "o": [], "t": ["x", 1], "p": [{}, null],
                              "addr": "10.09.1.2x", "net": "10.0.0.0", "num": 7}})");
  const auto ipam = *document.root.object("ipam");
  const auto message = [&](auto read) { return message_of(failure_of([&] { return read(); })); };
  CHECK(message([&] { return ipam.text("s"); }) == "ipam.s: must be a string, but is the number 5");
  CHECK(message([&] { return ipam.boolean("b"); }) ==
        "ipam.b: must be true or false, but is the string \"true\"");
  CHECK(message([&] { return ipam.texts("l"); }) == "ipam.l: must be a list, but is an object");
  CHECK(message([&] { return ipam.objects("l"); }) == "ipam.l: must be a list, but is an object");
  CHECK(message([&] { return ipam.object("o"); }) == "ipam.o: must be an object, but is a list");
  CHECK(message([&] { return ipam.texts("t"); }) ==
        "ipam.t[1]: must be a string, but is the number 1");
  CHECK(message([&] { return ipam.objects("p"); }) == "ipam.p[1]: must be an object, but is null");
  CHECK(message([&] { return ipam.address("addr"); }) ==
        "ipam.addr: \"10.09.1.2x\" is no IP address");
  CHECK(message([&] { return ipam.prefix("net"); }) ==
        "ipam.net: \"10.0.0.0\" is no IP address with a prefix length");
  CHECK(message([&] { return ipam.address("num"); }) ==
        "ipam.num: must be a string, but is the number 7");
}

TEST_CASE("a path leads through lists of lists", "[cni][object]") {
  const Document document(
      R"({"ranges": [[{"subnet": "x"}], [{"subnet": "10.0.0.0/8"}, {"subnet": 5}]]})");
  std::string message;
  document.root.each("ranges", [&](const json& set, const std::string& path) {
    if (path != "ranges[1]") return;
    message =
        message_of(failure_of([&] { return cni::Object(set[1], path + "[1]").text("subnet"); }));
  });
  CHECK(message == "ranges[1][1].subnet: must be a string, but is the number 5");
}

TEST_CASE("addresses and prefixes are read, and an empty string is none", "[cni][object]") {
  const Document document(
      R"({"a": "10.1.2.3", "b": "fd00::1", "none": "", "p": "10.1.2.3/24", "q": "fd00::/64"})");
  CHECK(document.root.address("a")->to_string() == "10.1.2.3");
  CHECK(document.root.address("b")->to_string() == "fd00::1");
  CHECK_FALSE(document.root.address("none"));
  CHECK_FALSE(document.root.prefix("none"));
  CHECK(document.root.prefix("p")->to_string() == "10.1.2.3/24");
  CHECK(document.root.prefix("q")->to_string() == "fd00::/64");
}

TEST_CASE("what is no object cannot be read as one", "[cni][object]") {
  const json list = json::array();
  CHECK(message_of(failure_of([&] { return cni::Object(list, "a.b[3]").path(); })) ==
        "a.b[3]: must be an object, but is a list");
  CHECK(message_of(failure_of([&] { return cni::Object(list, "").path(); })) ==
        "the document: must be an object, but is a list");
}

TEST_CASE("a rejected key is named with its path", "[cni][object]") {
  const Document document(R"({})", "ipam");
  const auto error = failure_of([&]() -> int { document.root.reject("subnet", "is missing"); });
  CHECK(code_of(error) == number(cni::Code::kInvalidConfig));
  CHECK(message_of(error) == "ipam.subnet: is missing");
}

TEST_CASE("a long value is cut in a message, between characters", "[cni][object]") {
  std::string value;
  for (int i = 0; i < 1000; ++i) value += "\xC3\xA9";
  const json document = {{"k", "a" + value}};
  const std::string message =
      message_of(failure_of([&] { return cni::Object(document, "").boolean("k"); }));
  CHECK(message.size() < 200);
  CHECK(message.substr(message.size() - 6) == "\xC3\xA9...\"");
}

TEST_CASE("a text with a NUL in it is refused by its path", "[cni][object]") {
  const Document document(R"({"a": {"b": "x\u0000y", "list": ["x", "\u0000"], "c": "x"}})");
  const auto inner = document.root.object("a");
  CHECK(message_of(failure_of([&] { return inner->text("b"); })) == "a.b: contains a NUL");
  CHECK(message_of(failure_of([&] { return inner->address("b"); })) == "a.b: contains a NUL");
  CHECK(message_of(failure_of([&] { return inner->texts("list"); })) ==
        "a.list[1]: contains a NUL");
  CHECK(inner->text("c") == "x");
}

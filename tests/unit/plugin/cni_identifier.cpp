#include "catch2_any.h"
#include "plugin/cni/identifier.h"

using namespace std::string_literals;

TEST_CASE("an identifier begins with a letter or digit and goes on with a few more",
          "[cni][identifier]") {
  const std::string good =
      GENERATE("a"s, "Z"s, "0"s, "a_b.c-d"s, "9-"s, std::string(64, 'f'), std::string(5000, 'x'));
  CAPTURE(good);
  CHECK(cni::is_identifier(good));
}

TEST_CASE("anything else is no identifier", "[cni][identifier]") {
  const std::string bad = GENERATE(""s, "_a"s, ".a"s, "-a"s, "a b"s, "a\n"s, "a/b"s, "../a"s,
                                   "a\0"s, "a:b"s, "\xC3\xA9"s, "a\xC3\xA9"s, " a"s, "a%"s);
  CAPTURE(bad);
  CHECK_FALSE(cni::is_identifier(bad));
}

TEST_CASE("names that the kernel takes for one interface pass", "[cni][identifier]") {
  const std::string name = GENERATE("a", "eth0", "lo", "...", ".a", "a.100", "_", "-",
                                    "fifteen_bytes_x", "\xC3\xA9th0", "a@b", "\xF0\x9F\x90\xB3");
  CAPTURE(name);
  CHECK(cni::defect_of_interface_name(name).empty());
}

TEST_CASE("the defect of an interface name is told", "[cni][identifier]") {
  struct Case {
    std::string name;
    std::string defect;
  };
  const auto [name, defect] = GENERATE(values<Case>({
      {"", "is empty"},
      {"sixteen_bytes_xx", "is longer than 15 bytes"},
      {"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9",
       "is longer than 15 bytes"},
      {".", "is a name for a directory"},
      {"..", "is a name for a directory"},
      {"a/b", "contains '/'"},
      {"eth0:1", "contains ':'"},
      {"a%d", "contains '%', which the kernel takes for a pattern"},
      {"a b", "contains white space"},
      {"eth0\n", "contains white space"},
      {"\teth0", "contains white space"},
      {"a\v", "contains white space"},
      {"a\xC2\xA0z", "contains white space"},    // no-break space
      {"a\xC2\x85", "contains white space"},     // next line
      {"\xE1\x9A\x80", "contains white space"},  // ogham space mark
      {"\xE2\x80\x80", "contains white space"},  // en quad
      {"\xE2\x80\x8A", "contains white space"},  // hair space
      {"\xE2\x80\xA8", "contains white space"},  // line separator
      {"\xE2\x80\xA9", "contains white space"},  // paragraph separator
      {"\xE2\x80\xAF", "contains white space"},  // narrow no-break space
      {"\xE2\x81\x9F", "contains white space"},  // medium mathematical space
      {"\xE3\x80\x80", "contains white space"},  // ideographic space
      {"a\x01", "contains a control character"},
      {"a\x7f", "contains a control character"},
      {"a\0b"s, "contains a control character"},
      {"a\xC2\x80", "contains a control character"},
      {"a\xff", "is not UTF-8"},
      {"a\xC3", "is not UTF-8"},
      {"a\xC0\xAF", "is not UTF-8"},  // '/' in overlong form
  }));
  CAPTURE(name);
  CHECK(cni::defect_of_interface_name(name) == defect);
}

TEST_CASE("neighbours of white space are none", "[cni][identifier]") {
  const std::string name =
      GENERATE("\xE2\x80\x8B" /* zero width space */, "\xE1\x9A\x81", "\xC2\xA1", "\xE3\x80\x81");
  CAPTURE(name);
  CHECK(cni::defect_of_interface_name(name).empty());
}

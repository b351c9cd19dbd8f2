#include "base/digest.h"

#include "catch2_any.h"

TEST_CASE("SHA-512 gives the values of FIPS 180-4's examples") {
  CHECK(base::sha512_hex("abc", 128) ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  CHECK(base::sha512_hex("", 16) == "cf83e1357eefb8bd");
  CHECK(base::sha512("abc").front() == 0xdd);
}

TEST_CASE("as many digits of a digest are given as are asked for, and exist") {
  CHECK(base::sha512_hex("abc", 0).empty());
  CHECK(base::sha512_hex("abc", 7) == "ddaf35a");
  CHECK(base::sha512_hex("abc", 1000).size() == 128);
}

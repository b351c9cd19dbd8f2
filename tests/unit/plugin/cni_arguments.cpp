#include "catch2_any.h"
#include "cni_failure.h"
#include "plugin/cni/request.h"

using cni::Arguments;

TEST_CASE("CNI_ARGS are pairs of key and value", "[cni][arguments]") {
  const auto arguments = Arguments::parse("IgnoreUnknown=1;IP=10.1.2.3;MAC=;K8S_POD_NAME=a b");
  CHECK(arguments.get("IP") == "10.1.2.3");
  CHECK(arguments.get("MAC") == "");
  CHECK(arguments.get("K8S_POD_NAME") == "a b");
  CHECK_FALSE(arguments.get("ip"));
  CHECK_FALSE(arguments.get("GATEWAY"));
}

TEST_CASE("no CNI_ARGS are no pairs", "[cni][arguments]") {
  const auto arguments = Arguments::parse("");
  CHECK_FALSE(arguments.get(""));
  CHECK_NOTHROW(arguments.require_known({}));
}

TEST_CASE("the last of two equal keys counts", "[cni][arguments]") {
  CHECK(Arguments::parse("IP=10.0.0.1;IP=10.0.0.2").get("IP") == "10.0.0.2");
}

TEST_CASE("a pair without exactly one equals sign is refused", "[cni][arguments]") {
  const std::string text =
      GENERATE("IP", "IP=1;", ";IP=1", "IP=1;;MAC=2", ";", "A=b=c", "A==", "A=1;B");
  CAPTURE(text);
  const auto error = failure_of([&] { return Arguments::parse(text); });
  CHECK(code_of(error) == number(cni::Code::kInvalidEnvironment));
  CHECK(message_of(error).find("CNI_ARGS: ") == 0);
  CHECK(message_of(error).find("KEY=VALUE") != std::string::npos);
}

TEST_CASE("unknown keys are refused unless they are to be ignored", "[cni][arguments]") {
  struct Case {
    std::string text;
    bool accepted;
  };
  const auto [text, accepted] = GENERATE(values<Case>({
      {"IP=1", true},
      {"MAC=1", false},
      {"ip=1", false},
      {"MAC=1;IgnoreUnknown=1", true},
      {"IgnoreUnknown=true;MAC=1", true},
      {"IgnoreUnknown=TRUE;MAC=1", true},
      {"IgnoreUnknown=0;MAC=1", false},
      {"IgnoreUnknown=False;MAC=1", false},
      {"IgnoreUnknown=0;IP=1", true},
      {"ignoreunknown=1;MAC=1", false},
      {"IgnoreUnknown=yes;IP=1", false},
      {"IgnoreUnknown=;IP=1", false},
      {"K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;K8S_POD_INFRA_CONTAINER_ID=c;K8S_POD_UID=d", true},
      {"K8S_OTHER=a", false},
      {"CommonArgs=1", false},
  }));
  CAPTURE(text);
  const auto error = failure_of([&, &given = text] {
    Arguments::parse(given).require_known({"IP"});
    return 0;
  });
  CHECK(error.has_value() == !accepted);
  if (error) CHECK(error->code() == number(cni::Code::kInvalidEnvironment));
}

TEST_CASE("the unknown key is named", "[cni][arguments]") {
  const auto error = failure_of([] {
    Arguments::parse("IP=1;COLOUR=red").require_known({"IP"});
    return 0;
  });
  CHECK(message_of(error) ==
        "CNI_ARGS: the key \"COLOUR\" is unknown (IgnoreUnknown=1 lets it pass)");
}

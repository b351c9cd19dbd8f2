#include <cerrno>

#include "catch2_any.h"
#include "netlink/error.h"
#include "plugin/steps/step.h"

namespace {

struct Outcome {
  bool threw = false;
  bool reversed = false;
};

template <class Effect>
Outcome perform_and_roll_back(Effect effect) {
  Outcome outcome;
  base::Rollback undo([](const std::string&) {});
  try {
    steps::perform(undo, "the thing", effect, [&] { outcome.reversed = true; });
  } catch (const netlink::Error&) {
    outcome.threw = true;
  }
  undo.run();
  return outcome;
}

}  // namespace

TEST_CASE("an effect is reversed, one that did not take place is not") {
  CHECK(perform_and_roll_back([] { return true; }).reversed);
  CHECK_FALSE(perform_and_roll_back([] { return false; }).reversed);
}

TEST_CASE("a refused request needs no reversal, an unanswered one does") {
  const Outcome refused =
      perform_and_roll_back([]() -> bool { throw netlink::Error("make", "it", EBUSY, ""); });
  CHECK(refused.threw);
  CHECK_FALSE(refused.reversed);
  const Outcome unanswered =
      perform_and_roll_back([]() -> bool { throw netlink::Unanswered("make", "it", ENOMEM, ""); });
  CHECK(unanswered.threw);
  CHECK(unanswered.reversed);
}

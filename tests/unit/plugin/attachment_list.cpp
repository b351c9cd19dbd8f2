#include <filesystem>
#include <fstream>
#include <utility>

#include "base/temporary_directory.h"
#include "catch2_any.h"
#include "plugin/attachment/record.h"
#include "plugin/attachment/record_store.h"

using attachment::Key;
using attachment::RecordStore;

TEST_CASE("an alias leads back to its attachment unless it was shortened") {
  const std::string full(200, 'x');
  const auto key =
      GENERATE_REF(Key{"net", "c1", "eth0"}, Key{"n.e-t_1", "c", "a~b"}, Key{"net", full, "eth0"});
  CHECK(attachment::parse_alias(attachment::alias_of(key)) == key);
}

TEST_CASE("what is no alias of ours names no attachment") {
  const std::string too_long(300, 'x');
  const std::string alias = GENERATE_COPY(
      std::string(), std::string("patchcord"), std::string("patchcord net/c1"),
      std::string("patchcord net/c1/"), std::string("patchcord net//eth0"),
      std::string("patchcord net/c1/x/eth0"), std::string("net/c1/eth0"),
      std::string("patchcord net/../eth0"), std::string("patchcord net/c1/sixteen-bytes-xx"),
      attachment::alias_of({"net", too_long, "eth0"}),
      attachment::alias_of({too_long, "c1", "eth0"}));
  CHECK(attachment::parse_alias(alias) == std::nullopt);
}

TEST_CASE("what was published is the record, whether the draft's name went or not") {
  const test::TemporaryDirectory root;
  const RecordStore records(root.path());
  const Key key{"net", "a", "eth0"};
  attachment::Attachment made;
  made.key = key;
  {
    auto opened = records.begin(key);
    CHECK_FALSE(opened.is_torso);
    opened.draft.write(made);
    opened.draft.write_ending({.host_index = 7, .container_index = 2, .nsid = 3}, {{"begin", 12}});
    records.publish(key, opened.draft);
    CHECK(records.find(key));
    CHECK_FALSE(records.is_abandoned(key));
  }
  // Killed before it was a draft no more.
  CHECK(records.is_abandoned(key));
  {
    auto opened = records.begin(key);
    CHECK_FALSE(opened.is_torso);
    records.finish(opened.draft);
  }
  const auto found = records.find(key);
  REQUIRE(found);
  CHECK(found->wire == attachment::Wire{.host_index = 7, .container_index = 2, .nsid = 3});
  REQUIRE(found->timings.size() == 1);
  CHECK(found->timings[0].microseconds == 12);
  CHECK_FALSE(records.is_abandoned(key));
  records.unpublish(key);
  CHECK_FALSE(records.exists(key));
}

TEST_CASE("records and drafts of a network are listed, whatever else lies among them") {
  const test::TemporaryDirectory root;
  const RecordStore records(root.path());
  CHECK(records.list("net").empty());

  const std::string too_long(240, 'x');
  const auto make = [&](const Key& key, bool published) {
    auto opened = records.begin(key);
    attachment::Attachment made;
    made.key = key;
    opened.draft.write(made);
    if (!published) return;
    records.publish(key, opened.draft);
    records.finish(opened.draft);
  };
  make({"net", "b", "eth0"}, true);
  make({"net", "b", "eth0"}, false);
  make({"net", "a", "net1"}, false);
  make({"net", too_long, "eth0"}, true);
  make({"other", "c", "eth0"}, true);
  for (const char* name : {"readme", "a:b:c", "-x:eth0", "..:eth0", ":eth0", "x~y:eth0", "c:"}) {
    std::ofstream(root / ("attachments/net/" + std::string(name))) << "x";
  }
  CHECK(records.list("net") ==
        std::vector<Key>{{"net", "a", "net1"}, {"net", "b", "eth0"}, {"net", too_long, "eth0"}});
}

TEST_CASE("what is written can be read, and what could not be read is not written") {
  const test::TemporaryDirectory root;
  const RecordStore records(root.path());
  const Key key{"net", "c1", "eth0"};
  attachment::Attachment made;
  made.key = key;
  auto opened = records.begin(key);
  made.netns_path = std::string(attachment::kLongestLine, 'x');
  CHECK_THROWS_WITH(opened.draft.write(made),
                    "the record of net/c1/eth0 would be longer than 32 MiB");
  made.netns_path.resize(attachment::kLongestLine - 1024);
  for (int line = 0; line < 3; ++line) opened.draft.write(made);
  opened.draft.write_ending({}, {{.step = "all", .microseconds = 1}});
  records.publish(key, opened.draft);
  const auto found = records.find(key);
  REQUIRE(found);
  CHECK(found->netns_path == made.netns_path);
  CHECK(found->timings.size() == 1);
}

TEST_CASE("taking a record to remove it needs no new file, and takes nothing else for one") {
  const test::TemporaryDirectory root;
  const RecordStore records(root.path());
  const Key key{"net", "c1", "eth0"};
  attachment::Attachment made;
  made.key = key;
  {
    auto opened = records.begin(key);
    opened.draft.write(made);
    records.publish(key, opened.draft);
    records.finish(opened.draft);
  }
  const auto file = root / "attachments/net/c1:eth0";
  const auto draft = root / "attachments/net/.c1:eth0";
  const auto inode = std::filesystem::hard_link_count(file);
  {
    const auto taken = records.take(key, std::chrono::milliseconds(0));
    CHECK((taken.is_torso && taken.torso && taken.remark.empty()));
    CHECK_FALSE(std::filesystem::exists(file));
    CHECK(std::filesystem::hard_link_count(draft) == inode);
    CHECK_THROWS(records.begin(key));
    records.discard(key, taken.draft);
  }
  CHECK_FALSE(records.has_any("net"));
  std::filesystem::create_directories(file);
  const auto taken = records.take(key, std::chrono::milliseconds(0));
  CHECK_FALSE(taken.is_torso);
  CHECK(taken.remark == file + ": it is no file");
  CHECK(records.remove(key));
  records.discard(key, taken.draft);
  CHECK_FALSE(records.has_any("net"));
}

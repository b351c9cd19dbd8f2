#include "plugin/ruleset/waiting.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "plugin/attachment/attachment.h"

namespace ruleset {
namespace {

using netlink::nft::Bytes;

constexpr std::string_view kEnding = "_next";

}  // namespace

std::string queue_of(const std::string& map) {
  return map + std::string(kEnding);
}

std::string_view map_of(std::string_view queue) {
  if (!queue.ends_with(kEnding)) return {};
  return queue.substr(0, queue.size() - kEnding.size());
}

bool are_of_one_container(const std::string& owner, const std::string& other) {
  const auto key = attachment::parse_comment(owner);
  const auto other_key = attachment::parse_comment(other);
  return key && other_key && key->container_id == other_key->container_id;
}

netlink::nft::Set Queues::make(const netlink::nft::Set& map) {
  netlink::nft::Set queue = map;
  queue.name = queue_of(map.name);
  queue.key.push_back(netlink::nft::Type::kMark);
  return queue;
}

void Queues::read(const netlink::nft::Table& table, const std::string& map) {
  if (!read_.insert(map).second) return;
  for (auto& element : netlink::nft::elements_of(netfilter_, table, queue_of(map))) {
    std::uint32_t place = 0;
    if (element.key.size() < kPlaceSize) continue;
    const auto end = element.key.end() - kPlaceSize;
    std::memcpy(&place, &*end, kPlaceSize);
    auto& queue = waiting_[{map, Bytes(element.key.begin(), end)}];
    queue.push_back({place, std::move(element)});
  }
  for (auto& [key, queue] : waiting_)
    std::sort(queue.begin(), queue.end(),
              [](const Waiting& one, const Waiting& other) { return one.place < other.place; });
}

const std::vector<Queues::Waiting>& Queues::behind(const Element& element) {
  read(element.table, element.set);
  return waiting_[{element.set, element.element.key}];
}

const Queues::Waiting* Queues::find_own(const Element& element) {
  const auto& queue = behind(element);
  const auto own = std::find_if(queue.begin(), queue.end(), [&](const Waiting& waiting) {
    return waiting.element.comment == element.element.comment;
  });
  return own == queue.end() ? nullptr : &*own;
}

Element Queues::put_last(const Element& element) {
  const auto& queue = behind(element);
  const std::uint32_t place = queue.empty() ? 1 : queue.back().place + 1;
  Element last = element;
  last.set = queue_of(element.set);
  const Bytes number = netlink::nft::number_value(place);
  last.element.key.insert(last.element.key.end(), number.begin(), number.end());
  return last;
}

}  // namespace ruleset

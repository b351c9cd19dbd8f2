#include "netlink/nft/transaction.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <endian.h>

#include "netlink/nft/message.h"

namespace netlink::nft {
namespace {

using libnl::Nest;

// Of the user data of sets (libnftnl, udata.h).
constexpr std::uint8_t kKeyByteOrder = 0;
constexpr std::uint8_t kDataByteOrder = 1;
constexpr std::uint8_t kKeyExpression = 3;

// A concatenation's number has six bits for each of its fields (nftables, TYPE_BITS).
std::uint32_t type_number(const std::vector<Type>& types) {
  constexpr unsigned kBits = 6;
  if (types.front() == Type::kVerdict) return static_cast<std::uint32_t>(Type::kVerdict);
  std::uint32_t number = 0;
  for (const Type type : types) number = (number << kBits) | static_cast<std::uint32_t>(type);
  return number;
}

std::uint32_t length_of(const std::vector<Type>& types) {
  if (types.size() == 1) return static_cast<std::uint32_t>(size_of(types.front()));
  std::size_t length = 0;
  for (const Type type : types) length += (size_of(type) + 3) / 4 * 4;
  return static_cast<std::uint32_t>(length);
}

// nft prints wrongly what it does not know the byte order of. A concatenation has none.
void append_byte_order(Bytes& data, std::uint8_t entry, const std::vector<Type>& types) {
  constexpr std::uint32_t kNone = 0;
  constexpr std::uint32_t kHost = 1;
  constexpr std::uint32_t kBig = 2;
  const Type type = types.front();
  const bool of_host = type == Type::kInterface || type == Type::kLinkGroup;
  std::uint32_t order = of_host ? kHost : kBig;
  if (types.size() > 1 || type == Type::kVerdict) order = kNone;
  append_user_data(data, entry, number_value(order));
}

Bytes user_data_of(const Set& set) {
  Bytes data;
  append_byte_order(data, kKeyByteOrder, set.key);
  if (!set.data.empty()) append_byte_order(data, kDataByteOrder, set.data);
  if (!set.key_expression.empty()) append_user_data(data, kKeyExpression, set.key_expression);
  return data;
}

Message make_set(const Table& table, std::string_view name, std::uint32_t flags, std::uint32_t id,
                 const std::vector<Type>& key) {
  Message message = make_request(NFT_MSG_NEWSET, NLM_F_CREATE, table.family);
  libnl::put(message.get(), NFTA_SET_TABLE, std::string_view(table.name));
  libnl::put(message.get(), NFTA_SET_NAME, name);
  put_number(message.get(), NFTA_SET_ID, id);
  put_number(message.get(), NFTA_SET_KEY_TYPE, type_number(key));
  put_number(message.get(), NFTA_SET_KEY_LEN, length_of(key));
  if (flags != 0) put_number(message.get(), NFTA_SET_FLAGS, flags);
  return message;
}

void put_element(nl_msg* message, const Element& element) {
  const Nest nest(message, NFTA_LIST_ELEM);
  put_value(message, NFTA_SET_ELEM_KEY, element.key);
  if (element.verdict) put_verdict(message, NFTA_SET_ELEM_DATA, *element.verdict);
  if (!element.data.empty()) put_value(message, NFTA_SET_ELEM_DATA, element.data);
  Bytes data;
  append_comment(data, 0, element.comment);
  if (!data.empty()) put_bytes(message, NFTA_SET_ELEM_USERDATA, data);
}

Message make_elements(int type, int flags, const Table& table, const std::string& set) {
  Message message = make_request(type, flags, table.family);
  libnl::put(message.get(), NFTA_SET_ELEM_LIST_TABLE, std::string_view(table.name));
  libnl::put(message.get(), NFTA_SET_ELEM_LIST_SET, std::string_view(set));
  return message;
}

// The list is an attribute, and so less than 64 KiB long; an element takes 250 bytes at most.
constexpr std::size_t kElementsPerRequest = 240;

std::vector<std::span<const Element>> in_requests(std::span<const Element> elements) {
  std::vector<std::span<const Element>> parts;
  while (!elements.empty()) {
    const std::size_t count = std::min(elements.size(), kElementsPerRequest);
    parts.push_back(elements.first(count));
    elements = elements.subspan(count);
  }
  return parts;
}

Message make_element_list(int type, int flags, const Table& table, const std::string& set,
                          std::span<const Element> elements) {
  constexpr std::size_t kFitIntoAPage = 12;
  constexpr std::size_t kLongest = 65536;
  Message message = make_elements(type, flags, table, set);
  if (elements.size() > kFitIntoAPage) libnl::check(nlmsg_expand(message.get(), kLongest));
  const Nest nest(message.get(), NFTA_SET_ELEM_LIST_ELEMENTS);
  for (const Element& element : elements) put_element(message.get(), element);
  return message;
}

// An interval is two elements: its first value, and the first one behind it, flagged.
void put_bound(nl_msg* message, const base::IpAddress& bound, bool is_end) {
  const Nest nest(message, NFTA_LIST_ELEM);
  put_value(message, NFTA_SET_ELEM_KEY, value_of(bound));
  if (is_end) put_number(message, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
}

Message make_named(int type, const Table& table, int table_attribute, int attribute,
                   const std::string& name) {
  Message message = make_request(type, 0, table.family);
  libnl::put(message.get(), table_attribute, std::string_view(table.name));
  libnl::put(message.get(), attribute, std::string_view(name));
  return message;
}

// The two ends of a transaction are nfnetlink's own messages and name the subsystem in between.
Message make_boundary(int type) {
  return libnl::make_message(
      type, 0,
      nfgenmsg{.nfgen_family = 0, .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)});
}

}  // namespace

std::string to_string(const Table& table) {
  switch (table.family) {
    case TableFamily::kInet:
      return "inet " + table.name;
    case TableFamily::kIpv4:
      return "ip " + table.name;
    case TableFamily::kArp:
      return "arp " + table.name;
    case TableFamily::kNetdev:
      return "netdev " + table.name;
    case TableFamily::kBridge:
      return "bridge " + table.name;
    case TableFamily::kIpv6:
      return "ip6 " + table.name;
  }
  return table.name;
}

void Transaction::add(Message message, std::string_view operation, const Table& table,
                      const std::string& object) {
  requests_.push_back({.message = std::move(message),
                       .operation = operation,
                       .object = to_string(table) + (object.empty() ? "" : " " + object)});
}

void Transaction::add_table(const Table& table) {
  Message message = make_request(NFT_MSG_NEWTABLE, NLM_F_CREATE, table.family);
  libnl::put(message.get(), NFTA_TABLE_NAME, std::string_view(table.name));
  add(std::move(message), "add table", table, "");
}

void Transaction::add_owned_table(const Table& table) {
  constexpr std::uint32_t kOwner = 2;  // NFT_TABLE_F_OWNER, missing in headers before Linux 5.12
  Message message = make_request(NFT_MSG_NEWTABLE, NLM_F_CREATE, table.family);
  libnl::put(message.get(), NFTA_TABLE_NAME, std::string_view(table.name));
  put_number(message.get(), NFTA_TABLE_FLAGS, kOwner);
  add(std::move(message), "add table", table, "");
}

void Transaction::add_set(const Table& table, const Set& set) {
  const bool is_map = !set.data.empty();
  Message message = make_set(table, set.name, is_map ? NFT_SET_MAP : 0, ++sets_, set.key);
  if (is_map) {
    put_number(message.get(), NFTA_SET_DATA_TYPE, type_number(set.data));
    put_number(message.get(), NFTA_SET_DATA_LEN, length_of(set.data));
  }
  put_bytes(message.get(), NFTA_SET_USERDATA, user_data_of(set));
  add(std::move(message), is_map ? "add map" : "add set", table, set.name);
}

void Transaction::add_chain(const Table& table, const Chain& chain) {
  Message message = make_request(NFT_MSG_NEWCHAIN, NLM_F_CREATE, table.family);
  libnl::put(message.get(), NFTA_CHAIN_TABLE, std::string_view(table.name));
  libnl::put(message.get(), NFTA_CHAIN_NAME, std::string_view(chain.name));
  if (chain.hook) {
    {
      const Nest nest(message.get(), NFTA_CHAIN_HOOK);
      put_number(message.get(), NFTA_HOOK_HOOKNUM, chain.hook->number);
      put_number(message.get(), NFTA_HOOK_PRIORITY,
                 static_cast<std::uint32_t>(chain.hook->priority));
    }
    libnl::put(message.get(), NFTA_CHAIN_TYPE, std::string_view(chain.hook->type));
    put_number(message.get(), NFTA_CHAIN_POLICY, NF_ACCEPT);
  }
  add(std::move(message), "add chain", table, chain.name);
}

void Transaction::flush_chain(const Table& table, const std::string& chain) {
  add(make_named(NFT_MSG_DELRULE, table, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, chain), "flush chain",
      table, chain);
}

void Transaction::add_rule(const Table& table, const std::string& chain, const Rule& rule) {
  put_rule(NLM_F_CREATE | NLM_F_APPEND, table, chain, rule);
}

void Transaction::insert_rule(const Table& table, const std::string& chain, const Rule& rule) {
  put_rule(NLM_F_CREATE, table, chain, rule);
}

void Transaction::put_rule(int flags, const Table& table, const std::string& chain,
                           const Rule& rule) {
  Message message = make_request(NFT_MSG_NEWRULE, flags, table.family);
  libnl::put(message.get(), NFTA_RULE_TABLE, std::string_view(table.name));
  libnl::put(message.get(), NFTA_RULE_CHAIN, std::string_view(chain));
  {
    const Nest nest(message.get(), NFTA_RULE_EXPRESSIONS);
    for (const Expression& expression : rule.expressions) expression(message.get(), *this);
  }
  Bytes data;
  append_comment(data, 0, rule.comment);
  if (!data.empty()) put_bytes(message.get(), NFTA_RULE_USERDATA, data);
  add(std::move(message), "add rule to", table, chain);
}

void Transaction::remove_rule(const Table& table, const std::string& chain, std::uint64_t handle) {
  Message message = make_named(NFT_MSG_DELRULE, table, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, chain);
  const std::uint64_t number = htobe64(handle);
  std::array<std::uint8_t, sizeof number> bytes{};
  std::memcpy(bytes.data(), &number, sizeof number);
  libnl::put(message.get(), NFTA_RULE_HANDLE, std::span<const std::uint8_t>(bytes));
  add(std::move(message), "remove rule of", table, chain);
}

void Transaction::add_element(const Table& table, const std::string& set, const Element& element) {
  add_elements(table, set, {&element, 1});
}

void Transaction::remove_element(const Table& table, const std::string& set, const Bytes& key) {
  remove_elements(table, set, {&key, 1});
}

void Transaction::add_elements(const Table& table, const std::string& set,
                               std::span<const Element> elements) {
  for (const auto& some : in_requests(elements)) {
    add(make_element_list(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, table, set, some),
        some.size() == 1 ? "add element to" : "add elements to", table, set);
  }
}

void Transaction::remove_elements(const Table& table, const std::string& set,
                                  std::span<const Bytes> keys) {
  std::vector<Element> elements;
  for (const Bytes& key : keys) elements.push_back({.key = key});
  for (const auto& some : in_requests(std::span<const Element>(elements))) {
    add(make_element_list(NFT_MSG_DELSETELEM, 0, table, set, some),
        some.size() == 1 ? "remove element from" : "remove elements from", table, set);
  }
}

void Transaction::remove_table(const Table& table) {
  Message message = make_request(NFT_MSG_DELTABLE, 0, table.family);
  libnl::put(message.get(), NFTA_TABLE_NAME, std::string_view(table.name));
  add(std::move(message), "remove table", table, "");
}

void Transaction::remove_chain(const Table& table, const std::string& chain) {
  add(make_named(NFT_MSG_DELCHAIN, table, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, chain), "remove chain",
      table, chain);
}

void Transaction::remove_set(const Table& table, const std::string& set) {
  add(make_named(NFT_MSG_DELSET, table, NFTA_SET_TABLE, NFTA_SET_NAME, set), "remove set", table,
      set);
}

std::uint32_t Transaction::add_prefixes(const Table& table,
                                        std::span<const base::IpPrefix> prefixes) {
  constexpr std::size_t kPrefixesPerRequest = 24;  // so that a request fits into a page
  const std::string name = "__set%d";  // the kernel puts a number in (nf_tables_set_alloc_name)
  const std::uint32_t id = ++sets_;
  const Type type = prefixes.front().address().is_v4() ? Type::kIpv4 : Type::kIpv6;
  Message set =
      make_set(table, name, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL, id, {type});
  Bytes data;
  append_byte_order(data, kKeyByteOrder, {type});
  put_bytes(set.get(), NFTA_SET_USERDATA, data);
  add(std::move(set), "add set", table, "of prefixes");
  for (std::size_t done = 0; done < prefixes.size(); done += kPrefixesPerRequest) {
    Message message = make_elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, name);
    put_number(message.get(), NFTA_SET_ELEM_LIST_SET_ID, id);
    {
      const Nest nest(message.get(), NFTA_SET_ELEM_LIST_ELEMENTS);
      for (const auto& prefix :
           prefixes.subspan(done, std::min(kPrefixesPerRequest, prefixes.size() - done))) {
        put_bound(message.get(), prefix.network().address(), false);
        const base::IpAddress behind = prefix.last().next();
        if (!behind.is_unspecified()) put_bound(message.get(), behind, true);
      }
    }
    add(std::move(message), "add elements to set", table, "of prefixes");
  }
  return id;
}

std::vector<Refusal> Transaction::try_commit(Socket& socket) {
  const Message begin = make_boundary(NFNL_MSG_BATCH_BEGIN);
  if (generation_) put_number(begin.get(), NFNL_BATCH_GENID, *generation_);
  const Message end = make_boundary(NFNL_MSG_BATCH_END);
  std::vector<nl_msg*> messages{begin.get()};
  for (const Request& request : requests_) messages.push_back(request.message.get());
  messages.push_back(end.get());
  std::vector<Refusal> refusals;
  for (auto& each : socket.transact_atomically(messages, {"change", "nftables rules"})) {
    if (each.place == 0)
      throw Error("change", "nftables rules", each.ack.code, std::move(each.ack.text));
    const Request& request = requests_[each.place - 1];
    refusals.push_back(
        {request.operation, request.object, each.ack.code, std::move(each.ack.text)});
  }
  return refusals;
}

void Transaction::commit(Socket& socket) {
  for (auto& refusal : try_commit(socket))
    throw Error(refusal.operation, refusal.object, refusal.code, std::move(refusal.text));
}

}  // namespace netlink::nft

#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "netlink/nft/object.h"
#include "netlink/socket.h"

/// Our tables, as far as an attachment has something in them.
///
/// What containers have is elements of sets and maps, each with its owner as a comment. The sets,
/// and the chains with the rules that look into them, are made once, in the transaction that first
/// needs them, and stay: how many rules there are does not depend on how many containers there are.
namespace ruleset {

/// "inet patchcord" and "bridge patchcord".
extern const netlink::nft::Table kTable;
extern const netlink::nft::Table kBridgeTable;

struct Chain {
  netlink::nft::Chain chain;
  std::vector<netlink::nft::Rule> rules;
  unsigned jumps = 0;  // to it, from the other chains of the part
};

/// Sets, and chains that look into them, which are made together.
struct Part {
  netlink::nft::Table table;
  std::vector<netlink::nft::Set> sets;
  std::vector<Chain> chains;  // targets of jumps first
};

struct Element {
  netlink::nft::Table table;
  std::string set;
  netlink::nft::Element element;  // its comment is its owner
  std::string what;               // "masquerading of 10.88.0.5", for messages
  bool is_exclusive = false;      // of a map; is not taken from another owner that is live
};

/// What one attachment needs to be there.
struct Wanted {
  std::vector<Part> parts;
  std::vector<Element> elements;

  [[nodiscard]] bool empty() const noexcept { return elements.empty() && parts.empty(); }
};

/// Whether there is an attachment of that owner.
using IsLive = std::function<bool(const std::string& owner)>;

/// Makes all that is wanted and not there, in one transaction; parts that are damaged are made
/// anew, and elements of other owners replaced. Any number of processes may do so at once. Throws
/// cni::Error{kConflict} where an exclusive element is that of a live owner, and netlink::Error;
/// nothing has been done then. Where the live owner is another interface of the same container, the
/// element waits for it to go; returns of those what they are (Element::what).
[[nodiscard]] std::set<std::string> publish(netlink::Socket& netfilter, const Wanted& wanted,
                                            const IsLive& is_live);

/// Removes the elements that have the wanted ones' owner, in one transaction for up to a thousand,
/// and more for more; what waited for one of them is in its place from that transaction on. What is
/// gone already, and be it the table, is none. Throws netlink::Error.
void withdraw(netlink::Socket& netfilter, const Wanted& wanted);

/// As withdraw(), of what may be the last of its network: in the last transaction what nothing of
/// the network needs any more (remove_unused) goes, too.
void withdraw_last(netlink::Socket& netfilter, const Wanted& wanted, const std::string& network);

/// A chain or an element that is wanted, as it is.
struct Condition {
  netlink::nft::Table table;
  bool is_chain = false;
  std::string name;     // of the chain, or of the set that the element is in
  std::string text;     // of an element, as nft prints it: "tcp . 80 : 10.88.0.2 . 80"
  std::string what;     // of an element (Element::what)
  std::string problem;  // "is missing"; empty where it is as it should be
};
/// All of them.
[[nodiscard]] std::vector<Condition> look_at(netlink::Socket& netfilter, const Wanted& wanted);

/// What is missing, altered, or has another owner, each a sentence.
[[nodiscard]] std::vector<std::string> find_missing(netlink::Socket& netfilter,
                                                    const Wanted& wanted);

/// What DEL knows of an attachment that there is no record of.
struct Traces {
  std::string owner;
  std::vector<netlink::nft::Bytes> keys;  // of elements that it may have: names, addresses, pairs
  std::vector<Part> parts{};              // in whose sets they are; empty: in whichever
};
/// Removes all elements of that owner if one is found under one of the keys; otherwise there are
/// none. Throws netlink::Error.
void withdraw_by_traces(netlink::Socket& netfilter, const Traces& traces);

}  // namespace ruleset

#include "plugin/operator/commands/fabric/daemons.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/file.h"

namespace tool {
namespace {

constexpr timeval kPatience{.tv_sec = 2, .tv_usec = 0};
constexpr std::size_t kLongestAnswer = std::size_t{64} << 20U;

// A daemon's socket. What ends an answer is each daemon's own.
class Conversation {
 public:
  static std::optional<Conversation> open(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) throw base::SystemError("open", "a socket", errno);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return std::nullopt;
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    return Conversation(std::move(fd), path);
  }

  void say(std::string_view text) { base::write_all(fd_.get(), text, path_); }

  template <typename IsWhole>
  std::string hear(const IsWhole& is_whole) {
    std::string text;
    std::array<char, 4096> part{};
    while (!is_whole(text)) {
      const auto count = ::recv(fd_.get(), part.data(), part.size(), 0);
      if (count < 0) throw base::SystemError("read the answer of", path_, errno);
      if (count == 0 || text.size() > kLongestAnswer) break;
      text.append(part.data(), static_cast<std::size_t>(count));
    }
    return text;
  }

 private:
  Conversation(base::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  base::UniqueFd fd_;
  std::string path_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::vector<std::string> words_of(const std::string& line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string> words;
  for (std::size_t at = line.find_first_not_of(kBlanks); at != std::string::npos;) {
    const auto end = std::min(line.find_first_of(kBlanks, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  return words;
}

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

// The last line of BIRD's has a blank behind its code, the others a dash.
bool is_whole_of_bird(const std::string& text) {
  constexpr std::size_t kCode = 4;
  if (!text.ends_with('\n')) return false;
  const auto before = text.size() > 1 ? text.rfind('\n', text.size() - 2) : std::string::npos;
  const std::string last = text.substr(before == std::string::npos ? 0 : before + 1);
  return last.size() > kCode && is_number(last.substr(0, kCode)) && last[kCode] == ' ';
}

std::vector<std::string> ask_bird(Conversation& bird, const std::string& question) {
  bird.say(question + "\n");
  auto lines = lines_of(bird.hear(is_whole_of_bird));
  // Of each line what is behind its code, which only the first of a kind has.
  for (auto& line : lines) line = line.size() > 5 && line[0] != ' ' ? line.substr(5) : line;
  return lines;
}

std::vector<std::string> prefixes_in(const std::vector<std::string>& lines) {
  std::vector<std::string> prefixes;
  for (const auto& line : lines) {
    const auto words = words_of(line);
    if (!words.empty() && base::IpPrefix::parse(words.front())) prefixes.push_back(words.front());
  }
  return prefixes;
}

void read_sessions_of_bird(Conversation& bird, Daemon& daemon) {
  for (const auto& line : ask_bird(bird, "show protocols")) {
    constexpr std::size_t kInfo = 5;  // name, proto, table, state, since, info
    const auto words = words_of(line);
    if (words.size() < kInfo || words[1] != "BGP") continue;
    const std::string state = words.size() > kInfo ? words[kInfo] : words[3];
    daemon.sessions.push_back({words[0], state == "Established", state});
  }
}

bool bird_exports(Conversation& bird, const Daemon& daemon, const base::IpPrefix& block) {
  return std::any_of(daemon.sessions.begin(), daemon.sessions.end(), [&](const auto& session) {
    if (!session.is_up) return false;
    const auto found = prefixes_in(
        ask_bird(bird, "show route " + block.to_string() + " exported " + session.name));
    return !found.empty();
  });
}

// vtysh's answers end in three zeros and a status.
bool is_whole_of_frr(const std::string& text) {
  constexpr std::size_t kTrailer = 4;
  return text.size() >= kTrailer &&
         text.compare(text.size() - kTrailer, kTrailer - 1, std::string(3, '\0')) == 0;
}

std::string ask_frr(Conversation& frr, const std::string& question) {
  frr.say(std::string_view(question.c_str(), question.size() + 1));
  std::string text = frr.hear(is_whole_of_frr);
  return text.substr(0, text.find('\0'));
}

void read_sessions_of_frr(Conversation& frr, Daemon& daemon) {
  // Neighbor V AS MsgRcvd MsgSent TblVer InQ OutQ Up/Down State/PfxRcd ...
  constexpr std::size_t kState = 9;
  for (const auto& line : lines_of(ask_frr(frr, "show bgp summary"))) {
    const auto words = words_of(line);
    if (words.size() <= kState || words[1] != "4" || !is_number(words[2])) continue;
    const bool is_up = is_number(words[kState]);
    const auto same = std::find_if(daemon.sessions.begin(), daemon.sessions.end(),
                                   [&](const auto& each) { return each.name == words[0]; });
    if (same == daemon.sessions.end())
      daemon.sessions.push_back({words[0], is_up, is_up ? "Established" : words[kState]});
  }
}

bool frr_exports(Conversation& frr, const std::string& evpn, const base::IpPrefix& block) {
  const std::string family = block.address().is_v4() ? "ipv4" : "ipv6";
  const std::string said = ask_frr(frr, "show bgp " + family + " unicast " + block.to_string());
  if (said.find("Advertised to") != std::string::npos) return true;
  const std::string type5 =
      "[" + std::to_string(block.length()) + "]:[" + block.address().to_string() + "]";
  return evpn.find(type5) != std::string::npos;
}

}  // namespace

std::optional<Daemon> look_at_bird(const config::Fabric& fabric,
                                   const std::vector<base::IpPrefix>& blocks) {
  auto bird = Conversation::open(fabric.bird_socket);
  if (!bird) return std::nullopt;
  (void)bird->hear(is_whole_of_bird);  // the greeting
  (void)ask_bird(*bird, "restrict");   // nothing that is said later can change anything
  Daemon daemon{.name = "BIRD", .sessions = {}, .unreachable = {}, .unannounced = {}};
  read_sessions_of_bird(*bird, daemon);
  daemon.unreachable =
      prefixes_in(ask_bird(*bird, "show route where source = RTS_BGP && dest = RTD_UNREACHABLE"));
  for (const auto& block : blocks) {
    if (!bird_exports(*bird, daemon, block)) daemon.unannounced.push_back(block.to_string());
  }
  return daemon;
}

std::optional<Daemon> look_at_frr(const config::Fabric& fabric,
                                  const std::vector<base::IpPrefix>& blocks) {
  auto frr = Conversation::open(fabric.frr_sockets + "/bgpd.vty");
  if (!frr) return std::nullopt;
  Daemon daemon{.name = "FRR", .sessions = {}, .unreachable = {}, .unannounced = {}};
  read_sessions_of_frr(*frr, daemon);
  for (const auto* family : {"ipv4", "ipv6"}) {
    for (const auto& line :
         lines_of(ask_frr(*frr, std::string("show bgp ") + family + " unicast"))) {
      // " i10.50.4.0/26": not valid, since its next hop is not.
      const auto words = words_of(line);
      if (words.empty() || !line.starts_with("  ") || !words[0].starts_with('i')) continue;
      if (base::IpPrefix::parse(words[0].substr(1)))
        daemon.unreachable.push_back(words[0].substr(1));
    }
  }
  const std::string evpn = ask_frr(*frr, "show bgp l2vpn evpn route type prefix self-originate");
  for (const auto& block : blocks) {
    if (!frr_exports(*frr, evpn, block)) daemon.unannounced.push_back(block.to_string());
  }
  return daemon;
}

}  // namespace tool

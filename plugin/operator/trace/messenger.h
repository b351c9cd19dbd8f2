#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "plugin/operator/trace/trace.h"
#include "plugin/operator/trace/world.h"

namespace tool::trace {

/// What became of a packet, as its sender hears of it.
struct Echo {
  enum class Kind : std::uint8_t { kAnswered, kRefused, kSilent };
  Kind kind = Kind::kSilent;
  int error = 0;  // errno of a refusal, and of what could not be sent
};

/// Sends one packet from a namespace, with that one's own stack: the start of a TCP connection, a
/// datagram of one byte, or an echo request.
class Messenger {
 public:
  /// Takes the packet's source, and a port of its own where it has none. Throws base::SystemError.
  Messenger(const Ground& ground, const Packet& packet);
  /// The port, or the echo request's identifier, that it is sent from.
  [[nodiscard]] std::uint16_t source_port() const noexcept { return port_; }
  /// Waits for what comes back, less than the time after which TCP would send again.
  [[nodiscard]] Echo send();

 private:
  [[nodiscard]] Echo send_datagram();
  [[nodiscard]] bool is_answer() const;

  Packet packet_;
  base::UniqueFd fd_;
  std::uint16_t port_ = 0;
};

}  // namespace tool::trace

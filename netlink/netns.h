#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/unique_fd.h"

namespace netlink {

/// What tells two network namespaces apart: the device and inode of their nsfs file
/// (namespaces(7)), unique among living namespaces, but given again at once when one is gone; and
/// the cookie, which is not (Socket::namespace_cookie), where both are known.
struct NamespaceIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t cookie = 0;  // 0: not asked for, or of a kernel without (before Linux 5.14)
  friend bool operator==(const NamespaceIdentity& left, const NamespaceIdentity& right) noexcept {
    const bool may_be_same = left.cookie == 0 || right.cookie == 0 || left.cookie == right.cookie;
    return left.device == right.device && left.inode == right.inode && may_be_same;
  }
};

/// A path does not lead to a network namespace; the message says what is there instead.
class NotANamespace : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A network namespace held open: it lives at least as long as this object.
class Namespace {
 public:
  /// The calling thread's own.
  static Namespace current();
  /// A new one, which goes with this object and what was opened in it. The calling thread is in
  /// `home` again afterwards; throws base::SystemError.
  static Namespace make(const Namespace& home);
  /// Opens what `path` leads to, symbolic links included. Throws NotANamespace for a missing path
  /// and for anything but a network namespace (a plain file left behind by an unmount, a directory,
  /// a FIFO, another kind of namespace); base::SystemError where the path may not be opened.
  static Namespace open(const std::string& path);
  /// As open(), but absent where open() would throw NotANamespace, or for an empty path.
  static std::optional<Namespace> find(const std::string& path);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Without the cookie.
  [[nodiscard]] const NamespaceIdentity& identity() const noexcept { return identity_; }

 private:
  explicit Namespace(base::UniqueFd fd);
  base::UniqueFd fd_;
  NamespaceIdentity identity_;
};

/// Puts the calling thread into a namespace until destroyed. Aborts the process if it cannot go
/// back: to go on in the wrong namespace would act on somebody else's network.
class ScopedEntry {
 public:
  /// `back` must live as long as this object.
  ScopedEntry(const Namespace& target, const Namespace& back);
  ScopedEntry(const Namespace& target, Namespace&& back) = delete;
  ScopedEntry(const ScopedEntry&) = delete;
  ScopedEntry& operator=(const ScopedEntry&) = delete;
  ~ScopedEntry();

 private:
  int back_;
};

}  // namespace netlink

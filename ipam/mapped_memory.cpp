#include "ipam/mapped_memory.h"

#include <new>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

namespace ipam {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

bool is_ours_alone(const struct stat& status) {
  return status.st_uid == ::geteuid() && (status.st_mode & kWritableByOthers) == 0;
}

std::optional<base::UniqueFd> open_parent(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return std::nullopt;
  base::UniqueFd parent = base::make_directories(path.substr(0, slash), kDirectoryMode);
  struct stat status {};
  if (::fstat(parent.get(), &status) != 0 || !is_ours_alone(status)) return std::nullopt;
  return parent;
}

}  // namespace

MappedMemory::~MappedMemory() {
  if (data_ != nullptr) (void)::munmap(data_, size_);
}

std::optional<MappedMemory> MappedMemory::map(int fd, std::size_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return std::nullopt;
  return MappedMemory(data, size);
}

std::optional<MappedMemory> MappedMemory::open_file(const std::string& path) {
  // O_NONBLOCK: whatever else lies there must not hold us up.
  const base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode) || !is_ours_alone(status) || status.st_size <= 0)
    return std::nullopt;
  return map(fd.get(), static_cast<std::size_t>(status.st_size));
}

std::optional<MappedMemory> MappedMemory::create_file(const std::string& path, std::size_t size) {
  try {
    const auto parent = open_parent(path);
    if (!parent) return std::nullopt;
    // A new file rather than the old one cut: whoever may have that mapped must not lose it.
    const std::string name = path.substr(path.rfind('/') + 1);
    (void)base::remove_file_at(parent->get(), name);
    const auto fd = base::open_at(parent->get(), name, O_RDWR | O_CREAT | O_EXCL, kFileMode);
    // Space is taken now, because a full file system would later show as SIGBUS.
    if (!fd || ::posix_fallocate(fd->get(), 0, static_cast<off_t>(size)) != 0) return std::nullopt;
    return map(fd->get(), size);
  } catch (const base::SystemError&) {
    return std::nullopt;
  }
}

MappedMemory MappedMemory::allocate(std::size_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  return {data, size};
}

}  // namespace ipam

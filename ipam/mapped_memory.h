#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace ipam {

/// A piece of memory, of the process only or of a file that others can map after us. Move-only.
class MappedMemory {
 public:
  MappedMemory(MappedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  MappedMemory& operator=(MappedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;
  ~MappedMemory();

  /// The whole of the file at `path`. Absent where there is none that we may trust: one of ours, a
  /// regular file, that nobody else can write.
  static std::optional<MappedMemory> open_file(const std::string& path);

  /// A new file of zero bytes in the place of whatever is at `path`. Absent where that is
  /// impossible, or where the directory is not ours alone to write.
  static std::optional<MappedMemory> create_file(const std::string& path, std::size_t size);

  /// Zero bytes that vanish with the object.
  static MappedMemory allocate(std::size_t size);

  [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  MappedMemory(void* data, std::size_t size) : data_(data), size_(size) {}
  static std::optional<MappedMemory> map(int fd, std::size_t size);

  void* data_;
  std::size_t size_;
};

}  // namespace ipam

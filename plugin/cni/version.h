#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cni {

/// The versions of the specification that we speak, oldest first, so that they compare.
enum class Version : std::uint8_t { k0_1_0, k0_2_0, k0_3_0, k0_3_1, k0_4_0, k1_0_0, k1_1_0 };

inline constexpr Version kNewest = Version::k1_1_0;

/// Exact text only: "1.0" is no version of ours.
[[nodiscard]] std::optional<Version> parse_version(std::string_view text);
[[nodiscard]] std::string_view to_string(Version version);
/// "0.1.0, 0.2.0, ..." from `oldest` on.
[[nodiscard]] std::string supported_versions_text(Version oldest = Version::k0_1_0);
/// The VERSION command's document.
[[nodiscard]] std::string version_document(Version oldest = Version::k0_1_0);

}  // namespace cni

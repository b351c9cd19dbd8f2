#pragma once

#include <span>
#include <string>
#include <string_view>

#include "plugin/cni/request.h"
#include "plugin/cni/version.h"
#include "plugin/operations/chained.h"
#include "plugin/operations/settings.h"

namespace types {

using operations::Settings;

/// A plugin type: what one name of the executable answers to each command. `add` delivers the
/// result document itself; all throw what is wrong.
struct Type {
  std::string_view name;
  cni::Version oldest;  // version of the specification
  void (*add)(const cni::Request& request, const Settings& settings);
  void (*del)(const cni::Request& request, const Settings& settings);
  void (*check)(const cni::Request& request, const Settings& settings);
  void (*gc)(const cni::Request& request, const Settings& settings);
  void (*status)(const cni::Request& request, const Settings& settings);
};

// One a file of this folder.
extern const Type kPatchcord;
extern const Type kHostLocal;
extern const Type kStatic;
extern const Type kLoopback;
extern const Type kBridge;
extern const Type kPtp;
extern const Type kPortmap;
extern const Type kFirewall;
extern const Type kTuning;
extern const Type kBandwidth;

extern const operations::Chained kChainedPortmap;
extern const operations::Chained kChainedFirewall;
extern const operations::Chained kChainedTuning;
extern const operations::Chained kChainedBandwidth;

/// Every name that the executable answers to.
[[nodiscard]] std::span<const Type* const> all_types();

/// By the last part of a path; absent for a name that is none of ours.
[[nodiscard]] const Type* find_type(std::string_view called_as);

}  // namespace types

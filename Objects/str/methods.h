// The table of str's methods.
#pragma once

#include "Objects/type/bind.h"

namespace atl {

extern const MethodSpec kStrMethods[];

}  // namespace atl

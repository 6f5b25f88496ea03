// The files of the module math share this.
#pragma once

#include "Objects/type/bind.h"

namespace atl {

extern const MethodSpec kMathIntegerFunctions[];  // math_integers.cc: gcd, factorial, comb, …
extern const MethodSpec kMathSumFunctions[];      // math_sums.cc: fsum, prod, hypot, dist

}  // namespace atl

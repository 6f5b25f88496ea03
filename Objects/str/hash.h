// The hash of str, bytes and read-only memory: SipHash-1-3 keyed with the process's secret. Equal bytes have equal
// hashes whatever the type; nothing hashes to 0.
#pragma once

#include "Python/runtime/base.h"

namespace atl {

// The secret's two words, sealed at bring-up (zero with PYTHONHASHSEED=0).
void hash_bringup(const uint64_t secret[2]);
// With a key of the caller's: for hashes that must be the same in every process.
uint64_t hash_keyed(uint64_t k0, uint64_t k1, const void* data, size_t size);
// Never -1.
Py_hash_t hash_memory(const void* data, size_t size);

}  // namespace atl

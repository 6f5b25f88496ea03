// SipHash with one round per word and three at the end, as PEP 456 describes the family.
#include "Objects/str/hash.h"

#include <bit>
#include <cstring>

extern "C" {
ATOLL_SEALED _Py_HashSecret_t _Py_HashSecret = {};
}

namespace atl {
namespace {

struct Sip {
  uint64_t a, b, c, d;

  Sip(uint64_t k0, uint64_t k1)
      : a(k0 ^ 0x736f6d6570736575u), b(k1 ^ 0x646f72616e646f6du), c(k0 ^ 0x6c7967656e657261u), d(k1 ^ 0x7465646279746573u) {}
  ATOLL_INLINE void round() {
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32);
    c += b;
    a += d;
    b = std::rotl(b, 17) ^ c;
    d = std::rotl(d, 21) ^ a;
    c = std::rotl(c, 32);
  }
  ATOLL_INLINE void word(uint64_t m) {
    d ^= m;
    round();
    a ^= m;
  }
};

}  // namespace

void hash_bringup(const uint64_t secret[2]) {
  _Py_HashSecret.siphash.k0 = secret[0];
  _Py_HashSecret.siphash.k1 = secret[1];
  // What expat salts its tables with: its own word, zero when hashing is made repeatable.
  uint64_t salt = secret[0] ^ std::rotl(secret[1], 23);
  _Py_HashSecret.expat.hashsalt = static_cast<Py_hash_t>(salt * 0x9e3779b97f4a7c15u);
}

uint64_t hash_keyed(uint64_t k0, uint64_t k1, const void* data, size_t size) {
  auto* p = static_cast<const unsigned char*>(data);
  Sip s(k0, k1);
  size_t left = size;
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t m;
    std::memcpy(&m, p, 8);
    s.word(m);
  }
  uint64_t last = static_cast<uint64_t>(size) << 56;
  for (size_t i = 0; i < left; ++i) last |= static_cast<uint64_t>(p[i]) << (8 * i);
  s.word(last);
  s.c ^= 0xff;
  s.round();
  s.round();
  s.round();
  return s.a ^ s.b ^ s.c ^ s.d;
}

Py_hash_t hash_memory(const void* data, size_t size) {
  if (size == 0) return 0;
  auto h = static_cast<Py_hash_t>(hash_keyed(_Py_HashSecret.siphash.k0, _Py_HashSecret.siphash.k1, data, size));
  return h == -1 ? -2 : h;
}

namespace {
Py_hash_t hash_entry(const void* data, Py_ssize_t size) { return hash_memory(data, static_cast<size_t>(size)); }
const PyHash_FuncDef kHashFunction{&hash_entry, "siphash13", 64, 128};
}  // namespace

}  // namespace atl

extern "C" {

Py_hash_t _Py_HashBytes(const void* data, Py_ssize_t size) { return atl::hash_memory(data, static_cast<size_t>(size)); }

PyHash_FuncDef* PyHash_GetFuncDef(void) { return const_cast<PyHash_FuncDef*>(&atl::kHashFunction); }

}  // extern "C"

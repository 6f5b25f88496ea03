// _random: the Mersenne Twister MT19937 of Matsumoto and Nishimura.
#include <sys/random.h>

#include <ctime>

#include "Modules/module_def.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"

namespace atl {

namespace {

constexpr int kWords = 624;
constexpr int kShift = 397;

// The generator: 624 words, of which those from `index` on have not been given out.
struct Twister {
  int index;
  uint32_t words[kWords];

  void seed_word(uint32_t seed) {
    words[0] = seed;
    for (uint32_t i = 1; i < kWords; ++i) words[i] = 1812433253u * (words[i - 1] ^ words[i - 1] >> 30) + i;
    index = kWords;
  }
  // Any number of words, at least one.
  void seed(const uint32_t* key, size_t n) {
    seed_word(19650218u);
    size_t i = 1, k = 0;
    auto step = [&] {
      if (++i == kWords) {
        words[0] = words[kWords - 1];
        i = 1;
      }
    };
    auto mixed = [&] { return words[i - 1] ^ words[i - 1] >> 30; };
    for (size_t round = kWords > n ? kWords : n; round > 0; --round) {
      words[i] = (words[i] ^ mixed() * 1664525u) + key[k] + static_cast<uint32_t>(k);
      step();
      if (++k == n) k = 0;
    }
    for (int round = kWords - 1; round > 0; --round) {
      words[i] = (words[i] ^ mixed() * 1566083941u) - static_cast<uint32_t>(i);
      step();
    }
    words[0] = 0x80000000u;
  }
  void regenerate() {
    for (int i = 0; i < kWords; ++i) {
      uint32_t y = (words[i] & 0x80000000u) | (words[(i + 1) % kWords] & 0x7fffffffu);
      words[i] = words[(i + kShift) % kWords] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0u);
    }
    index = 0;
  }
  uint32_t next() {
    if (index >= kWords) regenerate();
    uint32_t y = words[index++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
  }
};

struct RandomObject {
  PyObject ob_base;
  Twister twister;
};
RandomObject* as_random(PyObject* o) { return reinterpret_cast<RandomObject*>(o); }

void seed_from_system(Twister* t) {
  uint32_t key[kWords];
  if (getrandom(key, sizeof key, GRND_NONBLOCK) == static_cast<ssize_t>(sizeof key)) {
    t->seed(key, kWords);
    return;
  }
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t words[3] = {static_cast<uint64_t>(now.tv_sec), static_cast<uint64_t>(now.tv_nsec), reinterpret_cast<uintptr_t>(t)};
  __builtin_memcpy(key, words, sizeof words);
  t->seed(key, (sizeof words) / (sizeof(uint32_t)));
}

// From the absolute value of an int, in words of 32 bits; anything else by its hash.
Status seed(ThreadState& ts, Twister* t, PyObject* arg) {
  if (arg == nullptr || arg == Py_None) {
    seed_from_system(t);
    return Status::kOk;
  }
  Ref<> n;
  if (is_int(arg)) {
    n = int_absolute(ts, arg);
  } else {
    Py_hash_t hash;
    if (failed(object_hash(ts, arg, &hash))) return Status::kError;
    n = int_from_u64(ts, static_cast<uint64_t>(hash));
  }
  if (!n) return Status::kError;
  size_t words = (int_bit_length(n.get()) + 31) / 32;
  if (words == 0) words = 1;
  auto* key = static_cast<uint32_t*>(std::malloc(words * sizeof(uint32_t)));
  if (key == nullptr) return raise_memory(ts);
  int r = _PyLong_AsByteArray(reinterpret_cast<PyLongObject*>(n.get()), reinterpret_cast<unsigned char*>(key),
                              words * sizeof(uint32_t), 1, 0);
  if (r == 0) t->seed(key, words);
  std::free(key);
  return r == 0 ? Status::kOk : Status::kError;
}

int random_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (!no_keywords(ts, "Random", self->ob_type, &atoll_random_type, kwargs)) return -1;
  Py_ssize_t n = tuple_size(args);
  if (n > 1) return raise(ts, PyExc_TypeError, "Random() requires 0 or 1 argument");
  return static_cast<int>(seed(ts, &as_random(self)->twister, n == 1 ? tuple_peek(args, 0) : nullptr));
}
void random_dealloc(ThreadState& ts, PyObject* o) { free_instance(ts, o); }

Ref<> m_random(ThreadState& ts, RandomObject* r) {
  uint32_t high = r->twister.next() >> 5, low = r->twister.next() >> 6;
  return new_float(ts, (high * 67108864.0 + low) * (1.0 / 9007199254740992.0));
}
Status m_seed(ThreadState& ts, RandomObject* r, PyObject* n) { return seed(ts, &r->twister, n); }

Ref<> m_getstate(ThreadState& ts, RandomObject* r) {
  Ref<> state = tuple_new(ts, kWords + 1);
  if (!state) return {};
  for (int i = 0; i <= kWords; ++i) {
    Ref<> word = int_from_i64(ts, i < kWords ? r->twister.words[i] : r->twister.index);
    if (!word) return {};
    tuple_items(state.get())[i] = word.release();
  }
  return state;
}
Status m_setstate(ThreadState& ts, RandomObject* r, PyObject* state) {
  if (!is_tuple(state)) return raise(ts, PyExc_TypeError, "state vector must be a tuple");
  if (tuple_size(state) != kWords + 1) return raise(ts, PyExc_ValueError, "state vector is the wrong size");
  Twister t;
  for (int i = 0; i < kWords; ++i) {
    unsigned long word = PyLong_AsUnsignedLong(tuple_peek(state, i));
    if (word == static_cast<unsigned long>(-1) && error_set(ts)) return Status::kError;
    t.words[i] = static_cast<uint32_t>(word);
  }
  long index = PyLong_AsLong(tuple_peek(state, kWords));
  if (index == -1 && error_set(ts)) return Status::kError;
  if (index < 0 || index > kWords) return raise(ts, PyExc_ValueError, "invalid state");
  t.index = static_cast<int>(index);
  r->twister = t;
  return Status::kOk;
}

Ref<> m_getrandbits(ThreadState& ts, RandomObject* r, int k) {
  if (k < 0) return raise(ts, PyExc_ValueError, "number of bits must be non-negative");
  if (k == 0) return dup(small_int(0));
  if (k <= 32) return int_from_u64(ts, r->twister.next() >> (32 - k));
  size_t words = (static_cast<size_t>(k) - 1) / 32 + 1;
  auto* bits = static_cast<uint32_t*>(std::malloc(words * sizeof(uint32_t)));
  if (bits == nullptr) return raise_memory(ts);
  for (size_t i = 0; i < words; ++i, k -= 32) {
    uint32_t word = r->twister.next();
    bits[i] = k < 32 ? word >> (32 - k) : word;
  }
  Ref<> result = Ref<>::steal(_PyLong_FromByteArray(reinterpret_cast<unsigned char*>(bits), words * sizeof(uint32_t), 1, 0));
  std::free(bits);
  return result;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_random, "random", "($self, /)", "random() -> x in the interval [0, 1)."),
    ATOLL_METHOD(m_seed, "seed", "($self, n=None, /)",
                 "seed([n]) -> None.\n\nDefaults to use urandom and falls back to a combination\nof the current time and the process identifier."),
    ATOLL_METHOD(m_getstate, "getstate", "($self, /)", "getstate() -> tuple containing the current state."),
    ATOLL_METHOD(m_setstate, "setstate", "($self, state, /)", "setstate(state) -> None.  Restores generator state."),
    ATOLL_METHOD(m_getrandbits, "getrandbits", "($self, k, /)", "getrandbits(k) -> x.  Generates an int with k random bits."),
    ATOLL_METHOD_END};
constexpr MethodSpec kFunctions[] = {ATOLL_METHOD_END};

int exec(PyObject* module) { return PyModule_AddType(module, &atoll_random_type); }

}  // namespace

constinit const TypeSpec random_random_spec{
    .name = "_random.Random",
    .doc = "Random() -> create a random number generator with its own internal state.",
    .basicsize = sizeof(RandomObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .dealloc = ATOLL_SLOT(random_dealloc),
    .getattro = PyObject_GenericGetAttr,
    .init = random_init,
    .new_ = PyType_GenericNew,
    .methods = kMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_random_type = {};

ATOLL_BUILTIN_MODULE(PyInit__random, "_random", "Module implements the Mersenne Twister random number generator.", 0,
                     atl::kFunctions, atl::exec)

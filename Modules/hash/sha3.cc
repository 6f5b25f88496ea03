// _sha3: SHA-3 and the SHAKE functions, whose digests have any length.
#include <vector>

#include "Modules/hash/digest.h"

namespace atl::hash {

namespace {

struct Kind {
  const char* name;
  const char* type_name;
  const EVP_MD* (*md)();
  bool xof;
};
constexpr Kind kKinds[] = {{"sha3_224", "_sha3.sha3_224", EVP_sha3_224, false}, {"sha3_256", "_sha3.sha3_256", EVP_sha3_256, false},
                           {"sha3_384", "_sha3.sha3_384", EVP_sha3_384, false}, {"sha3_512", "_sha3.sha3_512", EVP_sha3_512, false},
                           {"shake_128", "_sha3.shake_128", EVP_shake128, true}, {"shake_256", "_sha3.shake_256", EVP_shake256, true}};

const Kind& kind_of(const Digest* d) {
  int type = EVP_MD_get_type(EVP_MD_CTX_get0_md(d->context));
  for (const Kind& k : kKinds) {
    if (EVP_MD_get_type(k.md()) == type) return k;
  }
  return kKinds[0];
}

template <int kIndex>
Ref<> make(ThreadState& ts, PyTypeObject* type, PyObject* data, bool) {
  Ref<Digest> d = new_digest(ts, type, kKinds[kIndex].md());
  if (!d || (data != nullptr && failed(feed(ts, d.get(), data)))) return {};
  return d;
}

bool take_length(ThreadState& ts, PyObject* o, size_t* out) {
  if (!is_int(o)) {
    (void)raise(ts, PyExc_TypeError, "an integer is required");
    return false;
  }
  int overflow;
  int64_t n = int_as_i64_overflow(o, &overflow);
  if (overflow < 0 || (overflow == 0 && n < 0)) {
    (void)raise(ts, PyExc_ValueError, "value must be positive");
    return false;
  }
  if (overflow > 0 || n >= (1 << 29)) {
    (void)raise(ts, PyExc_ValueError, "length is too large");
    return false;
  }
  *out = static_cast<size_t>(n);
  return true;
}
bool squeeze(ThreadState& ts, Digest* d, PyObject* length, std::vector<unsigned char>* out) {
  size_t n;
  if (!take_length(ts, length, &n)) return false;
  out->resize(n);
  return n == 0 || finish(ts, d->context, true, out->data(), &n);
}
Ref<> shake_digest(ThreadState& ts, Digest* d, PyObject* length) {
  std::vector<unsigned char> out;
  if (!squeeze(ts, d, length, &out)) return {};
  return bytes_from(ts, {reinterpret_cast<char*>(out.data()), out.size()});
}
Ref<> shake_hex(ThreadState& ts, Digest* d, PyObject* length) {
  std::vector<unsigned char> out;
  return squeeze(ts, d, length, &out) ? hex_text(ts, out.data(), out.size()) : Ref<>();
}

Ref<> get_name(ThreadState& ts, Digest* d) { return str_from_ascii(ts, kind_of(d).name); }
Ref<> get_digest_size(ThreadState& ts, Digest* d) { return kind_of(d).xof ? int_from_i64(ts, 0) : digest_size(ts, d); }
int rate_bits(const Digest* d) { return 8 * EVP_MD_get_block_size(EVP_MD_CTX_get0_md(d->context)); }
Ref<> get_rate(ThreadState& ts, Digest* d) { return int_from_i64(ts, rate_bits(d)); }
Ref<> get_capacity(ThreadState& ts, Digest* d) { return int_from_i64(ts, 1600 - rate_bits(d)); }
Ref<> get_suffix(ThreadState& ts, Digest* d) { return bytes_from(ts, {kind_of(d).xof ? "\x1f" : "\x06", 1}); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(digest_copy, "copy", "($self, /)", "Return a copy of the hash object."),
    ATOLL_METHOD(digest_bytes, "digest", "($self, /)", "Return the digest value as a bytes object."),
    ATOLL_METHOD(digest_hex, "hexdigest", "($self, /)", "Return the digest value as a string of hexadecimal digits."),
    ATOLL_METHOD(feed, "update", "($self, data, /)", "Update this hash object's state with the provided bytes-like object."), ATOLL_METHOD_END};
constexpr MethodSpec kShakeMethods[] = {
    ATOLL_METHOD(digest_copy, "copy", "($self, /)", "Return a copy of the hash object."),
    ATOLL_METHOD(shake_digest, "digest", "($self, length, /)", "Return the digest value as a bytes object."),
    ATOLL_METHOD(shake_hex, "hexdigest", "($self, length, /)", "Return the digest value as a string of hexadecimal digits."),
    ATOLL_METHOD(feed, "update", "($self, data, /)", "Update this hash object's state with the provided bytes-like object."), ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"block_size", ATOLL_GETTER(block_size), nullptr, nullptr, nullptr},
                                   {"name", ATOLL_GETTER(get_name), nullptr, nullptr, nullptr},
                                   {"digest_size", ATOLL_GETTER(get_digest_size), nullptr, nullptr, nullptr},
                                   {"_capacity_bits", ATOLL_GETTER(get_capacity), nullptr, nullptr, nullptr},
                                   {"_rate_bits", ATOLL_GETTER(get_rate), nullptr, nullptr, nullptr},
                                   {"_suffix", ATOLL_GETTER(get_suffix), nullptr, nullptr, nullptr},
                                   ATOLL_GETSET_END};

template <int kIndex>
int add_type(PyObject* m, newfunc make_new, const char* doc) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(digest_dealloc)},
                         {Py_tp_doc, const_cast<char*>(doc)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kKinds[kIndex].xof ? kShakeMethods : kMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
                         {Py_tp_new, reinterpret_cast<void*>(make_new)},
                         {0, nullptr}};
  PyType_Spec spec{kKinds[kIndex].type_name, sizeof(Digest), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  PyTypeObject* type = heap_type(m, spec);
  if (type == nullptr) return -1;
  int r = PyModule_AddType(m, type);
  Py_DECREF(type);
  return r;
}

#define ATOLL_SHA3(index, name, doc) \
  (add_type<index>(m, ATOLL_NEW(make<index>, name, "(data=b'', /, *, usedforsecurity=True)"), name "([data], *, usedforsecurity=True) -> " doc) < 0)
int exec(PyObject* m) {
  if (ATOLL_SHA3(0, "sha3_224", "SHA3 object\n\nReturn a new SHA3 hash object with a hashbit length of 28 bytes.") ||
      ATOLL_SHA3(1, "sha3_256", "SHA3 object\n\nReturn a new SHA3 hash object with a hashbit length of 32 bytes.") ||
      ATOLL_SHA3(2, "sha3_384", "SHA3 object\n\nReturn a new SHA3 hash object with a hashbit length of 48 bytes.") ||
      ATOLL_SHA3(3, "sha3_512", "SHA3 object\n\nReturn a new SHA3 hash object with a hashbit length of 64 bytes.") ||
      ATOLL_SHA3(4, "shake_128", "SHAKE object\n\nReturn a new SHAKE hash object.") ||
      ATOLL_SHA3(5, "shake_256", "SHAKE object\n\nReturn a new SHAKE hash object.")) {
    return -1;
  }
  return PyModule_AddStringConstant(m, "implementation", "OpenSSL") < 0 ? -1 : PyModule_AddIntConstant(m, "keccakopt", 0);
}

constexpr MethodSpec kNone[] = {ATOLL_METHOD_END};

}  // namespace

}  // namespace atl::hash

ATOLL_BUILTIN_MODULE(PyInit__sha3, "_sha3", nullptr, 0, atl::hash::kNone, atl::hash::exec)

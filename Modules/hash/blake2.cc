// _blake2: BLAKE2b and BLAKE2s by libb2, which takes the parameters of tree hashing (libcrypto does not).
#include <blake2.h>

#include <cstring>

#include "Modules/hash/digest.h"

namespace atl::hash {

namespace {

struct B {
  using Param = blake2b_param;
  using Context = blake2b_state;
  static constexpr int kDigest = BLAKE2B_OUTBYTES, kKey = BLAKE2B_KEYBYTES, kSalt = BLAKE2B_SALTBYTES, kPerson = BLAKE2B_PERSONALBYTES,
                       kBlock = BLAKE2B_BLOCKBYTES;
  static constexpr const char* kName = "blake2b";
  static constexpr uint64_t kMaxOffset = UINT64_MAX;
  static void set_offset(Param* p, uint64_t v) { std::memcpy(reinterpret_cast<char*>(p) + offsetof(Param, node_offset), &v, 8); }
  static bool start(Context* c, const Param* p) { return blake2b_init_param(c, p) == 0; }
  static bool update(Context* c, const uint8_t* data, size_t n) { return blake2b_update(c, data, n) == 0; }
  static bool final(Context* c, uint8_t* out, size_t n) { return blake2b_final(c, out, n) == 0; }
};
struct S {
  using Param = blake2s_param;
  using Context = blake2s_state;
  static constexpr int kDigest = BLAKE2S_OUTBYTES, kKey = BLAKE2S_KEYBYTES, kSalt = BLAKE2S_SALTBYTES, kPerson = BLAKE2S_PERSONALBYTES,
                       kBlock = BLAKE2S_BLOCKBYTES;
  static constexpr const char* kName = "blake2s";
  static constexpr uint64_t kMaxOffset = (uint64_t{1} << 48) - 1;
  static void set_offset(Param* p, uint64_t v) { std::memcpy(reinterpret_cast<char*>(p) + offsetof(Param, node_offset), &v, 6); }
  static bool start(Context* c, const Param* p) { return blake2s_init_param(c, p) == 0; }
  static bool update(Context* c, const uint8_t* data, size_t n) { return blake2s_update(c, data, n) == 0; }
  static bool final(Context* c, uint8_t* out, size_t n) { return blake2s_final(c, out, n) == 0; }
};

template <class K>
struct Blake {
  PyObject ob_base;
  int digest_size;
  typename K::Context context;
};
template <class K>
Blake<K>* as_blake(PyObject* o) {
  return reinterpret_cast<Blake<K>*>(o);
}

Raised blake_failed(ThreadState& ts) { return raise(ts, PyExc_RuntimeError, "libb2: the digest failed"); }

template <class K>
Status blake_update(ThreadState& ts, Blake<K>* b, PyObject* data) {
  BufferArg buffer;
  if (!take_data(ts, data, &buffer)) return Status::kError;
  return K::update(&b->context, buffer.data(), static_cast<size_t>(buffer.size())) ? Status::kOk : Status(blake_failed(ts));
}

// An unsigned number; negative ones are no ValueError of the caller's.
Status take_unsigned(ThreadState& ts, PyObject* o, uint64_t* out) {
  if (!is_int(o)) return raise(ts, PyExc_TypeError, "an integer is required");
  int overflow;
  int64_t v = int_as_i64_overflow(o, &overflow);
  if (overflow < 0 || (overflow == 0 && v < 0)) return raise(ts, PyExc_ValueError, "value must be positive");
  *out = static_cast<uint64_t>(v);
  if (overflow > 0 && failed(int_as_u64(ts, o, out))) {
    error_clear(ts);
    return raise(ts, PyExc_OverflowError, "int too big to convert");
  }
  return Status::kOk;
}

template <class K>
Ref<> blake_new(ThreadState& ts, PyTypeObject* type, PyObject* data, PyObject* digest_size_arg, PyObject* key_arg, PyObject* salt_arg,
                PyObject* person_arg, PyObject* fanout_arg, PyObject* depth_arg, PyObject* leaf_size_arg, PyObject* node_offset_arg,
                PyObject* node_depth_arg, PyObject* inner_size_arg, bool last_node, bool) {
  typename K::Param p;
  std::memset(&p, 0, sizeof p);
  int digest_size = K::kDigest, fanout = 1, depth = 1, node_depth = 0, inner_size = 0;
  for (auto [given, to] : {std::pair{digest_size_arg, &digest_size}, std::pair{fanout_arg, &fanout}, std::pair{depth_arg, &depth},
                           std::pair{node_depth_arg, &node_depth}, std::pair{inner_size_arg, &inner_size}}) {
    if (given == nullptr) continue;
    Ref<> index = number_index(ts, given);
    if (!index) return {};
    *to = _PyLong_AsInt(index.get());
    if (error_set(ts)) return {};
  }
  BufferArg key, salt, person;
  for (auto [given, to] : {std::pair{key_arg, &key}, std::pair{salt_arg, &salt}, std::pair{person_arg, &person}}) {
    if (given != nullptr && PyObject_GetBuffer(given, &to->view, PyBUF_SIMPLE) < 0) return {};
  }
  if (digest_size <= 0 || digest_size > K::kDigest) return raise(ts, PyExc_ValueError, "digest_size must be between 1 and %d bytes", K::kDigest);
  p.digest_length = static_cast<uint8_t>(digest_size);
  if (salt.size() > K::kSalt) return raise(ts, PyExc_ValueError, "maximum salt length is %d bytes", K::kSalt);
  if (salt.size() > 0) std::memcpy(p.salt, salt.data(), static_cast<size_t>(salt.size()));
  if (person.size() > K::kPerson) return raise(ts, PyExc_ValueError, "maximum person length is %d bytes", K::kPerson);
  if (person.size() > 0) std::memcpy(p.personal, person.data(), static_cast<size_t>(person.size()));
  if (fanout < 0 || fanout > 255) return raise(ts, PyExc_ValueError, "fanout must be between 0 and 255");
  p.fanout = static_cast<uint8_t>(fanout);
  if (depth <= 0 || depth > 255) return raise(ts, PyExc_ValueError, "depth must be between 1 and 255");
  p.depth = static_cast<uint8_t>(depth);
  uint64_t number;
  if (leaf_size_arg != nullptr) {
    if (failed(take_unsigned(ts, leaf_size_arg, &number))) return {};
    if (number > UINT32_MAX) return raise(ts, PyExc_OverflowError, "leaf_size is too large");
    p.leaf_length = static_cast<uint32_t>(number);
  }
  if (node_offset_arg != nullptr) {
    if (failed(take_unsigned(ts, node_offset_arg, &number))) return {};
    if (number > K::kMaxOffset) return raise(ts, PyExc_OverflowError, "node_offset is too large");
    K::set_offset(&p, number);
  }
  if (node_depth < 0 || node_depth > 255) return raise(ts, PyExc_ValueError, "node_depth must be between 0 and 255");
  p.node_depth = static_cast<uint8_t>(node_depth);
  if (inner_size < 0 || inner_size > K::kDigest) return raise(ts, PyExc_ValueError, "inner_size must be between 0 and is %d", K::kDigest);
  p.inner_length = static_cast<uint8_t>(inner_size);
  if (key.size() > K::kKey) return raise(ts, PyExc_ValueError, "maximum key length is %d bytes", K::kKey);
  p.key_length = static_cast<uint8_t>(key.size());

  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Blake<K>* b = as_blake<K>(o.get());
  b->digest_size = digest_size;
  if (!K::start(&b->context, &p)) return raise(ts, PyExc_RuntimeError, "error initializing hash state");
  b->context.last_node = last_node;
  if (key.size() > 0) {
    uint8_t block[K::kBlock] = {};
    std::memcpy(block, key.data(), static_cast<size_t>(key.size()));
    bool ok = K::update(&b->context, block, sizeof block);
    explicit_bzero(block, sizeof block);
    if (!ok) return blake_failed(ts);
  }
  if (data != nullptr && failed(blake_update<K>(ts, b, data))) return {};
  return o;
}

template <class K>
Ref<> blake_copy(ThreadState&, Blake<K>* b) {
  PyTypeObject* type = b->ob_base.ob_type;
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  as_blake<K>(o.get())->digest_size = b->digest_size;
  as_blake<K>(o.get())->context = b->context;
  return o;
}
template <class K>
bool blake_finish(ThreadState& ts, Blake<K>* b, uint8_t* out) {
  typename K::Context copy = b->context;
  if (K::final(&copy, out, static_cast<size_t>(b->digest_size))) return true;
  (void)blake_failed(ts);
  return false;
}
template <class K>
Ref<> blake_digest(ThreadState& ts, Blake<K>* b) {
  uint8_t out[K::kDigest];
  return blake_finish<K>(ts, b, out) ? bytes_from(ts, {reinterpret_cast<char*>(out), static_cast<size_t>(b->digest_size)}) : Ref<>();
}
template <class K>
Ref<> blake_hex(ThreadState& ts, Blake<K>* b) {
  uint8_t out[K::kDigest];
  return blake_finish<K>(ts, b, out) ? hex_text(ts, out, static_cast<size_t>(b->digest_size)) : Ref<>();
}
template <class K>
Ref<> blake_name(ThreadState& ts, Blake<K>*) {
  return str_from_ascii(ts, K::kName);
}
template <class K>
Ref<> blake_block_size(ThreadState& ts, Blake<K>*) {
  return int_from_i64(ts, K::kBlock);
}
template <class K>
Ref<> blake_digest_size(ThreadState& ts, Blake<K>* b) {
  return int_from_i64(ts, b->digest_size);
}
template <class K>
void blake_dealloc(PyObject* o) {
  explicit_bzero(&as_blake<K>(o)->context, sizeof as_blake<K>(o)->context);
  heap_instance_free(o);
}

template <class K>
constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(blake_copy<K>, "copy", "($self, /)", "Return a copy of the hash object."),
    ATOLL_METHOD(blake_digest<K>, "digest", "($self, /)", "Return the digest value as a bytes object."),
    ATOLL_METHOD(blake_hex<K>, "hexdigest", "($self, /)", "Return the digest value as a string of hexadecimal digits."),
    ATOLL_METHOD(blake_update<K>, "update", "($self, data, /)", "Update this hash object's state with the provided bytes-like object."),
    ATOLL_METHOD_END};
template <class K>
constexpr PyGetSetDef kGetSet[] = {{"name", ATOLL_GETTER(blake_name<K>), nullptr, nullptr, nullptr},
                                   {"block_size", ATOLL_GETTER(blake_block_size<K>), nullptr, nullptr, nullptr},
                                   {"digest_size", ATOLL_GETTER(blake_digest_size<K>), nullptr, nullptr, nullptr},
                                   ATOLL_GETSET_END};

#define ATOLL_BLAKE_SIGNATURE(name)                                                                                        \
  "(data=b'', /, *, digest_size=_blake2." name ".MAX_DIGEST_SIZE,\n        key=b'', salt=b'', person=b'', fanout=1, depth=1, leaf_size=0,\n" \
  "        node_offset=0, node_depth=0, inner_size=0, last_node=False,\n        usedforsecurity=True)"

template <class K>
int add_type(PyObject* m, const char* full_name, const char* doc, newfunc make_new) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(blake_dealloc<K>)},
                         {Py_tp_doc, const_cast<char*>(doc)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kMethods<K>)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet<K>)},
                         {Py_tp_new, reinterpret_cast<void*>(make_new)},
                         {0, nullptr}};
  PyType_Spec spec{full_name, sizeof(Blake<K>), 0, Py_TPFLAGS_DEFAULT, slots};
  PyTypeObject* type = heap_type(m, spec);
  if (type == nullptr) return -1;
  ThreadState& ts = current_thread();
  int r = PyModule_AddType(m, type);
  for (auto [name, value] : {std::pair{"SALT_SIZE", K::kSalt}, std::pair{"PERSON_SIZE", K::kPerson}, std::pair{"MAX_KEY_SIZE", K::kKey},
                             std::pair{"MAX_DIGEST_SIZE", K::kDigest}}) {
    Ref<> number = int_from_i64(ts, value);
    if (r == 0 && (!number || PyObject_SetAttrString(obj(type), name, number.get()) < 0)) r = -1;
  }
  if (r == 0) type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
  Py_DECREF(type);
  return r;
}

constexpr IntConstant kConstants[] = {
    {"BLAKE2B_SALT_SIZE", B::kSalt},   {"BLAKE2B_PERSON_SIZE", B::kPerson}, {"BLAKE2B_MAX_KEY_SIZE", B::kKey}, {"BLAKE2B_MAX_DIGEST_SIZE", B::kDigest},
    {"BLAKE2S_SALT_SIZE", S::kSalt},   {"BLAKE2S_PERSON_SIZE", S::kPerson}, {"BLAKE2S_MAX_KEY_SIZE", S::kKey}, {"BLAKE2S_MAX_DIGEST_SIZE", S::kDigest}};

int exec(PyObject* m) {
  if (add_type<B>(m, "_blake2.blake2b", "blake2b" ATOLL_BLAKE_SIGNATURE("blake2b") "\n--\n\nReturn a new BLAKE2b hash object.",
                  ATOLL_NEW(blake_new<B>, "blake2b", ATOLL_BLAKE_SIGNATURE("blake2b"))) < 0 ||
      add_type<S>(m, "_blake2.blake2s", "blake2s" ATOLL_BLAKE_SIGNATURE("blake2s") "\n--\n\nReturn a new BLAKE2s hash object.",
                  ATOLL_NEW(blake_new<S>, "blake2s", ATOLL_BLAKE_SIGNATURE("blake2s"))) < 0) {
    return -1;
  }
  return add_int_constants(m, kConstants);
}

constexpr MethodSpec kNone[] = {ATOLL_METHOD_END};

}  // namespace

}  // namespace atl::hash

ATOLL_BUILTIN_MODULE(PyInit__blake2, "_blake2", "_blake2b provides BLAKE2b for hashlib\n", 0, atl::hash::kNone, atl::hash::exec)

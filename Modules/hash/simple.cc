// _md5, _sha1, _sha256.
#include "Modules/hash/digest.h"

namespace atl::hash {

namespace {

// The types of one module: one for each algorithm.
struct State {
  PyTypeObject* types[2];
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

const char* name_of(const EVP_MD* md) {
  switch (EVP_MD_get_type(md)) {
    case NID_md5:
      return "md5";
    case NID_sha1:
      return "sha1";
    case NID_sha224:
      return "sha224";
    default:
      return "sha256";
  }
}
Ref<> get_name(ThreadState& ts, Digest* d) { return str_from_ascii(ts, name_of(EVP_MD_CTX_get0_md(d->context))); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(digest_copy, "copy", "($self, /)", "Return a copy of the hash object."),
    ATOLL_METHOD(digest_bytes, "digest", "($self, /)", "Return the digest value as a bytes object."),
    ATOLL_METHOD(digest_hex, "hexdigest", "($self, /)", "Return the digest value as a string of hexadecimal digits."),
    ATOLL_METHOD(feed, "update", "($self, obj, /)", "Update this hash object's state with the provided string."), ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"block_size", ATOLL_GETTER(block_size), nullptr, nullptr, nullptr},
                                   {"digest_size", ATOLL_GETTER(digest_size), nullptr, nullptr, nullptr},
                                   {"name", ATOLL_GETTER(get_name), nullptr, nullptr, nullptr},
                                   ATOLL_GETSET_END};

PyTypeObject* make_type(PyObject* m, const char* name) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(digest_dealloc)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
                         {0, nullptr}};
  PyType_Spec spec{name, sizeof(Digest), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return heap_type(m, spec);
}

template <int kIndex, const EVP_MD* (*kMd)()>
Ref<> make(ThreadState& ts, PyObject* m, PyObject* data, bool) {
  Ref<Digest> d = new_digest(ts, state_of(m)->types[kIndex], kMd());
  if (!d || (data != nullptr && failed(feed(ts, d.get(), data)))) return {};
  return d;
}

struct Names {
  const char* type;
  const char* attribute;
};
int fill(PyObject* m, const Names* names, int n) {
  for (int i = 0; i < n; ++i) {
    PyTypeObject* type = make_type(m, names[i].type);
    state_of(m)->types[i] = type;
    if (type == nullptr || PyModule_AddObjectRef(m, names[i].attribute, obj(type)) < 0) return -1;
  }
  return 0;
}
int exec_md5(PyObject* m) {
  static constexpr Names kNames[] = {{"_md5.md5", "MD5Type"}};
  return fill(m, kNames, 1);
}
int exec_sha1(PyObject* m) {
  static constexpr Names kNames[] = {{"_sha1.sha1", "SHA1Type"}};
  return fill(m, kNames, 1);
}
int exec_sha256(PyObject* m) {
  static constexpr Names kNames[] = {{"_sha256.sha224", "SHA224Type"}, {"_sha256.sha256", "SHA256Type"}};
  return fill(m, kNames, 2);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(obj(state_of(m)->types[0]));
  Py_VISIT(obj(state_of(m)->types[1]));
  return 0;
}
int clear(PyObject* m) {
  clear_field(state_of(m)->types[0]);
  clear_field(state_of(m)->types[1]);
  return 0;
}

#define ATOLL_HASH_FUNCTION(index, md, name, text) \
  ATOLL_METHOD((make<index, md>), name, "($module, /, string=b'', *, usedforsecurity=True)", "Return a new " text " hash object; optionally initialized with a string.")

constexpr MethodSpec kMd5[] = {ATOLL_HASH_FUNCTION(0, EVP_md5, "md5", "MD5"), ATOLL_METHOD_END};
constexpr MethodSpec kSha1[] = {ATOLL_HASH_FUNCTION(0, EVP_sha1, "sha1", "SHA1"), ATOLL_METHOD_END};
constexpr MethodSpec kSha256[] = {ATOLL_HASH_FUNCTION(0, EVP_sha224, "sha224", "SHA-224"), ATOLL_HASH_FUNCTION(1, EVP_sha256, "sha256", "SHA-256"),
                                  ATOLL_METHOD_END};

}  // namespace

}  // namespace atl::hash

ATOLL_BUILTIN_MODULE_GC(PyInit__md5, "_md5", nullptr, sizeof(atl::hash::State), atl::hash::kMd5, atl::hash::exec_md5, atl::hash::traverse,
                        atl::hash::clear, nullptr)
ATOLL_BUILTIN_MODULE_GC(PyInit__sha1, "_sha1", nullptr, sizeof(atl::hash::State), atl::hash::kSha1, atl::hash::exec_sha1, atl::hash::traverse,
                        atl::hash::clear, nullptr)
ATOLL_BUILTIN_MODULE_GC(PyInit__sha256, "_sha256", nullptr, sizeof(atl::hash::State), atl::hash::kSha256, atl::hash::exec_sha256,
                        atl::hash::traverse, atl::hash::clear, nullptr)

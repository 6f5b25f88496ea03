// _sha512: SHA-384 and SHA-512 by OpenSSL's libcrypto.
#include <openssl/evp.h>

#include "Modules/module_def.h"
#include "Objects/bytes.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/str/str.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"

namespace atl {

namespace {

struct Digest {
  PyObject ob_base;
  EVP_MD_CTX* context;
};
Digest* as_digest(PyObject* o) { return reinterpret_cast<Digest*>(o); }
bool is_384(PyObject* o) { return is_exact(o, &atoll_sha384_type); }

Raised library_error(ThreadState& ts) { return raise(ts, PyExc_RuntimeError, "libcrypto: the digest failed"); }

Status feed(ThreadState& ts, Digest* d, PyObject* data) {
  if (is_str(data)) return raise(ts, PyExc_TypeError, "Strings must be encoded before hashing");
  if (!PyObject_CheckBuffer(data)) return raise(ts, PyExc_TypeError, "object supporting the buffer API required");
  BufferArg buffer;
  if (PyObject_GetBuffer(data, &buffer.view, PyBUF_SIMPLE) < 0) return Status::kError;
  if (buffer.view.ndim > 1) return raise(ts, PyExc_BufferError, "Buffer must be single dimension");
  int ok = EVP_DigestUpdate(d->context, buffer.data(), static_cast<size_t>(buffer.size()));
  return ok ? Status::kOk : Status(library_error(ts));
}

Ref<Digest> digest_new(ThreadState& ts, PyTypeObject* type) {
  auto d = new_object<Digest>(ts, type);
  if (!d) return {};
  d->context = EVP_MD_CTX_new();
  if (d->context == nullptr || !EVP_DigestInit_ex(d->context, type == &atoll_sha384_type ? EVP_sha384() : EVP_sha512(), nullptr)) {
    return library_error(ts);
  }
  return d;
}
void digest_dealloc(ThreadState& ts, PyObject* o) {
  EVP_MD_CTX_free(as_digest(o)->context);
  free_object(ts, o);
}

// The digest so far; the object can be fed on.
Status finish(ThreadState& ts, Digest* d, unsigned char* out, unsigned* size) {
  EVP_MD_CTX* copy = EVP_MD_CTX_new();
  bool ok = copy != nullptr && EVP_MD_CTX_copy_ex(copy, d->context) && EVP_DigestFinal_ex(copy, out, size);
  EVP_MD_CTX_free(copy);
  return ok ? Status::kOk : Status(library_error(ts));
}

Ref<> m_copy(ThreadState& ts, Digest* d) {
  auto copy = digest_new(ts, d->ob_base.ob_type);
  if (!copy) return {};
  if (!EVP_MD_CTX_copy_ex(copy->context, d->context)) return library_error(ts);
  return copy;
}
Ref<> m_digest(ThreadState& ts, Digest* d) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size;
  if (failed(finish(ts, d, out, &size))) return {};
  return bytes_from(ts, {reinterpret_cast<char*>(out), size});
}
Ref<> m_hexdigest(ThreadState& ts, Digest* d) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size;
  if (failed(finish(ts, d, out, &size))) return {};
  char text[2 * EVP_MAX_MD_SIZE];
  for (unsigned i = 0; i < size; ++i) {
    text[2 * i] = "0123456789abcdef"[out[i] >> 4];
    text[2 * i + 1] = "0123456789abcdef"[out[i] & 15];
  }
  return str_from_ascii(ts, {text, 2 * size});
}
Status m_update(ThreadState& ts, Digest* d, PyObject* data) { return feed(ts, d, data); }

Ref<> get_block_size(ThreadState&, Digest*) { return dup(small_int(128)); }
Ref<> get_digest_size(ThreadState&, Digest* d) { return dup(small_int(is_384(obj(d)) ? 48 : 64)); }
Ref<> get_name(ThreadState& ts, Digest* d) { return str_from_ascii(ts, is_384(obj(d)) ? "sha384" : "sha512"); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_copy, "copy", "($self, /)", "Return a copy of the hash object."),
    ATOLL_METHOD(m_digest, "digest", "($self, /)", "Return the digest value as a bytes object."),
    ATOLL_METHOD(m_hexdigest, "hexdigest", "($self, /)", "Return the digest value as a string of hexadecimal digits."),
    ATOLL_METHOD(m_update, "update", "($self, obj, /)", "Update this hash object's state with the provided string."), ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"block_size", ATOLL_GETTER(get_block_size), nullptr, nullptr, nullptr},
                                   {"digest_size", ATOLL_GETTER(get_digest_size), nullptr, nullptr, nullptr},
                                   {"name", ATOLL_GETTER(get_name), nullptr, nullptr, nullptr},
                                   ATOLL_GETSET_END};

Ref<> make(ThreadState& ts, PyTypeObject* type, PyObject* data) {
  auto d = digest_new(ts, type);
  if (!d || (data != nullptr && failed(feed(ts, d.get(), data)))) return {};
  return d;
}
Ref<> m_sha512(ThreadState& ts, PyObject*, PyObject* data, bool) { return make(ts, &atoll_sha512_type, data); }
Ref<> m_sha384(ThreadState& ts, PyObject*, PyObject* data, bool) { return make(ts, &atoll_sha384_type, data); }

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(m_sha512, "sha512", "($module, /, string=b'', *, usedforsecurity=True)",
                 "Return a new SHA-512 hash object; optionally initialized with a string."),
    ATOLL_METHOD(m_sha384, "sha384", "($module, /, string=b'', *, usedforsecurity=True)",
                 "Return a new SHA-384 hash object; optionally initialized with a string."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  ThreadState& ts = current_thread();
  return failed(module_add(ts, module, "SHA384Type", dup(obj(&atoll_sha384_type)))) ? -1 : 0;
}

}  // namespace

#define ATOLL_SHA(spec, text)                                            \
  constinit const TypeSpec spec{                                         \
      .name = text,                                                      \
      .basicsize = sizeof(Digest),                                       \
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,   \
      .dealloc = ATOLL_SLOT(digest_dealloc),                             \
      .getattro = PyObject_GenericGetAttr,                               \
      .methods = kMethods,                                               \
      .getset = kGetSet,                                                 \
  };
ATOLL_SHA(sha_sha384_spec, "_sha512.sha384")
ATOLL_SHA(sha_sha512_spec, "_sha512.sha512")

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_sha384_type = {};
ATOLL_SEALED PyTypeObject atoll_sha512_type = {};

ATOLL_BUILTIN_MODULE(PyInit__sha512, "_sha512", nullptr, 0, atl::kFunctions, atl::exec)

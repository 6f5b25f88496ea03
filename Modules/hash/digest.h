// Hash objects over libcrypto's EVP interface: what the modules of this folder share.
#pragma once

#include <openssl/evp.h>

#include "Modules/module_tools.h"
#include "Objects/bytes.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"

namespace atl::hash {

// A bytes-like argument of a hash function, with the messages of 3.11.
inline bool take_data(ThreadState& ts, PyObject* data, BufferArg* out) {
  if (is_str(data)) {
    (void)raise(ts, PyExc_TypeError, "Strings must be encoded before hashing");
    return false;
  }
  if (!PyObject_CheckBuffer(data)) {
    (void)raise(ts, PyExc_TypeError, "object supporting the buffer API required");
    return false;
  }
  if (PyObject_GetBuffer(data, &out->view, PyBUF_SIMPLE) < 0) return false;
  if (out->view.ndim <= 1) return true;
  (void)raise(ts, PyExc_BufferError, "Buffer must be single dimension");
  return false;
}

inline Raised digest_failed(ThreadState& ts) { return raise(ts, PyExc_RuntimeError, "libcrypto: the digest failed"); }

inline Ref<> hex_text(ThreadState& ts, const unsigned char* data, size_t n) {
  Ref<> bytes = bytes_from(ts, {reinterpret_cast<const char*>(data), n});
  return bytes ? Ref<>::steal(PyObject_CallMethod(bytes.get(), "hex", nullptr)) : Ref<>();
}

struct Digest {
  PyObject ob_base;
  EVP_MD_CTX* context;
};
inline Digest* as_digest(PyObject* o) { return reinterpret_cast<Digest*>(o); }

inline Status feed(ThreadState& ts, Digest* d, PyObject* data) {
  BufferArg buffer;
  if (!take_data(ts, data, &buffer)) return Status::kError;
  return EVP_DigestUpdate(d->context, buffer.data(), static_cast<size_t>(buffer.size())) ? Status::kOk : Status(digest_failed(ts));
}
inline Ref<Digest> new_digest(ThreadState& ts, PyTypeObject* type, const EVP_MD* md) {
  Ref<Digest> d = Ref<Digest>::steal(as_digest(type->tp_alloc(type, 0)));
  if (!d) return {};
  d->context = EVP_MD_CTX_new();
  if (d->context == nullptr || !EVP_DigestInit_ex(d->context, md, nullptr)) return digest_failed(ts);
  return d;
}
inline void digest_dealloc(PyObject* o) {
  EVP_MD_CTX_free(as_digest(o)->context);
  heap_instance_free(o);
}
inline Ref<> digest_copy(ThreadState& ts, Digest* d) {
  Ref<Digest> copy = new_digest(ts, d->ob_base.ob_type, EVP_MD_CTX_get0_md(d->context));
  if (copy && !EVP_MD_CTX_copy_ex(copy->context, d->context)) return digest_failed(ts);
  return copy;
}
// The digest so far; the object can be fed on. For digests of any length (`xof`) *size says how long.
inline bool finish(ThreadState& ts, const EVP_MD_CTX* context, bool xof, unsigned char* out, size_t* size) {
  EVP_MD_CTX* copy = EVP_MD_CTX_new();
  unsigned n = 0;
  bool ok = copy != nullptr && EVP_MD_CTX_copy_ex(copy, context) &&
            (xof ? EVP_DigestFinalXOF(copy, out, *size) : EVP_DigestFinal_ex(copy, out, &n));
  EVP_MD_CTX_free(copy);
  if (!ok) (void)digest_failed(ts);
  if (!xof) *size = n;
  return ok;
}
inline Ref<> digest_bytes(ThreadState& ts, Digest* d) {
  unsigned char out[EVP_MAX_MD_SIZE];
  size_t n;
  return finish(ts, d->context, false, out, &n) ? bytes_from(ts, {reinterpret_cast<char*>(out), n}) : Ref<>();
}
inline Ref<> digest_hex(ThreadState& ts, Digest* d) {
  unsigned char out[EVP_MAX_MD_SIZE];
  size_t n;
  return finish(ts, d->context, false, out, &n) ? hex_text(ts, out, n) : Ref<>();
}
inline Ref<> digest_size(ThreadState& ts, Digest* d) { return int_from_i64(ts, EVP_MD_get_size(EVP_MD_CTX_get0_md(d->context))); }
inline Ref<> block_size(ThreadState& ts, Digest* d) { return int_from_i64(ts, EVP_MD_get_block_size(EVP_MD_CTX_get0_md(d->context))); }

}  // namespace atl::hash

// _hashlib: libcrypto's digests by name, HMAC, key derivation.
//
// Objects may be fed from several threads at once: what is long is hashed without the interpreter's lock, under the object's own.
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>

#include <climits>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include "Modules/hash/digest.h"
#include "Objects/dict/dict.h"

namespace atl::hash {

namespace {

struct State {
  PyTypeObject* hash_type;
  PyTypeObject* xof_type;
  PyTypeObject* hmac_type;
  PyObject* unsupported;   // UnsupportedDigestmodError
  PyObject* constructors;  // dict: openssl_md5 -> 'md5'
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

constexpr Py_ssize_t kLong = 2048;  // from here on hashing goes on without the interpreter's lock

// ---- names and errors --------------------------------------------------------------------------------------------

struct NamePair {
  const char* python;
  const char* library;
  int nid;
};
constexpr NamePair kNames[] = {{"md5", "MD5", NID_md5},
                               {"sha1", "SHA1", NID_sha1},
                               {"sha224", "SHA2-224", NID_sha224},
                               {"sha256", "SHA2-256", NID_sha256},
                               {"sha384", "SHA2-384", NID_sha384},
                               {"sha512", "SHA2-512", NID_sha512},
                               {"sha512_224", "SHA2-512/224", NID_sha512_224},
                               {"sha512_256", "SHA2-512/256", NID_sha512_256},
                               {"sha3_224", "SHA3-224", NID_sha3_224},
                               {"sha3_256", "SHA3-256", NID_sha3_256},
                               {"sha3_384", "SHA3-384", NID_sha3_384},
                               {"sha3_512", "SHA3-512", NID_sha3_512},
                               {"shake_128", "SHAKE-128", NID_shake128},
                               {"shake_256", "SHAKE-256", NID_shake256},
                               {"blake2s", "BLAKE2S-256", NID_blake2s256},
                               {"blake2b", "BLAKE2B-512", NID_blake2b512}};

const char* python_name(const EVP_MD* md) {
  int nid = EVP_MD_get_type(md);
  for (const NamePair& n : kNames) {
    if (n.nid == nid) return n.python;
  }
  const char* name = OBJ_nid2ln(nid);
  return name != nullptr ? name : OBJ_nid2sn(nid);
}

// The error that libcrypto has queued; `otherwise` if there is none.
Raised raise_library(ThreadState& ts, PyObject* type, const char* otherwise) {
  unsigned long code = ERR_peek_last_error();
  if (code == 0) return raise(ts, type, "%s", otherwise != nullptr ? otherwise : "no reason supplied");
  const char* library = ERR_lib_error_string(code);
  const char* reason = ERR_reason_error_string(code);
  bool no_memory = ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
  ERR_clear_error();
  if (no_memory) return raise_memory(ts);
  if (reason == nullptr) reason = "no reason supplied";
  if (library != nullptr) return raise(ts, type, "[%s] %s", library, reason);
  return raise(ts, type, "%s", reason);
}

// A digest of the library; released at the end of the scope.
struct Md {
  EVP_MD* md = nullptr;
  Md() = default;
  Md(const Md&) = delete;
  Md& operator=(const Md&) = delete;
  ~Md() { EVP_MD_free(md); }
};
bool fetch(ThreadState& ts, const char* name, bool for_security, Md* out) {
  for (const NamePair& n : kNames) {
    if (std::strcmp(n.python, name) == 0) name = n.library;
  }
  out->md = EVP_MD_fetch(nullptr, name, for_security ? nullptr : "-fips");
  if (out->md == nullptr) (void)raise_library(ts, PyExc_ValueError, "unsupported hash type");
  return out->md != nullptr;
}
// digestmod: a name, or one of this module's functions.
bool fetch_object(ThreadState& ts, PyObject* m, PyObject* digest, Md* out) {
  PyObject* name = is_str(digest) ? digest : nullptr;
  if (name == nullptr) {
    name = PyCFunction_Check(digest) ? dict_peek(ts, state_of(m)->constructors, digest) : nullptr;
    if (name == nullptr) {
      if (!error_set(ts)) (void)raise(ts, state_of(m)->unsupported, "Unsupported digestmod %R", digest);
      return false;
    }
  }
  const char* c = PyUnicode_AsUTF8(name);
  return c != nullptr && fetch(ts, c, true, out);
}

// ---- HASH and HASHXOF --------------------------------------------------------------------------------------------

struct Hash {
  PyObject ob_base;
  EVP_MD_CTX* context;
  std::mutex lock;  // guards the context while the interpreter's lock is given up
};
Hash* as_hash(PyObject* o) { return reinterpret_cast<Hash*>(o); }

// Runs f under the object's lock. Waiting for it never keeps the interpreter's.
template <class F>
auto with_lock(std::mutex& lock, bool long_work, F f) {
  if (!long_work && lock.try_lock()) {
    auto r = f();
    lock.unlock();
    return r;
  }
  PyThreadState* saved = PyEval_SaveThread();
  lock.lock();
  auto r = f();
  lock.unlock();
  PyEval_RestoreThread(saved);
  return r;
}

Ref<> new_hash(ThreadState& ts, PyTypeObject* type) {
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  new (&as_hash(o.get())->lock) std::mutex;
  as_hash(o.get())->context = EVP_MD_CTX_new();
  return as_hash(o.get())->context != nullptr ? std::move(o) : Ref<>(raise_memory(ts));
}
void hash_dealloc(PyObject* o) {
  EVP_MD_CTX_free(as_hash(o)->context);
  as_hash(o)->lock.~mutex();
  heap_instance_free(o);
}
const EVP_MD* md_of(const Hash* h) { return EVP_MD_CTX_get0_md(h->context); }
bool is_xof(const EVP_MD* md) { return (EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) != 0; }

Status hash_feed(ThreadState& ts, Hash* h, const BufferArg& data) {
  bool ok = with_lock(h->lock, data.size() >= kLong,
                      [&] { return EVP_DigestUpdate(h->context, data.data(), static_cast<size_t>(data.size())) != 0; });
  return ok ? Status::kOk : Status(raise_library(ts, PyExc_ValueError, nullptr));
}
Status hash_update(ThreadState& ts, Hash* h, PyObject* data) {
  BufferArg buffer;
  return take_data(ts, data, &buffer) ? hash_feed(ts, h, buffer) : Status::kError;
}
Ref<> hash_with_md(ThreadState& ts, PyObject* m, const EVP_MD* md, PyObject* data) {
  BufferArg buffer;
  if (data != nullptr && !take_data(ts, data, &buffer)) return {};
  Ref<> o = new_hash(ts, is_xof(md) ? state_of(m)->xof_type : state_of(m)->hash_type);
  if (!o) return {};
  if (!EVP_DigestInit_ex(as_hash(o.get())->context, md, nullptr)) return raise_library(ts, PyExc_ValueError, nullptr);
  if (buffer.size() > 0 && failed(hash_feed(ts, as_hash(o.get()), buffer))) return {};
  return o;
}
Ref<> hash_copy(ThreadState& ts, Hash* h) {
  Ref<> o = new_hash(ts, h->ob_base.ob_type);
  if (!o) return {};
  EVP_MD_CTX* to = as_hash(o.get())->context;
  bool ok = with_lock(h->lock, false, [&] { return EVP_MD_CTX_copy_ex(to, h->context) != 0; });
  return ok ? std::move(o) : Ref<>(raise_library(ts, PyExc_ValueError, nullptr));
}
bool hash_finish(ThreadState& ts, Hash* h, std::vector<unsigned char>* out, bool xof) {
  bool ok = with_lock(h->lock, out->size() >= static_cast<size_t>(kLong), [&] {
    EVP_MD_CTX* copy = EVP_MD_CTX_new();
    unsigned n = 0;
    bool done = copy != nullptr && EVP_MD_CTX_copy_ex(copy, h->context) &&
                (xof ? EVP_DigestFinalXOF(copy, out->data(), out->size()) : EVP_DigestFinal_ex(copy, out->data(), &n));
    EVP_MD_CTX_free(copy);
    if (!xof) out->resize(n);
    return done;
  });
  if (!ok) (void)raise_library(ts, PyExc_ValueError, nullptr);
  return ok;
}
Ref<> hash_digest(ThreadState& ts, Hash* h) {
  std::vector<unsigned char> out(EVP_MAX_MD_SIZE);
  return hash_finish(ts, h, &out, false) ? bytes_from(ts, {reinterpret_cast<char*>(out.data()), out.size()}) : Ref<>();
}
Ref<> hash_hex(ThreadState& ts, Hash* h) {
  std::vector<unsigned char> out(EVP_MAX_MD_SIZE);
  return hash_finish(ts, h, &out, false) ? hex_text(ts, out.data(), out.size()) : Ref<>();
}
bool squeeze(ThreadState& ts, Hash* h, Py_ssize_t length, std::vector<unsigned char>* out) {
  if (length < 0) {
    (void)raise(ts, PyExc_SystemError, "Negative size passed to PyBytes_FromStringAndSize");
    return false;
  }
  if (length > PY_SSIZE_T_MAX / 4 || (length > (Py_ssize_t{1} << 40))) {
    (void)raise_memory(ts);
    return false;
  }
  out->resize(static_cast<size_t>(length));
  return length == 0 || hash_finish(ts, h, out, true);
}
Ref<> xof_digest(ThreadState& ts, Hash* h, Py_ssize_t length) {
  std::vector<unsigned char> out;
  if (!squeeze(ts, h, length, &out)) return {};
  return bytes_from(ts, {reinterpret_cast<char*>(out.data()), out.size()});
}
Ref<> xof_hex(ThreadState& ts, Hash* h, Py_ssize_t length) {
  std::vector<unsigned char> out;
  return squeeze(ts, h, length, &out) ? hex_text(ts, out.data(), out.size()) : Ref<>();
}
Ref<> hash_block_size(ThreadState& ts, Hash* h) { return int_from_i64(ts, EVP_MD_get_block_size(md_of(h))); }
Ref<> hash_digest_size(ThreadState& ts, Hash* h) { return int_from_i64(ts, is_xof(md_of(h)) ? 0 : EVP_MD_get_size(md_of(h))); }
Ref<> hash_name(ThreadState&, Hash* h) { return Ref<>::steal(PyUnicode_FromString(python_name(md_of(h)))); }
Ref<> hash_repr(ThreadState& ts, PyObject* o) {
  return str_format(ts, "<%s %s object @ %p>", python_name(md_of(as_hash(o))), o->ob_type->tp_name, o);
}

constexpr MethodSpec kHashMethods[] = {
    ATOLL_METHOD(hash_update, "update", "($self, obj, /)", "Update this hash object's state with the provided string."),
    ATOLL_METHOD(hash_digest, "digest", "($self, /)", "Return the digest value as a bytes object."),
    ATOLL_METHOD(hash_hex, "hexdigest", "($self, /)", "Return the digest value as a string of hexadecimal digits."),
    ATOLL_METHOD(hash_copy, "copy", "($self, /)", "Return a copy of the hash object."), ATOLL_METHOD_END};
constexpr MethodSpec kXofMethods[] = {
    ATOLL_METHOD(xof_digest, "digest", "($self, /, length)", "Return the digest value as a bytes object."),
    ATOLL_METHOD(xof_hex, "hexdigest", "($self, /, length)", "Return the digest value as a string of hexadecimal digits."), ATOLL_METHOD_END};
constexpr PyGetSetDef kHashGetSet[] = {{"digest_size", ATOLL_GETTER(hash_digest_size), nullptr, nullptr, nullptr},
                                       {"block_size", ATOLL_GETTER(hash_block_size), nullptr, nullptr, nullptr},
                                       {"name", ATOLL_GETTER(hash_name), nullptr, "algorithm name.", nullptr},
                                       ATOLL_GETSET_END};

// ---- HMAC --------------------------------------------------------------------------------------------------------

struct Hmac {
  PyObject ob_base;
  EVP_MAC_CTX* context;
  PyObject* name;  // of the digest
  std::mutex lock;
};
Hmac* as_hmac(PyObject* o) { return reinterpret_cast<Hmac*>(o); }

EVP_MAC_CTX* new_mac(const EVP_MD* md, const BufferArg& key) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  if (mac == nullptr) return nullptr;
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  EVP_MAC_free(mac);
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(EVP_MD_get0_name(md)), 0), OSSL_PARAM_construct_end()};
  // An empty key must not look like a missing one.
  static constexpr unsigned char kEmpty[1] = {0};
  if (context != nullptr && EVP_MAC_init(context, key.size() > 0 ? key.data() : kEmpty, static_cast<size_t>(key.size()), params)) return context;
  EVP_MAC_CTX_free(context);
  return nullptr;
}
Ref<> wrap_mac(ThreadState& ts, PyTypeObject* type, EVP_MAC_CTX* context, PyObject* name) {
  if (context == nullptr) return raise_library(ts, PyExc_ValueError, nullptr);
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) {
    EVP_MAC_CTX_free(context);
    return {};
  }
  new (&as_hmac(o.get())->lock) std::mutex;
  as_hmac(o.get())->context = context;
  as_hmac(o.get())->name = new_ref(name);
  return o;
}
void hmac_dealloc(PyObject* o) {
  EVP_MAC_CTX_free(as_hmac(o)->context);
  clear_field(as_hmac(o)->name);
  as_hmac(o)->lock.~mutex();
  heap_instance_free(o);
}
Status hmac_update(ThreadState& ts, Hmac* h, PyObject* message) {
  BufferArg data;
  if (!take_data(ts, message, &data)) return Status::kError;
  bool ok = with_lock(h->lock, data.size() >= kLong,
                      [&] { return EVP_MAC_update(h->context, data.data(), static_cast<size_t>(data.size())) != 0; });
  return ok ? Status::kOk : Status(raise_library(ts, PyExc_ValueError, nullptr));
}
EVP_MAC_CTX* hmac_duplicate(Hmac* h) {
  return with_lock(h->lock, false, [&] { return EVP_MAC_CTX_dup(h->context); });
}
Ref<> hmac_copy(ThreadState& ts, Hmac* h) { return wrap_mac(ts, h->ob_base.ob_type, hmac_duplicate(h), h->name); }
bool hmac_finish(ThreadState& ts, Hmac* h, unsigned char* out, size_t* n) {
  EVP_MAC_CTX* copy = hmac_duplicate(h);
  bool ok = copy != nullptr && EVP_MAC_final(copy, out, n, EVP_MAX_MD_SIZE);
  EVP_MAC_CTX_free(copy);
  if (!ok) (void)raise_library(ts, PyExc_ValueError, nullptr);
  return ok;
}
Ref<> hmac_digest(ThreadState& ts, Hmac* h) {
  unsigned char out[EVP_MAX_MD_SIZE];
  size_t n;
  return hmac_finish(ts, h, out, &n) ? bytes_from(ts, {reinterpret_cast<char*>(out), n}) : Ref<>();
}
Ref<> hmac_hex(ThreadState& ts, Hmac* h) {
  unsigned char out[EVP_MAX_MD_SIZE];
  size_t n;
  return hmac_finish(ts, h, out, &n) ? hex_text(ts, out, n) : Ref<>();
}
Ref<> hmac_digest_size(ThreadState& ts, Hmac* h) { return int_from_i64(ts, static_cast<int64_t>(EVP_MAC_CTX_get_mac_size(h->context))); }
Ref<> hmac_block_size(ThreadState& ts, Hmac* h) { return int_from_i64(ts, static_cast<int64_t>(EVP_MAC_CTX_get_block_size(h->context))); }
Ref<> hmac_name(ThreadState& ts, Hmac* h) { return str_format(ts, "hmac-%U", h->name); }
Ref<> hmac_repr(ThreadState& ts, PyObject* o) { return str_format(ts, "<%U HMAC object @ %p>", as_hmac(o)->name, o); }

constexpr MethodSpec kHmacMethods[] = {
    ATOLL_METHOD(hmac_update, "update", "($self, /, msg)", "Update the HMAC object with msg."),
    ATOLL_METHOD(hmac_digest, "digest", "($self, /)", "Return the digest of the bytes passed to the update() method so far."),
    ATOLL_METHOD(hmac_hex, "hexdigest", "($self, /)", "Return the digest as hexadecimal digits, for where bytes are not welcome."),
    ATOLL_METHOD(hmac_copy, "copy", "($self, /)", "Return a copy (\"clone\") of the HMAC object."), ATOLL_METHOD_END};
constexpr PyGetSetDef kHmacGetSet[] = {{"digest_size", ATOLL_GETTER(hmac_digest_size), nullptr, nullptr, nullptr},
                                       {"block_size", ATOLL_GETTER(hmac_block_size), nullptr, nullptr, nullptr},
                                       {"name", ATOLL_GETTER(hmac_name), nullptr, nullptr, nullptr},
                                       ATOLL_GETSET_END};

// ---- functions ---------------------------------------------------------------------------------------------------

Ref<> f_new(ThreadState& ts, PyObject* m, PyObject* name, PyObject* data, bool for_security) {
  if (!is_str(name)) return raise(ts, PyExc_TypeError, "name must be a string");
  const char* c = PyUnicode_AsUTF8(name);
  Md md;
  return c != nullptr && fetch(ts, c, for_security, &md) ? hash_with_md(ts, m, md.md, data) : Ref<>();
}
template <int kIndex>
Ref<> f_named(ThreadState& ts, PyObject* m, PyObject* data, bool for_security) {
  Md md;
  return fetch(ts, kNames[kIndex].python, for_security, &md) ? hash_with_md(ts, m, md.md, data) : Ref<>();
}

Ref<> f_hmac_new(ThreadState& ts, PyObject* m, const BufferArg& key, PyObject* message, PyObject* digest) {
  if (key.size() > INT_MAX) return raise(ts, PyExc_OverflowError, "key is too long.");
  if (digest == nullptr) return raise(ts, PyExc_TypeError, "Missing required parameter 'digestmod'.");
  Md md;
  if (!fetch_object(ts, m, digest, &md)) return {};
  Ref<> name = Ref<>::steal(PyUnicode_FromString(python_name(md.md)));
  if (!name) return {};
  if (is_xof(md.md)) return raise_library(ts, PyExc_ValueError, nullptr);
  Ref<> h = wrap_mac(ts, state_of(m)->hmac_type, new_mac(md.md, key), name.get());
  if (!h || (message != nullptr && message != Py_None && failed(hmac_update(ts, as_hmac(h.get()), message)))) return {};
  return h;
}
Ref<> f_hmac_digest(ThreadState& ts, PyObject* m, const BufferArg& key, const BufferArg& message, PyObject* digest) {
  Md md;
  if (!fetch_object(ts, m, digest, &md)) return {};
  if (key.size() > INT_MAX) return raise(ts, PyExc_OverflowError, "key is too long.");
  if (message.size() > INT_MAX) return raise(ts, PyExc_OverflowError, "msg is too long.");
  if (is_xof(md.md)) return raise_library(ts, PyExc_ValueError, nullptr);
  unsigned char out[EVP_MAX_MD_SIZE];
  size_t n = 0;
  PyThreadState* saved = PyEval_SaveThread();
  EVP_MAC_CTX* context = new_mac(md.md, key);
  bool ok = context != nullptr && EVP_MAC_update(context, message.data(), static_cast<size_t>(message.size())) &&
            EVP_MAC_final(context, out, &n, sizeof out);
  EVP_MAC_CTX_free(context);
  PyEval_RestoreThread(saved);
  if (!ok) return raise_library(ts, PyExc_ValueError, nullptr);
  return bytes_from(ts, {reinterpret_cast<char*>(out), n});
}

Ref<> f_pbkdf2_hmac(ThreadState& ts, PyObject*, PyUnicodeObject* hash_name, const BufferArg& password, const BufferArg& salt, Py_ssize_t iterations,
                    PyObject* length) {
  const char* name = PyUnicode_AsUTF8(obj(hash_name));
  Md md;
  if (name == nullptr || !fetch(ts, name, true, &md)) return {};
  if (password.size() > INT_MAX) return raise(ts, PyExc_OverflowError, "password is too long.");
  if (salt.size() > INT_MAX) return raise(ts, PyExc_OverflowError, "salt is too long.");
  if (iterations < 1) return raise(ts, PyExc_ValueError, "iteration value must be greater than 0.");
  if (iterations > INT_MAX) return raise(ts, PyExc_OverflowError, "iteration value is too great.");
  int64_t n = EVP_MD_get_size(md.md);
  if (length != nullptr && length != Py_None) {
    Ref<> index = number_index(ts, length);
    if (!index || failed(int_as_i64(ts, index.get(), &n))) return {};
  }
  if (n < 1) return raise(ts, PyExc_ValueError, "key length must be greater than 0.");
  if (n > INT_MAX) return raise(ts, PyExc_OverflowError, "key length is too great.");
  std::vector<unsigned char> key(static_cast<size_t>(n));
  PyThreadState* saved = PyEval_SaveThread();
  bool ok = PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(password.data()), static_cast<int>(password.size()), salt.data(), static_cast<int>(salt.size()),
                              static_cast<int>(iterations), md.md, static_cast<int>(n), key.data());
  PyEval_RestoreThread(saved);
  return ok ? bytes_from(ts, {reinterpret_cast<char*>(key.data()), key.size()}) : Ref<>(raise_library(ts, PyExc_ValueError, nullptr));
}

bool scrypt_number(ThreadState& ts, PyObject* o, const char* name, uint64_t* out) {
  if (o == nullptr) {
    (void)raise(ts, PyExc_TypeError, "%s is required and must be an unsigned int", name);
    return false;
  }
  if (!is_int(o)) {
    (void)raise(ts, PyExc_TypeError, "scrypt() argument '%s' must be int, not %s", name, o == Py_None ? "None" : o->ob_type->tp_name);
    return false;
  }
  *out = PyLong_AsUnsignedLong(o);
  if (!error_set(ts)) return true;
  error_clear(ts);
  (void)raise(ts, PyExc_TypeError, "%s is required and must be an unsigned int", name);
  return false;
}
Ref<> f_scrypt(ThreadState& ts, PyObject*, const BufferArg& password, PyObject* salt_arg, PyObject* n_arg, PyObject* r_arg, PyObject* p_arg,
               Py_ssize_t max_memory, Py_ssize_t length) {
  for (auto [given, name] : {std::pair{n_arg, "n"}, std::pair{r_arg, "r"}, std::pair{p_arg, "p"}}) {
    uint64_t unused;
    if (given != nullptr && !is_int(given) && !scrypt_number(ts, given, name, &unused)) return {};
  }
  BufferArg salt;
  if (salt_arg != nullptr && salt_arg != Py_None && PyObject_GetBuffer(salt_arg, &salt.view, PyBUF_SIMPLE) < 0) return {};
  if (password.size() > INT_MAX) return raise(ts, PyExc_OverflowError, "password is too long.");
  if (salt_arg == nullptr || salt_arg == Py_None) return raise(ts, PyExc_TypeError, "salt is required");
  if (salt.size() > INT_MAX) return raise(ts, PyExc_OverflowError, "salt is too long.");
  uint64_t n, r, p;
  if (!scrypt_number(ts, n_arg, "n", &n)) return {};
  if (n < 2 || (n & (n - 1)) != 0) return raise(ts, PyExc_ValueError, "n must be a power of 2.");
  if (!scrypt_number(ts, r_arg, "r", &r) || !scrypt_number(ts, p_arg, "p", &p)) return {};
  if (max_memory < 0 || max_memory > INT_MAX) return raise(ts, PyExc_ValueError, "maxmem must be positive and smaller than %d", INT_MAX);
  if (length < 1 || length > INT_MAX) return raise(ts, PyExc_ValueError, "dklen must be greater than 0 and smaller than %d", INT_MAX);
  auto memory = static_cast<uint64_t>(max_memory);
  // Without a place for the key the parameters are checked only.
  if (!EVP_PBE_scrypt(nullptr, 0, nullptr, 0, n, r, p, memory, nullptr, 0)) {
    return raise_library(ts, PyExc_ValueError, "Invalid parameter combination for n, r, p, maxmem.");
  }
  std::vector<unsigned char> key(static_cast<size_t>(length));
  PyThreadState* saved = PyEval_SaveThread();
  bool ok = EVP_PBE_scrypt(reinterpret_cast<const char*>(password.data()), static_cast<size_t>(password.size()), salt.data(),
                           static_cast<size_t>(salt.size()), n, r, p, memory, key.data(), key.size());
  PyEval_RestoreThread(saved);
  return ok ? bytes_from(ts, {reinterpret_cast<char*>(key.data()), key.size()}) : Ref<>(raise_library(ts, PyExc_ValueError, nullptr));
}

Ref<> f_get_fips_mode(ThreadState& ts, PyObject*) { return int_from_i64(ts, EVP_default_properties_is_fips_enabled(nullptr)); }
Tri f_compare_digest(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) {
  if (is_str(a) && is_str(b)) {
    if (!str_is_ascii(a) || !str_is_ascii(b)) {
      return raise(ts, PyExc_TypeError, "comparing strings with non-ASCII characters is not supported");
    }
    auto n = static_cast<size_t>(str_length(a));
    return tri(str_length(a) == str_length(b) && CRYPTO_memcmp(str_data(a), str_data(b), n) == 0);
  }
  if (!PyObject_CheckBuffer(a) && !PyObject_CheckBuffer(b)) {
    return raise(ts, PyExc_TypeError, "unsupported operand types(s) or combination of types: '%.100s' and '%.100s'", a->ob_type->tp_name,
                 b->ob_type->tp_name);
  }
  BufferArg x, y;
  for (auto [o, arg] : {std::pair{a, &x}, std::pair{b, &y}}) {
    if (PyObject_GetBuffer(o, &arg->view, PyBUF_SIMPLE) < 0) return Tri::kError;
    if (arg->view.ndim > 1) return raise(ts, PyExc_BufferError, "Buffer must be single dimension");
  }
  return tri(x.size() == y.size() && CRYPTO_memcmp(x.data(), y.data(), static_cast<size_t>(x.size())) == 0);
}

#define ATOLL_OPENSSL(index, name)                                                                             \
  ATOLL_METHOD(f_named<index>, "openssl_" name, "($module, /, string=b'', *, usedforsecurity=True)",           \
               "Returns a " name " hash object; optionally initialized with a string")

constexpr MethodSpec kConstructors[] = {ATOLL_OPENSSL(0, "md5"),       ATOLL_OPENSSL(1, "sha1"),       ATOLL_OPENSSL(2, "sha224"),
                                        ATOLL_OPENSSL(3, "sha256"),    ATOLL_OPENSSL(4, "sha384"),     ATOLL_OPENSSL(5, "sha512"),
                                        ATOLL_OPENSSL(8, "sha3_224"),  ATOLL_OPENSSL(9, "sha3_256"),   ATOLL_OPENSSL(10, "sha3_384"),
                                        ATOLL_OPENSSL(11, "sha3_512"), ATOLL_OPENSSL(12, "shake_128"), ATOLL_OPENSSL(13, "shake_256"),
                                        ATOLL_METHOD_END};
constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_new, "new", "($module, /, name, string=b'', *, usedforsecurity=True)",
                 "Return a new hash object using the named algorithm.\n\nIt may be fed with a first string right away."),
    ATOLL_METHOD(f_pbkdf2_hmac, "pbkdf2_hmac", "($module, /, hash_name, password, salt, iterations,\n            dklen=None)",
                 "Password based key derivation function 2 (PKCS #5 v2.0) with HMAC as pseudorandom function."),
    ATOLL_METHOD(f_scrypt, "scrypt", "($module, /, password, *, salt=None, n=None, r=None, p=None,\n       maxmem=0, dklen=64)",
                 "scrypt password-based key derivation function."),
    ATOLL_METHOD(f_get_fips_mode, "get_fips_mode", "($module, /)", "Is libcrypto restricted to what FIPS allows? Not zero if so."),
    ATOLL_METHOD(f_compare_digest, "compare_digest", "($module, a, b, /)",
                 "Return 'a == b', in a time that does not depend on where they differ.\n\n"
                 "Both are bytes-like objects, or strings of ASCII characters."),
    ATOLL_METHOD(f_hmac_digest, "hmac_digest", "($module, /, key, msg, digest)", "Single-shot HMAC."),
    ATOLL_METHOD(f_hmac_new, "hmac_new", "($module, /, key, msg=b'', digestmod=None)", "Return a new hmac object."), ATOLL_METHOD_END};

// ---- the module --------------------------------------------------------------------------------------------------

PyTypeObject* make_hash_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(hash_dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(hash_repr))},
                         {Py_tp_doc, const_cast<char*>("HASH(name, string=b\'\')\n--\n\nA hash is an object used to calculate a checksum of a string of information.\n\n"
                                                       "update() feeds it, digest() and hexdigest() give the checksum so far, copy() a second object in the same state;\n"
                                                       "name and digest_size tell the algorithm and the number of bytes in the checksum.")},
                         {Py_tp_methods, const_cast<MethodSpec*>(kHashMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kHashGetSet)},
                         {0, nullptr}};
  PyType_Spec spec{"_hashlib.HASH", sizeof(Hash), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return heap_type(m, spec);
}
PyTypeObject* make_xof_type(PyObject* m, PyTypeObject* base) {
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("HASHXOF(name, string=b\'\')\n--\n\nA hash whose digests have any length: digest(length), hexdigest(length).")},
                         {Py_tp_methods, const_cast<MethodSpec*>(kXofMethods)},
                         {0, nullptr}};
  PyType_Spec spec{"_hashlib.HASHXOF", sizeof(Hash), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return heap_type(m, spec, base);
}
PyTypeObject* make_hmac_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(hmac_dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(hmac_repr))},
                         {Py_tp_doc, const_cast<char*>("The object used to calculate HMAC of a message.\n\n"
                                                       "update() feeds it, digest() and hexdigest() give the code so far, copy() a second object in the same state.")},
                         {Py_tp_methods, const_cast<MethodSpec*>(kHmacMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kHmacGetSet)},
                         {0, nullptr}};
  PyType_Spec spec{"_hashlib.HMAC", sizeof(Hmac), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return heap_type(m, spec);
}

void collect_name(EVP_MD* md, void* set) {
  if (EVP_MD_get_type(md) == NID_undef) return;
  const char* name = python_name(md);
  Ref<> s = name != nullptr ? Ref<>::steal(PyUnicode_FromString(name)) : Ref<>();
  if (s) PySet_Add(static_cast<PyObject*>(set), s.get());
}
int add_names(PyObject* m) {
  Ref<> set = Ref<>::steal(PySet_New(nullptr));
  if (!set) return -1;
  EVP_MD_do_all_provided(nullptr, collect_name, set.get());
  Ref<> frozen = Ref<>::steal(PyFrozenSet_New(set.get()));
  return !frozen || PyErr_Occurred() ? -1 : PyModule_AddObjectRef(m, "openssl_md_meth_names", frozen.get());
}
int add_constructors(PyObject* m) {
  State* s = state_of(m);
  s->constructors = PyDict_New();
  if (s->constructors == nullptr || PyModule_AddFunctions(m, const_cast<PyMethodDef*>(kConstructors[0].c())) < 0) return -1;
  for (const MethodSpec* f = kConstructors; f->name != nullptr; ++f) {
    Ref<> function = Ref<>::steal(PyObject_GetAttrString(m, f->name));
    Ref<> name = Ref<>::steal(PyUnicode_FromString(f->name + std::strlen("openssl_")));
    if (!function || !name || PyDict_SetItem(s->constructors, function.get(), name.get()) < 0) return -1;
  }
  Ref<> proxy = Ref<>::steal(PyDictProxy_New(s->constructors));
  return proxy ? PyModule_AddObjectRef(m, "_constructors", proxy.get()) : -1;
}

int exec(PyObject* m) {
  State* s = state_of(m);
  s->hash_type = make_hash_type(m);
  s->xof_type = s->hash_type != nullptr ? make_xof_type(m, s->hash_type) : nullptr;
  s->hmac_type = s->xof_type != nullptr ? make_hmac_type(m) : nullptr;
  if (s->hmac_type == nullptr) return -1;
  for (PyTypeObject* type : {s->hash_type, s->xof_type, s->hmac_type}) {
    if (PyModule_AddType(m, type) < 0) return -1;
  }
  s->unsupported = PyErr_NewException("_hashlib.UnsupportedDigestmodError", PyExc_ValueError, nullptr);
  if (s->unsupported == nullptr || PyModule_AddObjectRef(m, "UnsupportedDigestmodError", s->unsupported) < 0) return -1;
  return add_names(m) < 0 ? -1 : add_constructors(m);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  State* s = state_of(m);
  Py_VISIT(obj(s->hash_type));
  Py_VISIT(obj(s->xof_type));
  Py_VISIT(obj(s->hmac_type));
  Py_VISIT(s->unsupported);
  Py_VISIT(s->constructors);
  return 0;
}
int clear(PyObject* m) {
  State* s = state_of(m);
  clear_field(s->hash_type);
  clear_field(s->xof_type);
  clear_field(s->hmac_type);
  clear_field(s->unsupported);
  clear_field(s->constructors);
  return 0;
}

}  // namespace

}  // namespace atl::hash

ATOLL_BUILTIN_MODULE_GC(PyInit__hashlib, "_hashlib", "OpenSSL interface for hashlib module", sizeof(atl::hash::State), atl::hash::kFunctions,
                        atl::hash::exec, atl::hash::traverse, atl::hash::clear, nullptr)

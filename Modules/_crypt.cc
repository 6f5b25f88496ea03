// _crypt: passwords one way, by libcrypt.
#include <crypt.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "Modules/module_tools.h"
#include "Objects/str/str.h"

namespace atl {

namespace {

const char* text_of(ThreadState& ts, PyUnicodeObject* s) {
  Py_ssize_t n;
  const char* c = PyUnicode_AsUTF8AndSize(obj(s), &n);
  if (c != nullptr && std::strlen(c) != static_cast<size_t>(n)) return raise(ts, PyExc_ValueError, "embedded null character");
  return c;
}
Ref<> f_crypt(ThreadState& ts, PyObject*, PyUnicodeObject* word, PyUnicodeObject* salt) {
  const char* w = text_of(ts, word);
  const char* s = w != nullptr ? text_of(ts, salt) : nullptr;
  if (s == nullptr) return {};
  auto room = std::make_unique<crypt_data>();  // 32 KiB
  const char* result = crypt_r(w, s, room.get());
  return result != nullptr ? Ref<>::steal(PyUnicode_FromString(result)) : Ref<>(raise_os_error(ts, errno));
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_crypt, "crypt", "($module, word, salt, /)",
                 "Hash a *word* with the given *salt* and return the hashed password.\n\n"
                 "The salt says which method is used, too; both it and the method stand in the result."),
    ATOLL_METHOD_END};

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__crypt, "_crypt", nullptr, 0, atl::kFunctions, atl::module_exec_nothing)

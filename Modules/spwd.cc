// spwd: the database of shadow passwords.
#include <shadow.h>

#include <string>
#include <vector>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "Objects/list.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {


PyObject* text_or_none(const char* s) { return s != nullptr ? PyUnicode_DecodeFSDefault(s) : new_ref(Py_None); }

Ref<> make_record(ThreadState& ts, PyObject*, const struct spwd& s) {
  StructFiller r(&atoll_struct_spwd_type);
  r.add(text_or_none(s.sp_namp)).add(text_or_none(s.sp_pwdp));
  for (long n : {s.sp_lstchg, s.sp_min, s.sp_max, s.sp_warn, s.sp_inact, s.sp_expire, static_cast<long>(s.sp_flag)}) r.add(int_from_i64(ts, n).release());
  // The first two once more, under their older names.
  return r.add(text_or_none(s.sp_namp)).add(text_or_none(s.sp_pwdp)).finish();
}

Ref<> f_getspnam(ThreadState& ts, PyObject* m, PyUnicodeObject* name) {
  Ref<> bytes = Ref<>::steal(PyUnicode_EncodeFSDefault(obj(name)));
  char* c;
  if (!bytes || PyBytes_AsStringAndSize(bytes.get(), &c, nullptr) < 0) return {};
  std::vector<char> room;
  for (size_t size = 1024;; size *= 2) {
    room.resize(size);
    struct spwd entry, *found = nullptr;
    errno = 0;
    int e = posix::unlocked([&] { return getspnam_r(c, &entry, room.data(), size, &found); });
    if (found != nullptr) return make_record(ts, m, entry);
    if (e == ERANGE && size < (size_t{1} << 26)) continue;
    if (e == EACCES || e == EPERM) return raise_os_error(ts, e);
    return raise(ts, PyExc_KeyError, "getspnam(): name not found");
  }
}
// The position of a walk is the process's, so the walk is done in one go, under the runtime's lock for such state, into copies.
struct Copy {
  std::string name, password;
  struct spwd entry;
};
Ref<> f_getspall(ThreadState& ts, PyObject* m) {
  std::vector<Copy> all;
  posix::unlocked([&] {
    std::lock_guard hold(runtime().libc.lock);
    setspent();
    while (struct spwd* s = getspent()) all.push_back({s->sp_namp, s->sp_pwdp != nullptr ? s->sp_pwdp : "", *s});
    endspent();
    return 0;
  });
  Ref<> list = list_new(ts, 0);
  for (Copy& c : all) {
    if (!list) return {};
    c.entry.sp_namp = c.name.data();
    if (c.entry.sp_pwdp != nullptr) c.entry.sp_pwdp = c.password.data();
    Ref<> item = make_record(ts, m, c.entry);
    if (!item || failed(list_append(ts, list.get(), std::move(item)))) return {};
  }
  return list;
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_getspnam, "getspnam", "($module, arg, /)", "The entry of a user."),
    ATOLL_METHOD(f_getspall, "getspall", "($module, /)", "A list of all entries, in no particular order."), ATOLL_METHOD_END};

constexpr PyStructSequence_Field kFields[] = {
    {"sp_namp", "login name"},
    {"sp_pwdp", "encrypted password"},
    {"sp_lstchg", "date of last change"},
    {"sp_min", "min #days between changes"},
    {"sp_max", "max #days between changes"},
    {"sp_warn", "#days before pw expires to warn user about it"},
    {"sp_inact", "#days after pw expires until account is disabled"},
    {"sp_expire", "#days since 1970-01-01 when account expires"},
    {"sp_flag", "reserved"},
    {"sp_nam", "login name; deprecated"},
    {"sp_pwd", "encrypted password; deprecated"},
    {nullptr, nullptr}};

}  // namespace

constinit const StructSpec spwd_struct_spwd_struct{"spwd.struct_spwd", "An entry of the shadow database: a tuple whose items have names.", kFields, 9};

namespace {

int exec(PyObject* m) {
  ThreadState& ts = current_thread();
  if (failed(warn(ts, PyExc_DeprecationWarning, 7, "'spwd' is deprecated and slated for removal in Python 3.13"))) return -1;
  return PyModule_AddObjectRef(m, "struct_spwd", obj(&atoll_struct_spwd_type));
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_spwd, "spwd", "The database of shadow passwords, which needs privileges to be read.", 0, atl::kFunctions, atl::exec)

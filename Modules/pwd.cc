// pwd: the user database.
#include <pwd.h>

#include <string>
#include <vector>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "Objects/list.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {


PyObject* text_or_none(const char* s) { return s != nullptr ? PyUnicode_DecodeFSDefault(s) : new_ref(Py_None); }
PyObject* id_number(ThreadState& ts, unsigned id) { return int_from_i64(ts, id == ~0u ? -1 : int64_t{id}).release(); }

Ref<> make_record(ThreadState& ts, PyObject*, const passwd& p) {
  StructFiller r(&atoll_struct_passwd_type);
  r.add(text_or_none(p.pw_name)).add(text_or_none(p.pw_passwd)).add(id_number(ts, p.pw_uid)).add(id_number(ts, p.pw_gid));
  return r.add(text_or_none(p.pw_gecos)).add(text_or_none(p.pw_dir)).add(text_or_none(p.pw_shell)).finish();
}

// Calls a reentrant look-up with as much room as it wants. kFalse: not found.
template <class F>
Tri look_up(ThreadState& ts, F call, passwd* entry, std::vector<char>* room) {
  for (size_t size = 1024;; size *= 2) {
    room->resize(size);
    passwd* found = nullptr;
    int e = posix::unlocked([&] { return call(entry, room->data(), size, &found); });
    if (found != nullptr) return Tri::kTrue;
    if (e != ERANGE) return Tri::kFalse;
    if (size > (size_t{1} << 26)) return raise_memory(ts);
  }
}

Ref<> f_getpwuid(ThreadState& ts, PyObject* m, PyObject* uid) {
  unsigned id;
  if (!posix::as_id(ts, uid, &id, "uid")) {
    if (error_clear_if(ts, PyExc_OverflowError)) return raise(ts, PyExc_KeyError, "getpwuid(): uid not found");
    return {};
  }
  passwd entry;
  std::vector<char> room;
  Tri found = look_up(ts, [id](passwd* p, char* buffer, size_t n, passwd** r) { return getpwuid_r(id, p, buffer, n, r); }, &entry, &room);
  if (failed(found)) return {};
  if (found == Tri::kTrue) return make_record(ts, m, entry);
  Ref<> number = Ref<>::steal(id_number(ts, id));
  return number ? Ref<>(raise(ts, PyExc_KeyError, "getpwuid(): uid not found: %S", number.get())) : Ref<>();
}
Ref<> f_getpwnam(ThreadState& ts, PyObject* m, PyUnicodeObject* name) {
  Ref<> bytes = Ref<>::steal(PyUnicode_EncodeFSDefault(obj(name)));
  char* c;
  if (!bytes || PyBytes_AsStringAndSize(bytes.get(), &c, nullptr) < 0) return {};
  passwd entry;
  std::vector<char> room;
  Tri found = look_up(ts, [c](passwd* p, char* buffer, size_t n, passwd** r) { return getpwnam_r(c, p, buffer, n, r); }, &entry, &room);
  if (failed(found)) return {};
  if (found == Tri::kTrue) return make_record(ts, m, entry);
  return raise(ts, PyExc_KeyError, "getpwnam(): name not found: %R", obj(name));
}
// The position of a walk is the process's, so the walk is done in one go, under the runtime's lock for such state, into copies.
struct Copy {
  std::string texts[5];
  bool has[5];
  uid_t uid;
  gid_t gid;
};
Ref<> f_getpwall(ThreadState& ts, PyObject* m) {
  std::vector<Copy> all;
  posix::unlocked([&] {
    std::lock_guard hold(runtime().libc.lock);
    setpwent();
    while (passwd* p = getpwent()) {
      Copy c{{}, {}, p->pw_uid, p->pw_gid};
      int i = 0;
      for (const char* text : {p->pw_name, p->pw_passwd, p->pw_gecos, p->pw_dir, p->pw_shell}) {
        c.has[i] = text != nullptr;
        if (text != nullptr) c.texts[i] = text;
        ++i;
      }
      all.push_back(std::move(c));
    }
    endpwent();
    return 0;
  });
  Ref<> list = list_new(ts, 0);
  for (Copy& c : all) {
    auto text = [&](int i) { return c.has[i] ? c.texts[i].data() : nullptr; };
    passwd p{text(0), text(1), c.uid, c.gid, text(2), text(3), text(4)};
    Ref<> item = list ? make_record(ts, m, p) : Ref<>();
    if (!item || failed(list_append(ts, list.get(), std::move(item)))) return {};
  }
  return list;
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_getpwuid, "getpwuid", "($module, uidobj, /)", "The entry of a user, by number."),
    ATOLL_METHOD(f_getpwnam, "getpwnam", "($module, name, /)", "The entry of a user, by name."),
    ATOLL_METHOD(f_getpwall, "getpwall", "($module, /)", "A list of all entries, in no particular order."), ATOLL_METHOD_END};

constexpr PyStructSequence_Field kFields[] = {
    {"pw_name", "user name"},
    {"pw_passwd", "password"},
    {"pw_uid", "user id"},
    {"pw_gid", "group id"},
    {"pw_gecos", "real name"},
    {"pw_dir", "home directory"},
    {"pw_shell", "shell program"},
    {nullptr, nullptr}};

}  // namespace

constinit const StructSpec pwd_struct_passwd_struct{"pwd.struct_passwd", "An entry of the user database: a tuple whose items have names.", kFields, 7};

namespace {

int exec(PyObject* m) {
  return PyModule_AddObjectRef(m, "struct_passwd", obj(&atoll_struct_passwd_type));
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_pwd, "pwd",
                     "The user database.\n\nAn entry is a tuple (pw_name, pw_passwd, pw_uid, pw_gid, pw_gecos, pw_dir, pw_shell)\n"
                        "whose items have those names; the numbers are integers, everything else is text.",
                        0, atl::kFunctions, atl::exec)

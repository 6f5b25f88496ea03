// grp: the group database.
#include <grp.h>

#include <string>
#include <vector>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "Objects/list.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {


PyObject* id_number(ThreadState& ts, unsigned id) { return int_from_i64(ts, id == ~0u ? -1 : int64_t{id}).release(); }

Ref<> make_record(ThreadState& ts, PyObject*, const group& g) {
  Ref<> members = list_new(ts, 0);
  for (char** name = g.gr_mem; members && name != nullptr && *name != nullptr; ++name) {
    Ref<> s = Ref<>::steal(PyUnicode_DecodeFSDefault(*name));
    if (!s || failed(list_append(ts, members.get(), std::move(s)))) return {};
  }
  StructFiller r(&atoll_struct_group_type);
  r.add(PyUnicode_DecodeFSDefault(g.gr_name)).add(g.gr_passwd != nullptr ? PyUnicode_DecodeFSDefault(g.gr_passwd) : new_ref(Py_None));
  return r.add(id_number(ts, g.gr_gid)).add(members.release()).finish();
}

// Calls a reentrant look-up with as much room as it wants. kFalse: not found.
template <class F>
Tri look_up(ThreadState& ts, F call, group* entry, std::vector<char>* room) {
  for (size_t size = 1024;; size *= 2) {
    room->resize(size);
    group* found = nullptr;
    int e = posix::unlocked([&] { return call(entry, room->data(), size, &found); });
    if (found != nullptr) return Tri::kTrue;
    if (e != ERANGE) return Tri::kFalse;
    if (size > (size_t{1} << 26)) return raise_memory(ts);
  }
}

Ref<> f_getgrgid(ThreadState& ts, PyObject* m, posix::GroupId gid) {
  group entry;
  std::vector<char> room;
  Tri found = look_up(ts, [&](group* g, char* buffer, size_t n, group** r) { return getgrgid_r(gid.id, g, buffer, n, r); }, &entry, &room);
  if (failed(found)) return {};
  if (found == Tri::kTrue) return make_record(ts, m, entry);
  Ref<> number = Ref<>::steal(id_number(ts, gid.id));
  return number ? Ref<>(raise(ts, PyExc_KeyError, "getgrgid(): gid not found: %S", number.get())) : Ref<>();
}
Ref<> f_getgrnam(ThreadState& ts, PyObject* m, PyUnicodeObject* name) {
  Ref<> bytes = Ref<>::steal(PyUnicode_EncodeFSDefault(obj(name)));
  char* c;
  if (!bytes || PyBytes_AsStringAndSize(bytes.get(), &c, nullptr) < 0) return {};
  group entry;
  std::vector<char> room;
  Tri found = look_up(ts, [c](group* g, char* buffer, size_t n, group** r) { return getgrnam_r(c, g, buffer, n, r); }, &entry, &room);
  if (failed(found)) return {};
  if (found == Tri::kTrue) return make_record(ts, m, entry);
  return raise(ts, PyExc_KeyError, "getgrnam(): name not found: %R", obj(name));
}
// The position of a walk is the process's, so the walk is done in one go, under the runtime's lock for such state, into copies.
struct Copy {
  std::string name, password;
  bool has_password;
  gid_t gid;
  std::vector<std::string> members;
};
Ref<> f_getgrall(ThreadState& ts, PyObject* m) {
  std::vector<Copy> all;
  posix::unlocked([&] {
    std::lock_guard hold(runtime().libc.lock);
    setgrent();
    while (group* g = getgrent()) {
      Copy c{g->gr_name, g->gr_passwd != nullptr ? g->gr_passwd : "", g->gr_passwd != nullptr, g->gr_gid, {}};
      for (char** name = g->gr_mem; name != nullptr && *name != nullptr; ++name) c.members.push_back(*name);
      all.push_back(std::move(c));
    }
    endgrent();
    return 0;
  });
  Ref<> list = list_new(ts, 0);
  for (Copy& c : all) {
    std::vector<char*> members;
    for (std::string& name : c.members) members.push_back(name.data());
    members.push_back(nullptr);
    group g{c.name.data(), c.has_password ? c.password.data() : nullptr, c.gid, members.data()};
    Ref<> item = list ? make_record(ts, m, g) : Ref<>();
    if (!item || failed(list_append(ts, list.get(), std::move(item)))) return {};
  }
  return list;
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_getgrgid, "getgrgid", "($module, /, id)", "The entry of a group, by number."),
    ATOLL_METHOD(f_getgrnam, "getgrnam", "($module, /, name)", "The entry of a group, by name."),
    ATOLL_METHOD(f_getgrall, "getgrall", "($module, /)", "A list of all entries, in no particular order."), ATOLL_METHOD_END};

constexpr PyStructSequence_Field kFields[] = {
    {"gr_name", "group name"},
    {"gr_passwd", "password"},
    {"gr_gid", "group id"},
    {"gr_mem", "group members"},
    {nullptr, nullptr}};

}  // namespace

constinit const StructSpec grp_struct_group_struct{"grp.struct_group", "An entry of the group database: a tuple whose items have names.", kFields, 4};

namespace {

int exec(PyObject* m) {
  return PyModule_AddObjectRef(m, "struct_group", obj(&atoll_struct_group_type));
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_grp, "grp",
                        "The group database.\n\nAn entry is a tuple (gr_name, gr_passwd, gr_gid, gr_mem) whose items have those names;\n"
                        "gr_mem is the list of the members' names.",
                        0, atl::kFunctions, atl::exec)

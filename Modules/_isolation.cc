// _isolation: what the tests of isolation ask the core: what is sealed, who owns an object, how far the counters are. With
// plant() they commit the offences that -X isolation=check and checked builds must notice.
#include <cstring>

#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/str/str_state.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

Ref<> m_is_sealed(ThreadState&, PyObject*, PyObject* o) { return new_bool(is_sealed_address(o)); }
Ref<> m_is_immortal(ThreadState&, PyObject*, PyObject* o) { return new_bool(is_immortal(o)); }

// The id of the interpreter whose heap the object lies in.
Ref<> m_owner(ThreadState& ts, PyObject*, PyObject* o) {
  Interpreter* owner = heap_owner_of(reinterpret_cast<char*>(o) - pre_header_size(o->ob_type));
  return owner != nullptr ? int_from_i64(ts, owner->id) : new_none();
}

Ref<> m_static_types(ThreadState& ts, PyObject*) {
  Ref<> list = list_new(ts, 0);
  StaticTypeRegistry& all = runtime().static_types;
  for (uint32_t i = 0;; ++i) {
    PyTypeObject* type = nullptr;
    {
      std::lock_guard hold(all.lock);
      if (i >= all.count) return list;
      if (all.records[i] != nullptr) type = all.records[i]->type;
    }
    if (!list || (type != nullptr && (type->tp_flags & Py_TPFLAGS_READY) && failed(list_append(ts, list.get(), dup(obj(type)))))) return {};
  }
}

Ref<> m_sealed_ranges(ThreadState& ts, PyObject*) {
  SealedRange ranges[kSealedRangeCount];
  sealed_ranges(ranges);
  Ref<> list = list_new(ts, 0);
  for (const SealedRange& r : ranges) {
    Ref<> begin = int_from_u64(ts, reinterpret_cast<uintptr_t>(r.begin)), end = int_from_u64(ts, reinterpret_cast<uintptr_t>(r.end));
    Ref<> pair = list && begin && end ? tuple_of(ts, begin.get(), end.get()) : Ref<>();
    if (!pair || failed(list_append(ts, list.get(), std::move(pair)))) return {};
  }
  return list;
}

// True, False, or None: this process checks nothing.
Ref<> m_sealed_unchanged(ThreadState&, PyObject*) {
  return runtime().sealed.checking ? new_bool(sealed_first_change() == nullptr) : new_none();
}

Ref<> m_type_version(ThreadState& ts, PyObject*, PyObject* type) {
  if (!PyType_Check(type)) return raise(ts, PyExc_TypeError, "not a type");
  return int_from_u64(ts, type_version(ts, reinterpret_cast<PyTypeObject*>(type)));
}

bool to_u32(ThreadState& ts, PyObject* number, uint32_t* out) {
  unsigned long long v = PyLong_AsUnsignedLongLong(number);
  if (v == static_cast<unsigned long long>(-1) && error_set(ts)) return false;
  if (v > UINT32_MAX) {
    (void)raise(ts, PyExc_OverflowError, "more than 32 bits");
    return false;
  }
  *out = static_cast<uint32_t>(v);
  return true;
}

// This interpreter's counters go on from there. Going back would give numbers out twice.
Ref<> m_advance(ThreadState& ts, PyObject*, PyObject* counter, PyObject* number) {
  uint32_t n;
  if (!to_u32(ts, number, &n)) return {};
  Interpreter& interp = ts.interpreter();
  uint32_t* field = nullptr;
  if (is_str(counter) && str_equals_ascii(counter, "type version")) field = &interp.types.next_version;
  if (is_str(counter) && str_equals_ascii(counter, "keys version")) field = &interp.versions.keys_version;
  if (is_str(counter) && str_equals_ascii(counter, "builtins version")) field = &interp.versions.builtins_version;
  if (is_str(counter) && str_equals_ascii(counter, "function version")) field = &interp.versions.func_version;
  if (field == nullptr) return raise(ts, PyExc_ValueError, "no counter %R", counter);
  if (n < *field) return raise(ts, PyExc_ValueError, "the counter is at %lu already", static_cast<unsigned long>(*field));
  Ref<> before = int_from_u64(ts, *field);
  *field = n;
  return before;
}

// A build that looks for objects touched by the wrong interpreter.
Ref<> m_is_checked(ThreadState&, PyObject*) {
#ifdef ATOLL_CHECKED
  return new_bool(true);
#else
  return new_bool(false);
#endif
}

Ref<> m_interned_count(ThreadState& ts, PyObject*) {
  StrState* state = str_state_or_null(ts.interpreter());
  return int_from_u64(ts, state != nullptr ? state->interned.count : 0);
}

Ref<> m_plant(ThreadState& ts, PyObject*, PyObject* offence, PyObject* victim) {
  if (!is_str(offence)) return raise(ts, PyExc_TypeError, "not a str");
  if (str_equals_ascii(offence, "count")) {
    auto* count = const_cast<volatile Py_ssize_t*>(&victim->ob_refcnt);
    *count = *count + 1;
    *count = *count - 1;
    return new_none();
  }
  if (str_equals_ascii(offence, "field")) {  // the last byte of the word behind the head
    auto* at = reinterpret_cast<volatile char*>(victim) + sizeof(PyVarObject) - 1;
    *at = static_cast<char>(*at ^ 1);
    return new_none();
  }
  if (str_equals_ascii(offence, "drop")) {  // as an extension does that lets go too often
    victim->ob_refcnt = 1;
    Py_DECREF(victim);
    return int_from_ssize(ts, victim->ob_refcnt);
  }
  return raise(ts, PyExc_ValueError, "no offence %R", offence);
}

// The object at an address that another interpreter told. Only for plant().
Ref<> m_object_at(ThreadState& ts, PyObject*, PyObject* address) {
  unsigned long long v = PyLong_AsUnsignedLongLong(address);
  if (v == static_cast<unsigned long long>(-1) && error_set(ts)) return {};
  auto* o = reinterpret_cast<PyObject*>(v);
  return dup(o);
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_is_sealed, "is_sealed", "($module, object, /)", ""),
    ATOLL_METHOD(m_is_immortal, "is_immortal", "($module, object, /)", ""),
    ATOLL_METHOD(m_owner, "owner", "($module, object, /)", ""),
    ATOLL_METHOD(m_static_types, "static_types", "($module, /)", ""),
    ATOLL_METHOD(m_sealed_ranges, "sealed_ranges", "($module, /)", ""),
    ATOLL_METHOD(m_sealed_unchanged, "sealed_unchanged", "($module, /)", ""),
    ATOLL_METHOD(m_type_version, "type_version", "($module, type, /)", ""),
    ATOLL_METHOD(m_advance, "advance", "($module, counter, number, /)", ""),
    ATOLL_METHOD(m_interned_count, "interned_count", "($module, /)", ""),
    ATOLL_METHOD(m_is_checked, "is_checked", "($module, /)", ""),
    ATOLL_METHOD(m_plant, "plant", "($module, offence, victim, /)", ""),
    ATOLL_METHOD(m_object_at, "object_at", "($module, address, /)", ""),
    ATOLL_METHOD_END};

}  // namespace

}  // namespace atl

using namespace atl;

ATOLL_BUILTIN_MODULE(PyInit__isolation, "_isolation", "What the tests of isolation ask the core.", 0, kMethods, module_exec_nothing)

#include "Objects/str/intern.h"

#include <cstring>
#include <new>

#include "Objects/str/str.h"
#include "Python/runtime/runtime.h"

namespace atl {
namespace {

constexpr size_t kFirstSlots = 256;

size_t home_of(const InternTable& t, const PyObject* s) { return static_cast<size_t>(str_head(s)->hash) & t.mask; }

PyObject* table_find(const InternTable& t, PyObject* s, Py_hash_t hash) {
  if (t.slots == nullptr) return nullptr;
  for (size_t i = static_cast<size_t>(hash) & t.mask;; i = (i + 1) & t.mask) {
    PyObject* found = t.slots[i];
    if (found == nullptr) return nullptr;
    if (str_head(found)->hash == hash && str_equal(found, s)) return found;
  }
}

void table_place(InternTable& t, PyObject* s) {
  size_t i = home_of(t, s);
  while (t.slots[i] != nullptr) i = (i + 1) & t.mask;
  t.slots[i] = s;
}

bool table_resize(InternTable& t, size_t size) {
  auto* slots = static_cast<PyObject**>(std::calloc(size, sizeof(PyObject*)));
  if (slots == nullptr) return false;
  InternTable fresh{slots, size - 1, t.count};
  if (t.slots != nullptr) {
    for (size_t i = 0; i <= t.mask; ++i) {
      if (t.slots[i] != nullptr) table_place(fresh, t.slots[i]);
    }
    std::free(t.slots);
  }
  t = fresh;
  return true;
}

bool table_remove(InternTable& t, PyObject* s) {
  if (t.slots == nullptr) return false;
  size_t i = home_of(t, s);
  while (t.slots[i] != s) {
    if (t.slots[i] == nullptr) return false;
    i = (i + 1) & t.mask;
  }
  // Those behind the hole move up unless that would take them before their home.
  for (size_t j = (i + 1) & t.mask; t.slots[j] != nullptr; j = (j + 1) & t.mask) {
    size_t home = home_of(t, t.slots[j]);
    if (((j - home) & t.mask) >= ((j - i) & t.mask)) {
      t.slots[i] = t.slots[j];
      i = j;
    }
  }
  t.slots[i] = nullptr;
  --t.count;
  if (t.mask >= 2 * kFirstSlots && t.count * 8 < t.mask) static_cast<void>(table_resize(t, (t.mask + 1) / 2));
  return true;
}

}  // namespace

StrState* str_state_or_null(Interpreter& interp) { return static_cast<StrState*>(interp.str_state); }

StrState* str_state(Interpreter& interp) {
  if (interp.str_state == nullptr) interp.str_state = std::calloc(1, sizeof(StrState));
  return static_cast<StrState*>(interp.str_state);
}

void str_state_clear(Interpreter& interp) {
  StrState* state = str_state_or_null(interp);
  if (state == nullptr) return;
  interp.str_state = nullptr;
  InternTable& t = state->interned;
  if (t.slots != nullptr) {
    for (size_t i = 0; i <= t.mask; ++i) {
      if (t.slots[i] != nullptr && !is_immortal(t.slots[i])) str_head(t.slots[i])->state.interned = SSTATE_NOT_INTERNED;
    }
    std::free(t.slots);
  }
  for (size_t i = 0; i < state->wide_count; ++i) std::free(state->wide_views[i].wide);
  std::free(state->wide_views);
  std::free(state->ids);
  std::free(state);
}

void str_ids_clear(Interpreter& interp) {
  StrState* state = str_state_or_null(interp);
  if (state == nullptr) return;
  StaticId* ids = std::exchange(state->ids, nullptr);
  size_t slots = std::exchange(state->id_slots, 0);
  state->id_count = 0;
  for (size_t i = 0; i < slots; ++i) xdecref(ids[i].text);
  std::free(ids);
}

void intern_forget(ThreadState& ts, PyObject* s) {
  StrState* state = str_state_or_null(ts.interpreter());
  if (state != nullptr && table_remove(state->interned, s)) return;
  // Interpreters that share a lock may let go of each other's objects.
  Interpreter* owner = heap_owner_of(s);
  if (owner == nullptr || owner == &ts.interpreter()) return;
  state = str_state_or_null(*owner);
  if (state != nullptr) static_cast<void>(table_remove(state->interned, s));
}

void str_intern(ThreadState& ts, Ref<>* s) {
  PyObject* o = s->get();
  if (o == nullptr || !is_exact_str(o) || str_is_interned(o)) return;
  Py_hash_t hash = str_hash(o);
  StrState* state = str_state(ts.interpreter());
  if (state == nullptr) return;
  InternTable& t = state->interned;
  PyObject* known = table_find(t, o, hash);
  if (known == nullptr) known = peek_identifier(o);
  if (known != nullptr) {
    *s = dup(known);
    return;
  }
  if (is_immortal(o)) return;  // sealed without having been interned: nobody may mark it now
  if (t.slots == nullptr || (t.count + 1) * 8 > (t.mask + 1) * 5) {
    if (!table_resize(t, t.slots == nullptr ? kFirstSlots : (t.mask + 1) * 2)) return;
  }
  table_place(t, o);
  ++t.count;
  str_head(o)->state.interned = SSTATE_INTERNED_MORTAL;
}

Ref<> str_interned(ThreadState& ts, const char* ascii) {
  Ref<> s = str_from_utf8(ts, ascii);
  if (s) str_intern(ts, &s);
  return s;
}

PyObject* str_peek_interned(ThreadState& ts, PyObject* s) {
  if (str_is_interned(s)) return s;
  if (StrState* state = str_state_or_null(ts.interpreter())) {
    if (PyObject* found = table_find(state->interned, s, str_hash(s))) return found;
  }
  return peek_identifier(s);
}

PyObject* peek_static_id(ThreadState& ts, const void* id, const char* text) {
  StrState* state = str_state(ts.interpreter());
  if (state == nullptr) return raise_memory(ts);
  auto find = [](StaticId* slots, size_t n, const void* key) {
    size_t i = (reinterpret_cast<uintptr_t>(key) >> 4) & (n - 1);
    while (slots[i].id != nullptr && slots[i].id != key) i = (i + 1) & (n - 1);
    return &slots[i];
  };
  if (state->id_slots != 0) {
    StaticId* slot = find(state->ids, state->id_slots, id);
    if (slot->id != nullptr) return slot->text;
  }
  Ref<> s = str_interned(ts, text);
  if (!s) return nullptr;
  if ((state->id_count + 1) * 2 > state->id_slots) {
    size_t n = state->id_slots == 0 ? 64 : state->id_slots * 2;
    auto* fresh = static_cast<StaticId*>(std::calloc(n, sizeof(StaticId)));
    if (fresh == nullptr) return raise_memory(ts);
    for (size_t i = 0; i < state->id_slots; ++i) {
      if (state->ids[i].id != nullptr) *find(fresh, n, state->ids[i].id) = state->ids[i];
    }
    std::free(state->ids);
    state->ids = fresh;
    state->id_slots = n;
  }
  ++state->id_count;
  StaticId* slot = find(state->ids, state->id_slots, id);
  slot->id = id;
  return slot->text = s.release();
}

wchar_t* sealed_wide_view(ThreadState& ts, PyObject* s) {
  StrState* state = str_state(ts.interpreter());
  if (state == nullptr) return raise_memory(ts);
  for (size_t i = 0; i < state->wide_count; ++i) {
    if (state->wide_views[i].text == s) return state->wide_views[i].wide;
  }
  if (state->wide_count == state->wide_room) {
    size_t room = state->wide_room * 2 + 8;
    auto* grown = static_cast<WideView*>(std::realloc(state->wide_views, room * sizeof(WideView)));
    if (grown == nullptr) return raise_memory(ts);
    state->wide_views = grown;
    state->wide_room = room;
  }
  Py_ssize_t n = str_length(s);
  auto* wide = static_cast<wchar_t*>(std::malloc((static_cast<size_t>(n) + 1) * sizeof(wchar_t)));
  if (wide == nullptr) return raise_memory(ts);
  for (Py_ssize_t i = 0; i < n; ++i) wide[i] = static_cast<wchar_t>(str_at(s, i));
  wide[n] = 0;
  state->wide_views[state->wide_count++] = {s, wide};
  return wide;
}

}  // namespace atl

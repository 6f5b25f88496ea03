// Shapes and inline values.
#include "Objects/shape.h"

#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/object/internal.h"
#include "Objects/str/str.h"

namespace atl {

namespace {

constexpr unsigned kCacheSize = 32;
constexpr uint32_t kMaxShapes = 0xffff;
// A class's first instances get plenty of room; later ones what the largest shape so far needs.
constexpr uint16_t kFirstCapacity = 24;
constexpr uint32_t kLearningInstances = 8;
constexpr uint16_t kMaxCapacity = 64;

ShapeTable* table_of(const PyTypeObject* type) {
  TypeRecord* r = type_record(type);
  return r != nullptr ? r->shapes : nullptr;
}

ShapeTable::Entry& cache_entry(ShapeTable* table, uint16_t shape, PyObject* name) {
  return table->cache[((reinterpret_cast<uintptr_t>(name) >> 4) ^ (shape * 7u)) % kCacheSize];
}

// Entries hold references on their names, so that no other string can come to stand at a name's address.
ShapeTable::Entry* fill_entry(ShapeTable* table, uint16_t shape, PyObject* name, int slot, uint16_t child) {
  if (table->cache == nullptr) {
    table->cache = static_cast<ShapeTable::Entry*>(PyObject_Calloc(kCacheSize, sizeof(ShapeTable::Entry)));
    if (table->cache == nullptr) return nullptr;
  }
  ShapeTable::Entry& e = cache_entry(table, shape, name);
  PyObject* old = e.name;
  incref(name);
  e.name = name;
  e.shape = shape;
  e.slot = static_cast<int16_t>(slot);
  e.child = child;
  xdecref(old);
  return &e;
}

bool same_name(PyObject* a, PyObject* b) {
  // Interned strings may be equal and not identical: one process-wide, one of this interpreter.
  return a == b || str_equal(a, b);
}

int find_slow(ShapeTable* table, uint16_t shape, PyObject* name) {
  for (uint16_t s = shape; table->shapes[s].name != nullptr; s = table->shapes[s].parent) {
    if (same_name(table->shapes[s].name, name)) return table->shapes[s].size - 1;
  }
  return -1;
}

uint16_t child_slow(ShapeTable* table, uint16_t shape, PyObject* name) {
  for (uint16_t c = table->shapes[shape].first_child; c != 0; c = table->shapes[c].sibling) {
    if (same_name(table->shapes[c].name, name)) return c;
  }
  if (table->count > kMaxShapes) return kNoShape;
  if (table->count == table->room) {
    uint32_t room = table->room * 2;
    auto* grown = static_cast<Shape*>(PyObject_Realloc(table->shapes, room * sizeof(Shape)));
    if (grown == nullptr) return kNoShape;
    table->shapes = grown;
    table->room = room;
  }
  auto c = static_cast<uint16_t>(table->count++);
  incref(name);
  Shape& parent = table->shapes[shape];
  table->shapes[c] = Shape{name, shape, static_cast<uint16_t>(parent.size + 1), 0, parent.first_child};
  parent.first_child = c;
  if (table->shapes[c].size > table->max_size) {
    table->max_size = table->shapes[c].size;
    if (table->instances > kLearningInstances && table->max_size > table->inline_capacity) {
      auto wanted = static_cast<uint16_t>(table->max_size + table->max_size / 4);
      table->inline_capacity = wanted < kMaxCapacity ? wanted : kMaxCapacity;
    }
  }
  return c;
}

// An exact, interned form of a name for shapes. Empty with an exception set.
Ref<> shape_key(ThreadState& ts, PyObject* name) {
  Ref<> key = dup(name);
  if (ATOLL_LIKELY(str_is_interned(name))) return key;
  if (!is_exact_str(name)) return key;
  str_intern(ts, &key);
  return key;
}

}  // namespace

ShapeTable* shape_table_new(ThreadState& ts) {
  auto* table = static_cast<ShapeTable*>(PyObject_Calloc(1, sizeof(ShapeTable)));
  if (table == nullptr) return raise_memory(ts);
  table->room = 8;
  table->shapes = static_cast<Shape*>(PyObject_Calloc(table->room, sizeof(Shape)));
  if (table->shapes == nullptr) {
    PyObject_Free(table);
    return raise_memory(ts);
  }
  table->count = 2;  // none, and the empty shape
  table->inline_capacity = kFirstCapacity;
  return table;
}

void shape_table_delete(ShapeTable* table) {
  for (uint32_t i = 2; i < table->count; ++i) xdecref(table->shapes[i].name);
  if (table->cache != nullptr) {
    for (unsigned i = 0; i < kCacheSize; ++i) xdecref(table->cache[i].name);
  }
  PyObject_Free(table->cache);
  PyObject_Free(table->shapes);
  PyObject_Free(table);
}

int shape_find(ShapeTable* table, uint16_t shape, PyObject* name) {
  if (shape == kEmptyShape) return -1;
  if (ATOLL_LIKELY(table->cache != nullptr)) {
    ShapeTable::Entry& e = cache_entry(table, shape, name);
    if (ATOLL_LIKELY(e.name == name && e.shape == shape)) return e.slot;
  }
  int slot = find_slow(table, shape, name);
  fill_entry(table, shape, name, slot, 0);
  return slot;
}

uint16_t shape_add(ShapeTable* table, uint16_t shape, PyObject* name) {
  if (table->cache != nullptr) {
    ShapeTable::Entry& e = cache_entry(table, shape, name);
    if (e.name == name && e.shape == shape && e.child != 0) return e.child;
  }
  uint16_t child = child_slow(table, shape, name);
  if (child != kNoShape) fill_entry(table, shape, name, -1, child);
  return child;
}

PyObject* shape_name(ShapeTable* table, uint16_t shape, int slot) {
  while (table->shapes[shape].size != slot + 1) shape = table->shapes[shape].parent;
  return table->shapes[shape].name;
}

// ---- instances ---------------------------------------------------------------------------------------------------

size_t instance_extra_size(const PyTypeObject* type) {
  if (type->tp_itemsize != 0) return 0;
  ShapeTable* table = table_of(type);
  if (table == nullptr) return 0;
  if (ATOLL_UNLIKELY(table->instances <= kLearningInstances)) {
    if (table->instances++ == kLearningInstances) {
      table->inline_capacity = table->max_size < kMaxCapacity ? table->max_size : kMaxCapacity;
      if (table->inline_capacity == 0) table->inline_capacity = 1;
    }
  }
  return size_t{table->inline_capacity} * sizeof(PyObject*);
}

void instance_init(const PyTypeObject*, PyObject* o, size_t extra) {
  InstanceHead* h = instance_head(o);
  h->dict = nullptr;
  h->shape = extra != 0 ? kEmptyShape : kNoShape;
  h->capacity = static_cast<uint16_t>(extra / sizeof(PyObject*));
  h->unused = 0;
}

PyObject* instance_materialize_dict(ThreadState& ts, PyObject* o) {
  InstanceHead* h = instance_head(o);
  if (h->dict != nullptr) return h->dict;
  ShapeTable* table = table_of(o->ob_type);
  int n = h->shape != kNoShape ? table->shapes[h->shape].size : 0;
  Ref<> d = dict_new_presized(ts, n);
  if (!d) return nullptr;
  if (n != 0) {
    PyObject* names[kMaxCapacity];
    for (uint16_t s = h->shape; table->shapes[s].name != nullptr; s = table->shapes[s].parent) {
      names[table->shapes[s].size - 1] = table->shapes[s].name;
    }
    PyObject** values = instance_values(o);
    for (int i = 0; i < n; ++i) {
      if (failed(dict_set(ts, d.get(), names[i], values[i]))) return nullptr;
    }
    for (int i = 0; i < n; ++i) decref(std::exchange(values[i], nullptr));  // the dict holds them
  }
  h->dict = d.release();
  h->shape = kNoShape;
  return h->dict;
}

Status instance_lookup(ThreadState& ts, PyObject* o, PyObject* name, Ref<>* out) {
  InstanceHead* h = instance_head(o);
  if (ATOLL_LIKELY(h->shape != kNoShape)) {
    if (h->shape == kEmptyShape) return Status::kOk;
    ShapeTable* table = table_of(o->ob_type);
    int slot;
    if (ATOLL_LIKELY(str_is_interned(name))) {
      slot = shape_find(table, h->shape, name);
    } else if (is_exact_str(name)) {
      slot = find_slow(table, h->shape, name);
    } else {
      // A subclass of str compares as it likes.
      PyObject* d = instance_materialize_dict(ts, o);
      return d != nullptr ? dict_lookup(ts, d, name, out) : Status::kError;
    }
    if (slot >= 0) *out = dup(instance_values(o)[slot]);
    return Status::kOk;
  }
  PyObject* d = h->dict;
  if (d == nullptr) return Status::kOk;
  return lookup_name(ts, d, name, out);
}

Status instance_store(ThreadState& ts, PyObject* o, PyObject* name, PyObject* value, bool* found) {
  InstanceHead* h = instance_head(o);
  if (h->shape != kNoShape && is_exact_str(name)) {
    Ref<> key = shape_key(ts, name);
    ShapeTable* table = table_of(o->ob_type);
    int slot = shape_find(table, h->shape, key.get());
    PyObject** values = instance_values(o);
    uint16_t size = table->shapes[h->shape].size;
    if (slot >= 0) {
      if (value != nullptr) {
        set_field(values[slot], dup(value));
        return Status::kOk;
      }
      if (slot == size - 1) {
        h->shape = table->shapes[h->shape].parent;
        clear_field(values[slot]);
        return Status::kOk;
      }
    } else {
      *found = false;
      if (value == nullptr) return Status::kOk;
      uint16_t child = shape_add(table, h->shape, key.get());
      if (child != kNoShape && size < h->capacity) {
        values[size] = new_ref(value);
        h->shape = child;
        return Status::kOk;
      }
    }
  }
  if (value == nullptr && h->shape == kNoShape && h->dict == nullptr) {
    *found = false;
    return Status::kOk;
  }
  PyObject* d = instance_materialize_dict(ts, o);
  if (d == nullptr) return Status::kError;
  Ref<> hold = dup(d);
  if (value != nullptr) return dict_set(ts, d, name, value);
  Ref<> old;
  if (failed(dict_pop(ts, d, name, &old))) return Status::kError;
  *found = static_cast<bool>(old);
  return Status::kOk;
}

int instance_traverse(PyObject* o, visitproc visit, void* arg) {
  InstanceHead* h = instance_head(o);
  Py_VISIT(h->dict);
  if (h->shape > kEmptyShape) {
    ShapeTable* table = table_of(o->ob_type);
    PyObject** values = instance_values(o);
    for (int i = 0, n = table->shapes[h->shape].size; i < n; ++i) Py_VISIT(values[i]);
  }
  return 0;
}

void instance_clear(PyObject* o) {
  InstanceHead* h = instance_head(o);
  if (h->shape > kEmptyShape) {
    ShapeTable* table = table_of(o->ob_type);
    PyObject** values = instance_values(o);
    // Each value goes only when the instance no longer shows it: what it runs may look at the instance, or add to it.
    while (h->shape > kEmptyShape) {
      Shape& s = table->shapes[h->shape];
      int last = s.size - 1;
      h->shape = s.parent;
      clear_field(values[last]);
    }
  }
  if (h->dict != nullptr) clear_field(h->dict);
}

}  // namespace atl

// Instances of classes written in Python: attributes in inline values, described by shapes.
//
// Such an instance has 32 bytes in front: [dict word][shape word][collector links]. While the dict word is NULL and
// shape is not kNoShape, attribute i of the shape stands in values[i], directly behind basicsize. Shapes form a tree
// per type: a shape is its parent plus one name. They are numbered per type (16 bits); number 1 is the empty shape.
// Asking for __dict__, an attribute beyond the capacity, deletion in the middle, more than 65,535 shapes, a new
// __class__: the attributes move to a dict (the dict word), shape becomes kNoShape for good.
// Var-sized types have no inline values: capacity 0, always a dict.
#pragma once

#include "Objects/object.h"
#include "Python/runtime/type_state.h"

namespace atl {

inline constexpr uint16_t kNoShape = 0;
inline constexpr uint16_t kEmptyShape = 1;

struct InstanceHead {
  PyObject* dict;     // the materialised dict, or NULL
  uint16_t shape;     // kNoShape: attributes in dict (or there are none yet and no inline values)
  uint16_t capacity;  // inline values that the instance has room for
  uint32_t unused;
};
static_assert(sizeof(InstanceHead) == 16);

ATOLL_INLINE InstanceHead* instance_head(const PyObject* o) {
  return reinterpret_cast<InstanceHead*>(const_cast<PyObject*>(o)) - 2;
}
ATOLL_INLINE bool is_shaped(const PyTypeObject* type) { return (type->tp_flags & kTypeShaped) != 0; }
ATOLL_INLINE PyObject** instance_values(const PyObject* o) {
  return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(const_cast<PyObject*>(o)) + o->ob_type->tp_basicsize);
}

struct Shape {
  PyObject* name;      // interned, owned; NULL in the empty shape
  uint16_t parent;
  uint16_t size;       // number of names
  uint16_t first_child;
  uint16_t sibling;
};

struct ShapeTable {
  Shape* shapes;        // by number; [0] unused
  uint32_t count;
  uint32_t room;
  uint16_t inline_capacity;  // for instances made from now on
  uint16_t max_size;         // of the largest shape
  uint32_t instances;        // made so far, while the right capacity is being learnt
  // (name, parent) -> child and (name, shape) -> slot caches
  struct Entry {
    PyObject* name;
    uint16_t shape;
    int16_t slot;   // -1: absent
    uint16_t child; // 0: unknown
  }* cache;
};

ShapeTable* shape_table_new(ThreadState& ts);
void shape_table_delete(ShapeTable* table);
// The slot of an interned name in a shape, or -1.
int shape_find(ShapeTable* table, uint16_t shape, PyObject* name);
// The shape with one more name; kNoShape when there can be none (then materialise). No exception is set.
uint16_t shape_add(ShapeTable* table, uint16_t shape, PyObject* name);

// Extra bytes behind basicsize that a new instance of the type gets.
size_t instance_extra_size(const PyTypeObject* type);
// A new instance's head (after memory was zeroed).
void instance_init(const PyTypeObject* type, PyObject* o, size_t extra);
// __dict__ of a shaped instance: made from the values at first use. Borrowed.
PyObject* instance_materialize_dict(ThreadState& ts, PyObject* o);
// Attribute in the instance itself. kOk with NULL/empty when absent. name is a str.
Status instance_lookup(ThreadState& ts, PyObject* o, PyObject* name, Ref<>* out);
// value NULL deletes; *found says whether there was one to delete.
Status instance_store(ThreadState& ts, PyObject* o, PyObject* name, PyObject* value, bool* found);
int instance_traverse(PyObject* o, visitproc visit, void* arg);
void instance_clear(PyObject* o);
// Number of attributes (for __sizeof__ and __dir__): names of a shape, in order of definition.
PyObject* shape_name(ShapeTable* table, uint16_t shape, int slot);

}  // namespace atl

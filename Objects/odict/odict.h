// OrderedDict: a dict beside a ring of nodes in the order that the program sees.
//
// The order of the dict itself is of no use: move_to_end would leave holes at its front. A private dict `nodes` leads from a
// key to its node. Nodes are objects only so that this dict can hold them: they own nothing (their keys live in `nodes`) and
// are not collectable; `nodes` is kept out of the collector's lists, and OrderedDict's tp_traverse visits its keys instead.
//
// Raw dict operations (dict.__setitem__(od, k, v)) do not touch the nodes, as in 3.11: such a key has no place in the
// order, and a node without an item raises KeyError where its value is asked for.
#pragma once

#include "Objects/dict/internal.h"
#include "Objects/object.h"

struct _odictobject {
  PyDictObject dict;
  PyObject* nodes;           // private dict: key -> OdictNode; NULL until the first insertion
  struct OdictRing* ring;    // the sentinel; NULL as nodes
  uint32_t state;            // changes with the order
  uint32_t cleared;          // changes when all nodes have gone
  Py_ssize_t count;          // of nodes
  void* reserved[2];
  PyObject* instance_dict;
  PyObject* weaklist;
};

struct OdictRing {
  OdictRing* previous;
  OdictRing* next;
};

namespace atl {

using Odict = struct _odictobject;
static_assert(sizeof(Odict) == 112 && offsetof(Odict, instance_dict) == 96 && offsetof(Odict, weaklist) == 104);

struct OdictNode {
  PyObject ob_base;
  OdictRing ring;  // NULLs: out of the order
  PyObject* key;
  Py_hash_t hash;
  bool found;      // while nodes are compared with those in `nodes`
};

ATOLL_INLINE Odict* as_odict(PyObject* o) { return reinterpret_cast<Odict*>(o); }
ATOLL_INLINE bool is_odict(PyObject* o) { return is_instance_nocall(o, &PyODict_Type); }
ATOLL_INLINE bool is_exact_odict(PyObject* o) { return is_exact(o, &PyODict_Type); }
ATOLL_INLINE OdictNode* odict_node_of(OdictRing* r) {
  return reinterpret_cast<OdictNode*>(reinterpret_cast<char*>(r) - offsetof(OdictNode, ring));
}
// NULL at the ends.
ATOLL_INLINE OdictNode* odict_after(Odict* od, OdictNode* node /* or NULL: the first */, bool backwards) {
  if (od->ring == nullptr) return nullptr;
  OdictRing* r = node != nullptr ? &node->ring : od->ring;
  r = backwards ? r->previous : r->next;
  return r == od->ring ? nullptr : odict_node_of(r);
}

Status odict_set(ThreadState& ts, PyObject* od, PyObject* key, PyObject* value);
Status odict_del(ThreadState& ts, PyObject* od, PyObject* key);
// keys(), values(), items() and iterators (views.cc).
enum class OdictPart : uint8_t { kKeys, kValues, kItems };
Ref<> odict_view(ThreadState& ts, PyObject* od, OdictPart part);
Ref<> odict_iterator(ThreadState& ts, PyObject* od, OdictPart part, bool backwards);

}  // namespace atl

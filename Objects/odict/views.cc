// OrderedDict's iterator and views.
#include "Objects/iter/support.h"
#include "Objects/list.h"
#include "Objects/odict/odict.h"
#include "Objects/type/spec.h"

namespace atl {

namespace {

// `next` is owned: it may have left the order, which shows in its ring.
struct OdictIter {
  PyObject ob_base;
  PyObject* odict;  // NULL at the end
  OdictNode* next;
  Py_ssize_t size;
  uint32_t state;
  uint32_t cleared;
  PyObject* pair;   // handed out again while nobody keeps it
  OdictPart part;
  bool backwards;
};
static_assert(sizeof(OdictIter) == 64);
OdictIter* as_iter(PyObject* o) { return reinterpret_cast<OdictIter*>(o); }

void iter_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  OdictIter* it = as_iter(o);
  Ref<OdictNode> next = Ref<OdictNode>::steal(std::exchange(it->next, nullptr));
  clear_field(it->odict);
  clear_field(it->pair);
  free_object(ts, o);
}
int iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_iter(o)->odict);
  Py_VISIT(as_iter(o)->pair);
  return 0;
}

// False with an exception set when the dictionary changed.
bool still_same(ThreadState& ts, OdictIter* it) {
  Odict* od = as_odict(it->odict);
  if (od->state != it->state) {
    (void)raise(ts, PyExc_RuntimeError, "OrderedDict mutated during iteration");
    return false;
  }
  if (dict_size(it->odict) != it->size || od->cleared != it->cleared) {
    it->size = -1;  // stays so
    (void)raise(ts, PyExc_RuntimeError, "OrderedDict changed size during iteration");
    return false;
  }
  return true;
}

Ref<> iter_step(ThreadState& ts, PyObject* o) {
  OdictIter* it = as_iter(o);
  if (it->odict == nullptr) return {};
  Ref<> od = dup(it->odict);
  Ref<OdictNode> node = Ref<OdictNode>::steal(std::exchange(it->next, nullptr));
  if (!still_same(ts, it) || !node) {
    clear_field(it->odict);
    return {};
  }
  if (node->ring.next == nullptr) {
    clear_field(it->odict);
    return raise(ts, PyExc_RuntimeError, "OrderedDict mutated during iteration");
  }
  OdictNode* following = odict_after(as_odict(od.get()), node.get(), it->backwards);
  it->next = following != nullptr ? new_ref(following) : nullptr;
  Ref<> key = dup(node->key);
  if (it->part == OdictPart::kKeys) return key;
  // By the hash that the key has now, as a program would look it up.
  PyObject* found = dict_peek(ts, od.get(), key.get());
  if (found == nullptr) {
    clear_field(it->odict);
    if (error_set(ts)) return {};
    return raise_key_error(ts, key.get());
  }
  Ref<> value = dup(found);
  if (it->part == OdictPart::kValues) return value;
  Ref<> pair = refill_tuple(ts, it->pair, 2, [&](Py_ssize_t i) { return std::move(i == 0 ? key : value); });
  if (pair && it->pair == nullptr) it->pair = new_ref(pair.get());
  return pair;
}

// The rest as a list; this iterator stays where it is.
Ref<> iter_reduce(ThreadState& ts, OdictIter* it) {
  Ref<> rest;
  if (it->odict == nullptr) {
    rest = list_new(ts, 0);
  } else {
    Ref<> copy = odict_iterator(ts, it->odict, it->part, it->backwards);
    if (!copy) return {};
    OdictIter* c = as_iter(copy.get());
    Ref<OdictNode> old = Ref<OdictNode>::steal(std::exchange(c->next, it->next != nullptr ? new_ref(it->next) : nullptr));
    c->size = it->size;
    c->state = it->state;
    c->cleared = it->cleared;
    rest = list_from_iterable(ts, copy.get());
  }
  Ref<> args = rest ? tuple_of(ts, rest.get()) : Ref<>();
  Ref<> iter = args ? builtin_named(ts, "iter") : Ref<>();
  return iter ? tuple_of(ts, iter.get(), args.get()) : Ref<>();
}
constexpr MethodSpec kIterMethods[] = {
    ATOLL_METHOD_PLAIN(iter_reduce, "__reduce__", "($self, /)", "Return state information for pickling"), ATOLL_METHOD_END};

// ---- views -------------------------------------------------------------------------------------------------------

PyObject* dict_of(PyObject* view) { return obj(reinterpret_cast<_PyDictViewObject*>(view)->dv_dict); }
OdictPart part_of(PyObject* view) {
  if (is_instance_nocall(view, &PyODictKeys_Type)) return OdictPart::kKeys;
  return is_instance_nocall(view, &PyODictValues_Type) ? OdictPart::kValues : OdictPart::kItems;
}
Ref<> view_iter(ThreadState& ts, PyObject* view) { return odict_iterator(ts, dict_of(view), part_of(view), false); }
Ref<> view_reversed(ThreadState& ts, PyObject* view) { return odict_iterator(ts, dict_of(view), part_of(view), true); }
constexpr MethodSpec kViewMethods[] = {ATOLL_METHOD_PLAIN(view_reversed, "__reversed__", "($self, /)", "A reverse iterator."),
                                       ATOLL_METHOD_END};

}  // namespace

Ref<> odict_iterator(ThreadState& ts, PyObject* o, OdictPart part, bool backwards) {
  auto it = new_object<OdictIter>(ts, &PyODictIter_Type);
  if (!it) return {};
  Odict* od = as_odict(o);
  it->odict = new_ref(o);
  OdictNode* first = odict_after(od, nullptr, backwards);
  it->next = first != nullptr ? new_ref(first) : nullptr;
  it->size = dict_size(o);
  it->state = od->state;
  it->cleared = od->cleared;
  it->pair = nullptr;
  it->part = part;
  it->backwards = backwards;
  track(ts, it.get());
  return it;
}

Ref<> odict_view(ThreadState& ts, PyObject* od, OdictPart part) {
  return dict_view_new(ts,
                       part == OdictPart::kKeys     ? &PyODictKeys_Type
                       : part == OdictPart::kValues ? &PyODictValues_Type
                                                    : &PyODictItems_Type,
                       od);
}

constinit const TypeSpec odict_iter_spec{
    .name = "odict_iterator",
    .basicsize = sizeof(OdictIter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(iter_dealloc),
    .traverse = iter_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(iter_step),
    .methods = kIterMethods,
};

#define ATOLL_ODICT_VIEW(spec, text, base_type)                                                                        \
  constinit const TypeSpec spec{.name = text,                                                                          \
                                .basicsize = sizeof(_PyDictViewObject),                                                \
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,                      \
                                .base = &base_type,                                                                    \
                                .iter = ATOLL_SLOT(view_iter),                                                         \
                                .methods = kViewMethods}
ATOLL_ODICT_VIEW(odict_keys_spec, "odict_keys", PyDictKeys_Type);
ATOLL_ODICT_VIEW(odict_items_spec, "odict_items", PyDictItems_Type);
ATOLL_ODICT_VIEW(odict_values_spec, "odict_values", PyDictValues_Type);

}  // namespace atl

ATOLL_SEALED PyTypeObject PyODictKeys_Type = {};
ATOLL_SEALED PyTypeObject PyODictItems_Type = {};
ATOLL_SEALED PyTypeObject PyODictValues_Type = {};
ATOLL_SEALED PyTypeObject PyODictIter_Type = {};

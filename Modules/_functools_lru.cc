// The cache behind functools.lru_cache.
//
// A dict from keys to results, for caches without a limit, or to links, for those with one. The links form a ring in the
// order of use, the least recently used first behind the root. A link is an object only so that the dict can hold it: it
// is not collectable itself, and the cache's tp_traverse visits what the links own.
#include "Objects/function.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/str/str.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"

namespace {
// Stands between positional and keyword arguments in a key; nobody else can have it in hand.
ATOLL_SEALED PyObject g_keyword_mark = {atl::kImmortalRefcnt, &PyBaseObject_Type};
}  // namespace

namespace atl {

namespace {

struct Ring {
  Ring* previous;
  Ring* next;
};

struct Link {
  PyObject ob_base;
  Ring ring;
  Py_hash_t hash;
  PyObject* key;
  PyObject* result;
};
Link* as_link(PyObject* o) { return reinterpret_cast<Link*>(o); }
Link* link_of(Ring* r) { return reinterpret_cast<Link*>(reinterpret_cast<char*>(r) - offsetof(Link, ring)); }

void take_out(Ring* r) {
  r->previous->next = r->next;
  r->next->previous = r->previous;
}
// As the most recently used one.
void put_last(Ring* root, Ring* r) {
  r->previous = root->previous;
  r->next = root;
  root->previous->next = r;
  root->previous = r;
}

struct LruCache {
  PyObject ob_base;
  PyObject* function;
  PyObject* cache;  // dict
  PyObject* cache_info_type;
  PyObject* dict;   // attributes
  PyObject* weaklist;
  vectorcallfunc vectorcall;
  Ring root;
  Py_ssize_t max_size;  // -1: no limit
  Py_ssize_t hits;
  Py_ssize_t misses;
  bool typed;
};
LruCache* as_cache(PyObject* o) { return reinterpret_cast<LruCache*>(o); }
using CacheFields =
    OwnedFields<LruCache, &LruCache::function, &LruCache::cache, &LruCache::cache_info_type, &LruCache::dict>;

void link_dealloc(ThreadState& ts, PyObject* o) {
  clear_field(as_link(o)->key);
  clear_field(as_link(o)->result);
  free_object(ts, o);
}

// Takes all links out of the ring; the list holds a reference to each by the dict alone, so the dict goes afterwards.
void ring_clear(LruCache* c) { c->root.previous = c->root.next = &c->root; }

void cache_dealloc(ThreadState&, PyObject* o) {
  untrack(o);
  if (as_cache(o)->weaklist != nullptr) PyObject_ClearWeakRefs(o);
  ring_clear(as_cache(o));
  CacheFields::dealloc(o);
}
int cache_traverse(PyObject* o, visitproc visit, void* arg) {
  LruCache* c = as_cache(o);
  for (Ring* r = c->root.next; r != nullptr && r != &c->root; r = r->next) {
    Py_VISIT(link_of(r)->key);
    Py_VISIT(link_of(r)->result);
  }
  return CacheFields::traverse(o, visit, arg);
}
int cache_tp_clear(PyObject* o) {
  LruCache* c = as_cache(o);
  ring_clear(c);
  if (c->cache != nullptr) dict_clear(current_thread(), c->cache);
  clear_field(c->function);
  clear_field(c->cache_info_type);
  clear_field(c->dict);
  return 0;
}

// ---- calling -----------------------------------------------------------------------------------------------------

// A single int or str without keywords is its own key, unless types count; otherwise a tuple.
Ref<> make_key(ThreadState& ts, LruCache* c, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  Py_ssize_t keywords = kwnames != nullptr ? tuple_size(kwnames) : 0;
  if (!c->typed && keywords == 0) {
    if (n == 1 && (is_exact_str(args[0]) || is_exact_int(args[0]))) return dup(args[0]);
    return tuple_from(ts, args, n);
  }
  Py_ssize_t size = n + (keywords != 0 ? 1 + 2 * keywords : 0) + (c->typed ? n + keywords : 0);
  Ref<> key = tuple_new(ts, size);
  if (!key) return {};
  PyObject** at = tuple_items(key.get());
  for (Py_ssize_t i = 0; i < n; ++i) *at++ = new_ref(args[i]);
  if (keywords != 0) *at++ = &g_keyword_mark;
  for (Py_ssize_t i = 0; i < keywords; ++i) {
    *at++ = new_ref(tuple_peek(kwnames, i));
    *at++ = new_ref(args[n + i]);
  }
  if (c->typed) {
    for (Py_ssize_t i = 0; i < n + keywords; ++i) *at++ = new_ref(obj(args[i]->ob_type));
  }
  return key;
}

// Drops the least recently used one. kError with an exception set.
Status evict_oldest(ThreadState& ts, LruCache* c) {
  Ring* oldest = c->root.next;
  if (oldest == &c->root) return Status::kOk;
  Ref<Link> link = dup(link_of(oldest));
  take_out(oldest);
  PyObject* there = dict_peek_hash(ts, c->cache, link->key, link->hash);
  if (there == nullptr) {
    if (!error_set(ts)) return Status::kOk;
    put_last(&c->root, oldest);
    return Status::kError;
  }
  // Comparing keys may have run anything: only what is still this link is removed.
  if (there != obj(link.get())) return Status::kOk;
  if (_PyDict_DelItem_KnownHash(c->cache, link->key, link->hash) < 0) {
    put_last(&c->root, oldest);
    return Status::kError;
  }
  return Status::kOk;
}

Status remember(ThreadState& ts, LruCache* c, PyObject* key, Py_hash_t hash, PyObject* result) {
  auto link = new_object<Link>(ts, &atoll_lru_link_type);
  if (!link) return Status::kError;
  link->hash = hash;
  link->key = new_ref(key);
  link->result = new_ref(result);
  if (dict_size(c->cache) >= c->max_size && failed(evict_oldest(ts, c))) return Status::kError;
  // In the ring first: setting the item may run anything, and the dict may hold the link from then on.
  if (failed(dict_set_hash(ts, c->cache, key, hash, obj(link.get())))) return Status::kError;
  put_last(&c->root, &link->ring);
  return Status::kOk;
}

PyObject* cache_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  LruCache* c = as_cache(self);
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  Ref<> hold = dup(self);
  if (c->max_size == 0) {
    ++c->misses;
    return object_vectorcall(ts, c->function, args, nargsf, kwnames).release();
  }
  Ref<> key = make_key(ts, c, args, n, kwnames);
  Py_hash_t hash;
  if (!key || failed(object_hash(ts, key.get(), &hash))) return nullptr;
  PyObject* found = dict_peek_hash(ts, c->cache, key.get(), hash);
  if (found != nullptr) {
    ++c->hits;
    if (c->max_size < 0) return new_ref(found);
    Link* link = as_link(found);
    take_out(&link->ring);
    put_last(&c->root, &link->ring);
    return new_ref(link->result);
  }
  if (error_set(ts)) return nullptr;
  ++c->misses;
  Ref<> result = object_vectorcall(ts, c->function, args, nargsf, kwnames);
  if (!result) return nullptr;
  if (c->max_size < 0) return failed(dict_set_hash(ts, c->cache, key.get(), hash, result.get())) ? nullptr : result.release();
  // The function may have called itself with the same arguments.
  found = dict_peek_hash(ts, c->cache, key.get(), hash);
  if (found != nullptr) return result.release();
  if (error_set(ts) || failed(remember(ts, c, key.get(), hash, result.get()))) return nullptr;
  return result.release();
}

// ---- making and methods ------------------------------------------------------------------------------------------

Ref<> lru_cache_make(ThreadState& ts, PyTypeObject* type, PyObject* function, PyObject* max_size, PyObject* typed,
                     PyObject* cache_info_type) {
  if (function->ob_type->tp_call == nullptr) return raise(ts, PyExc_TypeError, "the first argument must be callable");
  Py_ssize_t limit = -1;
  if (max_size != Py_None) {
    if (!PyIndex_Check(max_size)) return raise(ts, PyExc_TypeError, "maxsize should be integer or None");
    if (failed(index_as_ssize(ts, max_size, &limit))) return {};
    if (limit < 0) limit = 0;
  }
  Tri is_typed = object_is_true(ts, typed);
  Ref<> cache = dict_new(ts);
  if (failed(is_typed) || !cache) return {};
  auto c = new_instance<LruCache>(ts, type, &atoll_lru_cache_type);
  if (!c) return {};
  ring_clear(c.get());
  c->function = new_ref(function);
  c->cache = cache.release();
  c->cache_info_type = new_ref(cache_info_type);
  c->max_size = limit;
  c->typed = is_typed == Tri::kTrue;
  c->vectorcall = cache_vectorcall;
  return c;
}

Ref<> cache_info(ThreadState& ts, LruCache* c) {
  Ref<> hits = int_from_ssize(ts, c->hits), misses = int_from_ssize(ts, c->misses);
  Ref<> limit = c->max_size < 0 ? new_none() : int_from_ssize(ts, c->max_size);
  Ref<> size = int_from_ssize(ts, dict_size(c->cache));
  if (!hits || !misses || !limit || !size) return {};
  return call(ts, c->cache_info_type, hits.get(), misses.get(), limit.get(), size.get());
}
Status cache_clear(ThreadState& ts, LruCache* c) {
  // Links that stay alive in somebody's hands are no longer in the ring.
  ring_clear(c);
  c->hits = c->misses = 0;
  dict_clear(ts, c->cache);
  return Status::kOk;
}
Ref<> cache_reduce(ThreadState& ts, LruCache* c) { return object_getattr(ts, obj(c), ID(__qualname__)); }
Ref<> cache_copy(ThreadState&, LruCache* c) { return dup(obj(c)); }
Ref<> cache_deepcopy(ThreadState&, LruCache* c, PyObject*) { return dup(obj(c)); }
Ref<> cache_descr_get(ThreadState& ts, PyObject* self, PyObject* o, PyObject*) {
  return o == nullptr || o == Py_None ? dup(self) : method_new(ts, self, o);
}

constexpr MethodSpec kCacheMethods[] = {
    ATOLL_METHOD_PLAIN(cache_info, "cache_info", "($self, /)", "Report cache statistics"),
    ATOLL_METHOD_PLAIN(cache_clear, "cache_clear", "($self, /)", "Clear the cache and cache statistics"),
    ATOLL_METHOD_PLAIN(cache_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_PLAIN(cache_copy, "__copy__", "($self, /)", "The same cache."),
    ATOLL_METHOD_PLAIN(cache_deepcopy, "__deepcopy__", "($self, memo, /)", "The same cache."), ATOLL_METHOD_END};
constexpr PyGetSetDef kCacheGetSet[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                                        ATOLL_GETSET_END};

}  // namespace

constinit const TypeSpec functools_lru_cache_spec{
    .name = "functools._lru_cache_wrapper",
    .doc = "Create a cached callable that wraps another function.\n\n"
           "user_function:      the function being cached\n\n"
           "maxsize:  0         for no caching\n"
           "          None      for unlimited cache size\n"
           "          n         for a bounded cache\n\n"
           "typed:    False     cache f(3) and f(3.0) as identical calls\n"
           "          True      cache f(3) and f(3.0) as distinct calls\n\n"
           "cache_info_type:    namedtuple class with the fields:\n"
           "                        hits misses currsize maxsize\n",
    .basicsize = sizeof(LruCache),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_METHOD_DESCRIPTOR |
             Py_TPFLAGS_HAVE_VECTORCALL,
    .dealloc = ATOLL_SLOT(cache_dealloc),
    .traverse = cache_traverse,
    .clear = cache_tp_clear,
    .call = PyVectorcall_Call,
    .getattro = PyObject_GenericGetAttr,
    .setattro = PyObject_GenericSetAttr,
    .descr_get = ATOLL_SLOT(cache_descr_get),
    .new_ = ATOLL_NEW(lru_cache_make, "lru_cache", "(user_function, maxsize, typed, cache_info_type)"),
    .weaklist_offset = offsetof(LruCache, weaklist),
    .dict_offset = offsetof(LruCache, dict),
    .vectorcall_offset = offsetof(LruCache, vectorcall),
    .methods = kCacheMethods,
    .getset = kCacheGetSet,
};
constinit const TypeSpec functools_lru_link_spec{
    .name = "functools._lru_list_elem",
    .basicsize = sizeof(Link),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(link_dealloc),
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_lru_cache_type = {};
ATOLL_SEALED PyTypeObject atoll_lru_link_type = {};

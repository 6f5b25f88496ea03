// itertools.product, permutations, combinations and combinations_with_replacement: all walk positions (indices) in one or
// several tuples ("pools") in lexicographic order and hand out the tuple of the items there.
#include "Modules/itertools/common.h"

namespace atl {

namespace {

// Item i of a tuple that this iterator alone holds is exchanged in place; otherwise in a copy, which becomes the kept one.
Ref<> own_copy(ThreadState& ts, PyObject*& kept) {
  if (kept->ob_refcnt == 1) {
    if (!gc_is_tracked(kept) && kept != empty_tuple()) track(ts, kept);
    return dup(kept);
  }
  if (kept == empty_tuple()) return dup(kept);
  Ref<> copy = tuple_from(ts, tuple_items(kept), tuple_size(kept));
  if (copy) set_field(kept, copy.dup());
  return copy;
}

Py_ssize_t* new_indices(ThreadState& ts, Py_ssize_t n) {
  if (n > PY_SSIZE_T_MAX / 16) return raise_memory(ts);
  auto* p = static_cast<Py_ssize_t*>(object_alloc(ts, static_cast<size_t>(n == 0 ? 1 : n) * sizeof(Py_ssize_t)));
  if (p != nullptr) __builtin_memset(p, 0, static_cast<size_t>(n) * sizeof(Py_ssize_t));
  return p;
}
void free_indices(ThreadState& ts, Py_ssize_t*& p) {
  if (p != nullptr) object_free(ts, std::exchange(p, nullptr));
}
Ref<> indices_tuple(ThreadState& ts, const Py_ssize_t* indices, Py_ssize_t n) {
  Ref<> t = tuple_new(ts, n);
  if (!t) return {};
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> v = int_from_ssize(ts, indices[i]);
    if (!v) return {};
    tuple_items(t.get())[i] = v.release();
  }
  return t;
}
// A number of a pickled state, forced into [low, high].
Status state_index(ThreadState& ts, PyObject* o, Py_ssize_t low, Py_ssize_t high, Py_ssize_t* out) {
  Py_ssize_t v = PyLong_AsSsize_t(o);
  if (v == -1 && error_set(ts)) return Status::kError;
  *out = v < low ? low : v > high ? high : v;
  return Status::kOk;
}
Raised invalid_state(ThreadState& ts) { return raise(ts, PyExc_ValueError, "invalid arguments"); }

// ---- product -----------------------------------------------------------------------------------------------------

struct Product {
  PyObject ob_base;
  PyObject* pools;      // tuple of tuples
  Py_ssize_t* indices;  // one per pool
  PyObject* kept;       // the last result; NULL before the first
  bool stopped;
};
static_assert(sizeof(Product) == 48);
Product* as_product(PyObject* o) { return reinterpret_cast<Product*>(o); }
using ProductFields = OwnedFields<Product, &Product::pools, &Product::kept>;
void product_dealloc(ThreadState& ts, PyObject* o) {
  free_indices(ts, as_product(o)->indices);
  ProductFields::dealloc(o);
}

PyObject* product_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t repeat = 1;
  if (kwargs != nullptr && dict_size(kwargs) != 0) {
    if (dict_size(kwargs) > 1) {
      return raise(ts, PyExc_TypeError, "product() takes at most 1 keyword argument (%zd given)", dict_size(kwargs));
    }
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    dict_next(kwargs, &pos, &key, &value);
    if (!str_equals_ascii(key, "repeat")) {
      return raise(ts, PyExc_TypeError, "'%.200U' is an invalid keyword argument for product()", key);
    }
    if (failed(index_as_ssize(ts, value, &repeat))) return nullptr;
    if (repeat < 0) return raise(ts, PyExc_ValueError, "repeat argument cannot be negative");
  }
  Py_ssize_t given = repeat == 0 ? 0 : tuple_size(args);
  if (given > 0 && repeat > static_cast<Py_ssize_t>(PY_SSIZE_T_MAX / sizeof(Py_ssize_t)) / given) {
    return raise(ts, PyExc_OverflowError, "repeat argument too large");
  }
  Py_ssize_t n = given * repeat;
  Py_ssize_t* indices = new_indices(ts, n);
  if (indices == nullptr) return nullptr;
  ScopeGuard release([&] { free_indices(ts, indices); });
  Ref<> pools = tuple_new(ts, n);
  if (!pools) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> pool = i < given ? tuple_from_iterable(ts, tuple_peek(args, i)) : dup(tuple_peek(pools.get(), i - given));
    if (!pool) return nullptr;
    tuple_items(pools.get())[i] = pool.release();
  }
  auto p = new_instance<Product>(ts, type, &atoll_product_type);
  if (!p) return nullptr;
  p->pools = pools.release();
  p->indices = std::exchange(indices, nullptr);
  return obj(p.release());
}

// The result for the present indices; empty without exception when a pool is.
Ref<> product_at(ThreadState& ts, Product* p) {
  Py_ssize_t n = tuple_size(p->pools);
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (tuple_size(tuple_peek(p->pools, i)) == 0) {
      p->stopped = true;
      return {};
    }
  }
  Ref<> t = tuple_new(ts, n);
  if (!t) return {};
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(t.get())[i] = new_ref(tuple_peek(tuple_peek(p->pools, i), p->indices[i]));
  return t;
}
Ref<> product_next(ThreadState& ts, PyObject* o) {
  Product* p = as_product(o);
  if (p->stopped) return {};
  if (p->kept == nullptr) {
    Ref<> first = product_at(ts, p);
    if (first) p->kept = new_ref(first.get());
    if (!first) p->stopped = true;
    return first;
  }
  // As an odometer counts: the last place first.
  Py_ssize_t place = tuple_size(p->pools) - 1;
  while (place >= 0 && p->indices[place] + 1 == tuple_size(tuple_peek(p->pools, place))) --place;
  if (place < 0) {
    p->stopped = true;
    return {};
  }
  Ref<> result = own_copy(ts, p->kept);
  if (!result) return {};
  for (Py_ssize_t i = place; i < tuple_size(p->pools); ++i) {
    p->indices[i] = i == place ? p->indices[i] + 1 : 0;
    set_field(tuple_items(result.get())[i], dup(tuple_peek(tuple_peek(p->pools, i), p->indices[i])));
  }
  return result;
}
Ref<> product_reduce(ThreadState& ts, Product* p) {
  PyTypeObject* type = p->ob_base.ob_type;
  if (p->stopped) {
    Ref<> args = tuple_of(ts, empty_tuple());
    return args ? tuple_of(ts, type, args.get()) : Ref<>();
  }
  if (p->kept == nullptr) return tuple_of(ts, type, p->pools);
  Ref<> indices = indices_tuple(ts, p->indices, tuple_size(p->pools));
  return indices ? tuple_of(ts, type, p->pools, indices.get()) : Ref<>();
}
Status product_setstate(ThreadState& ts, Product* p, PyObject* state) {
  Py_ssize_t n = tuple_size(p->pools);
  if (!is_tuple(state) || tuple_size(state) != n) return invalid_state(ts);
  for (Py_ssize_t i = 0; i < n; ++i) {
    Py_ssize_t size = tuple_size(tuple_peek(p->pools, i));
    if (size == 0) {
      p->stopped = true;
      return Status::kOk;
    }
    if (failed(state_index(ts, tuple_peek(state, i), 0, size - 1, &p->indices[i]))) return Status::kError;
  }
  Ref<> result = product_at(ts, p);
  if (!result) return Status::kError;
  set_field(p->kept, std::move(result));
  return Status::kOk;
}
Ref<> product_sizeof(ThreadState& ts, Product* p) {
  return int_from_ssize(ts, p->ob_base.ob_type->tp_basicsize + tuple_size(p->pools) * static_cast<Py_ssize_t>(sizeof(Py_ssize_t)));
}
#define ATOLL_COMBINATORIC_METHODS(prefix)                                                          \
  constexpr MethodSpec k_##prefix##_methods[] = {                                                   \
      ATOLL_ITERTOOLS_REDUCE(prefix##_reduce), ATOLL_ITERTOOLS_SETSTATE(prefix##_setstate),         \
      ATOLL_METHOD_PLAIN(prefix##_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."), \
      ATOLL_METHOD_END};
ATOLL_COMBINATORIC_METHODS(product)

// ---- combinations, with and without replacement ------------------------------------------------------------------

struct Combinations {
  PyObject ob_base;
  PyObject* pool;       // tuple
  Py_ssize_t* indices;  // r of them
  PyObject* kept;       // the last result; NULL before the first
  Py_ssize_t r;
  bool stopped;
};
static_assert(sizeof(Combinations) == 56);
Combinations* as_combinations(PyObject* o) { return reinterpret_cast<Combinations*>(o); }
using CombinationsFields = OwnedFields<Combinations, &Combinations::pool, &Combinations::kept>;
void combinations_dealloc(ThreadState& ts, PyObject* o) {
  free_indices(ts, as_combinations(o)->indices);
  CombinationsFields::dealloc(o);
}

Ref<Combinations> combinations_start(ThreadState& ts, PyTypeObject* type, PyTypeObject* exact, PyObject* iterable, Py_ssize_t r) {
  Ref<> pool = tuple_from_iterable(ts, iterable);
  if (!pool) return {};
  if (r < 0) return raise(ts, PyExc_ValueError, "r must be non-negative");
  Py_ssize_t* indices = new_indices(ts, r);
  if (indices == nullptr) return {};
  auto c = new_instance<Combinations>(ts, type, exact);
  if (!c) {
    free_indices(ts, indices);
    return {};
  }
  c->pool = pool.release();
  c->indices = indices;
  c->r = r;
  return c;
}
Ref<> combinations_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable, Py_ssize_t r) {
  auto c = combinations_start(ts, type, &atoll_combinations_type, iterable, r);
  if (!c) return {};
  for (Py_ssize_t i = 0; i < r; ++i) c->indices[i] = i;
  c->stopped = r > tuple_size(c->pool);
  return c;
}
Ref<> combinations_with_replacement_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable, Py_ssize_t r) {
  auto c = combinations_start(ts, type, &atoll_combinations_with_replacement_type, iterable, r);
  if (!c) return {};
  c->stopped = tuple_size(c->pool) == 0 && r > 0;
  return c;
}

Ref<> chosen(ThreadState& ts, PyObject* pool, const Py_ssize_t* indices, Py_ssize_t r) {
  Ref<> t = tuple_new(ts, r);
  if (!t) return {};
  for (Py_ssize_t i = 0; i < r; ++i) tuple_items(t.get())[i] = new_ref(tuple_peek(pool, indices[i]));
  return t;
}

// The next choice: the last place that can go further does, the places behind it follow closely.
template <bool kReplace>
Ref<> choice_next(ThreadState& ts, PyObject* o) {
  Combinations* c = as_combinations(o);
  if (c->stopped) return {};
  if (c->kept == nullptr) {
    Ref<> first = chosen(ts, c->pool, c->indices, c->r);
    if (first) c->kept = new_ref(first.get());
    return first;
  }
  Py_ssize_t n = tuple_size(c->pool);
  Py_ssize_t place = c->r - 1;
  while (place >= 0 && c->indices[place] == (kReplace ? n - 1 : place + n - c->r)) --place;
  if (place < 0) {
    c->stopped = true;
    return {};
  }
  Ref<> result = own_copy(ts, c->kept);
  if (!result) return {};
  Py_ssize_t at = c->indices[place] + 1;
  for (Py_ssize_t i = place; i < c->r; ++i) {
    c->indices[i] = kReplace ? at : at + (i - place);
    set_field(tuple_items(result.get())[i], dup(tuple_peek(c->pool, c->indices[i])));
  }
  return result;
}
Ref<> combinations_next(ThreadState& ts, PyObject* o) { return choice_next<false>(ts, o); }
Ref<> combinations_with_replacement_next(ThreadState& ts, PyObject* o) { return choice_next<true>(ts, o); }

Ref<> combinations_reduce(ThreadState& ts, Combinations* c) {
  PyTypeObject* type = c->ob_base.ob_type;
  Ref<> r = int_from_ssize(ts, c->r);
  Ref<> args = r ? tuple_of(ts, c->stopped && c->kept != nullptr ? empty_tuple() : c->pool, r.get()) : Ref<>();
  if (!args || c->kept == nullptr || c->stopped) return args ? tuple_of(ts, type, args.get()) : Ref<>();
  Ref<> indices = indices_tuple(ts, c->indices, c->r);
  return indices ? tuple_of(ts, type, args.get(), indices.get()) : Ref<>();
}
Status choice_setstate(ThreadState& ts, Combinations* c, PyObject* state, bool replace) {
  if (!is_tuple(state) || tuple_size(state) != c->r) return invalid_state(ts);
  Py_ssize_t n = tuple_size(c->pool);
  if (c->stopped || (n == 0 && c->r > 0)) return Status::kOk;
  for (Py_ssize_t i = 0; i < c->r; ++i) {
    if (failed(state_index(ts, tuple_peek(state, i), 0, replace ? n - 1 : i + n - c->r, &c->indices[i]))) return Status::kError;
  }
  Ref<> result = chosen(ts, c->pool, c->indices, c->r);
  if (!result) return Status::kError;
  set_field(c->kept, std::move(result));
  return Status::kOk;
}
Status combinations_setstate(ThreadState& ts, Combinations* c, PyObject* state) { return choice_setstate(ts, c, state, false); }
Status combinations_with_replacement_setstate(ThreadState& ts, Combinations* c, PyObject* state) {
  return choice_setstate(ts, c, state, true);
}
Ref<> combinations_with_replacement_reduce(ThreadState& ts, Combinations* c) { return combinations_reduce(ts, c); }
Ref<> combinations_sizeof(ThreadState& ts, Combinations* c) {
  return int_from_ssize(ts, c->ob_base.ob_type->tp_basicsize + c->r * static_cast<Py_ssize_t>(sizeof(Py_ssize_t)));
}
Ref<> combinations_with_replacement_sizeof(ThreadState& ts, Combinations* c) { return combinations_sizeof(ts, c); }
ATOLL_COMBINATORIC_METHODS(combinations)
ATOLL_COMBINATORIC_METHODS(combinations_with_replacement)

// ---- permutations ------------------------------------------------------------------------------------------------

// cycles[i] counts how many items may still come to stand in place i; as in the recipe of the documentation.
struct Permutations {
  PyObject ob_base;
  PyObject* pool;       // tuple of n
  Py_ssize_t* indices;  // n of them, the first r are the result
  Py_ssize_t* cycles;   // r of them
  PyObject* kept;       // the last result; NULL before the first
  Py_ssize_t r;
  bool stopped;
};
static_assert(sizeof(Permutations) == 64);
Permutations* as_permutations(PyObject* o) { return reinterpret_cast<Permutations*>(o); }
using PermutationsFields = OwnedFields<Permutations, &Permutations::pool, &Permutations::kept>;
void permutations_dealloc(ThreadState& ts, PyObject* o) {
  free_indices(ts, as_permutations(o)->indices);
  free_indices(ts, as_permutations(o)->cycles);
  PermutationsFields::dealloc(o);
}

Ref<> permutations_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable, PyObject* r_arg) {
  Ref<> pool = tuple_from_iterable(ts, iterable);
  if (!pool) return {};
  Py_ssize_t n = tuple_size(pool.get());
  Py_ssize_t r = n;
  if (r_arg != nullptr && r_arg != Py_None) {
    if (!is_int(r_arg)) return raise(ts, PyExc_TypeError, "Expected int as r");
    if (failed(index_as_ssize(ts, r_arg, &r))) return {};
  }
  if (r < 0) return raise(ts, PyExc_ValueError, "r must be non-negative");
  Py_ssize_t* indices = new_indices(ts, n);
  if (indices == nullptr) return {};
  Py_ssize_t* cycles = new_indices(ts, r);
  Ref<Permutations> p;
  if (cycles != nullptr) p = new_instance<Permutations>(ts, type, &atoll_permutations_type);
  if (!p) {
    free_indices(ts, indices);
    free_indices(ts, cycles);
    return {};
  }
  for (Py_ssize_t i = 0; i < n; ++i) indices[i] = i;
  for (Py_ssize_t i = 0; i < r; ++i) cycles[i] = n - i;
  p->pool = pool.release();
  p->indices = indices;
  p->cycles = cycles;
  p->r = r;
  p->stopped = r > n;
  return p;
}

Ref<> permutations_next(ThreadState& ts, PyObject* o) {
  Permutations* p = as_permutations(o);
  if (p->stopped) return {};
  if (p->kept == nullptr) {
    Ref<> first = chosen(ts, p->pool, p->indices, p->r);
    if (first) p->kept = new_ref(first.get());
    return first;
  }
  Py_ssize_t n = tuple_size(p->pool);
  Py_ssize_t place = p->r - 1;
  for (; place >= 0; --place) {
    if (--p->cycles[place] != 0) break;
    // Every item has stood here: they go back to their old order, by a rotation to the left.
    Py_ssize_t first = p->indices[place];
    for (Py_ssize_t i = place; i + 1 < n; ++i) p->indices[i] = p->indices[i + 1];
    p->indices[n - 1] = first;
    p->cycles[place] = n - place;
  }
  if (place < 0) {
    p->stopped = true;
    return {};
  }
  std::swap(p->indices[place], p->indices[n - p->cycles[place]]);
  Ref<> result = own_copy(ts, p->kept);
  if (!result) return {};
  for (Py_ssize_t i = place; i < p->r; ++i) {
    set_field(tuple_items(result.get())[i], dup(tuple_peek(p->pool, p->indices[i])));
  }
  return result;
}
Ref<> permutations_reduce(ThreadState& ts, Permutations* p) {
  PyTypeObject* type = p->ob_base.ob_type;
  Ref<> r = int_from_ssize(ts, p->r);
  Ref<> args = r ? tuple_of(ts, p->stopped && p->kept != nullptr ? empty_tuple() : p->pool, r.get()) : Ref<>();
  if (!args || p->kept == nullptr || p->stopped) return args ? tuple_of(ts, type, args.get()) : Ref<>();
  Ref<> indices = indices_tuple(ts, p->indices, tuple_size(p->pool));
  Ref<> cycles = indices_tuple(ts, p->cycles, p->r);
  Ref<> state = indices && cycles ? tuple_of(ts, indices.get(), cycles.get()) : Ref<>();
  return state ? tuple_of(ts, type, args.get(), state.get()) : Ref<>();
}
Status permutations_setstate(ThreadState& ts, Permutations* p, PyObject* state) {
  if (failed(check_state(ts, state, 2))) return Status::kError;
  PyObject *indices = tuple_peek(state, 0), *cycles = tuple_peek(state, 1);
  Py_ssize_t n = tuple_size(p->pool);
  if (!is_tuple(indices) || !is_tuple(cycles) || tuple_size(indices) != n || tuple_size(cycles) != p->r) return invalid_state(ts);
  if (p->stopped) return Status::kOk;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (failed(state_index(ts, tuple_peek(indices, i), 0, n - 1, &p->indices[i]))) return Status::kError;
  }
  for (Py_ssize_t i = 0; i < p->r; ++i) {
    if (failed(state_index(ts, tuple_peek(cycles, i), 1, n - i, &p->cycles[i]))) return Status::kError;
  }
  Ref<> result = chosen(ts, p->pool, p->indices, p->r);
  if (!result) return Status::kError;
  set_field(p->kept, std::move(result));
  return Status::kOk;
}
Ref<> permutations_sizeof(ThreadState& ts, Permutations* p) {
  return int_from_ssize(ts, p->ob_base.ob_type->tp_basicsize +
                                (tuple_size(p->pool) + p->r) * static_cast<Py_ssize_t>(sizeof(Py_ssize_t)));
}
ATOLL_COMBINATORIC_METHODS(permutations)

}  // namespace

#define ATOLL_COMBINATORIC_TYPE(prefix, documentation, object, kind, fields, make) \
  constinit const TypeSpec itertools_##prefix##_spec{                              \
      .name = "itertools." #prefix,                                                \
      .doc = documentation,                                                        \
      .basicsize = sizeof(object),                                                 \
      .flags = kItertoolsFlags,                                                    \
      .dealloc = ATOLL_SLOT(kind##_dealloc),                                       \
      .traverse = fields::traverse,                                                \
      .getattro = PyObject_GenericGetAttr,                                         \
      .iter = PyObject_SelfIter,                                                   \
      .iternext = ATOLL_SLOT(prefix##_next),                                       \
      .new_ = make,                                                                \
      .methods = k_##prefix##_methods,                                             \
  };

ATOLL_COMBINATORIC_TYPE(product,
                        "product(*iterables, repeat=1) --> product object\n\n"
                        "The Cartesian product: what nested loops over the iterables give, the last one\n"
                        "turning fastest. repeat is the number of times that the iterables are taken:\n"
                        "product(A, repeat=2) is product(A, A).",
                        Product, product, ProductFields, product_tp_new)
ATOLL_COMBINATORIC_TYPE(combinations,
                        "combinations(iterable, r)\n--\n\n"
                        "The choices of r items, in the order of the iterable.\n\n"
                        "combinations('ABC', 2) --> ('A','B'), ('A','C'), ('B','C')",
                        Combinations, combinations, CombinationsFields,
                        ATOLL_NEW(combinations_make, "combinations", "(iterable, r)"))
ATOLL_COMBINATORIC_TYPE(combinations_with_replacement,
                        "combinations_with_replacement(iterable, r)\n--\n\n"
                        "The choices of r items, each as often as you like.\n\n"
                        "combinations_with_replacement('AB', 2) --> ('A','A'), ('A','B'), ('B','B')",
                        Combinations, combinations, CombinationsFields,
                        ATOLL_NEW(combinations_with_replacement_make, "combinations_with_replacement", "(iterable, r)"))
ATOLL_COMBINATORIC_TYPE(permutations,
                        "permutations(iterable, r=None)\n--\n\n"
                        "The arrangements of r items (of all without r).\n\n"
                        "permutations('AB') --> ('A','B'), ('B','A')",
                        Permutations, permutations, PermutationsFields,
                        ATOLL_NEW(permutations_make, "permutations", "(iterable, r=None)"))

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_product_type = {};
ATOLL_SEALED PyTypeObject atoll_permutations_type = {};
ATOLL_SEALED PyTypeObject atoll_combinations_type = {};
ATOLL_SEALED PyTypeObject atoll_combinations_with_replacement_type = {};

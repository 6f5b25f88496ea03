// _heapq: heaps in lists. Comparisons may run Python code, which may change the list: that is RuntimeError.
#include "Modules/module_def.h"
#include "Objects/list.h"

namespace atl {

namespace {

// A list argument.
struct List {
  PyObject* o;
};

}  // namespace

template <>
struct ArgTraits<List> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& place, List* out) {
    if (!is_list(o)) {
      (void)raise_bad_argument(ts, place, "list", o);
      return false;
    }
    out->o = o;
    return true;
  }
};

namespace {

// The order that puts the smallest (or, for the functions of heapq.merge, the largest) first.
enum class Order { kMin, kMax };

template <Order kOrder>
class Sifter {
 public:
  Sifter(ThreadState& ts, PyObject* list) : ts_(ts), list_(list), size_(list_size(list)) {}

  // Item i goes up until its parent comes before it.
  Status up(Py_ssize_t start, Py_ssize_t i) {
    while (i > start) {
      Py_ssize_t parent = (i - 1) / 2;
      Tri before = comes_before(i, parent);
      if (failed(before)) return Status::kError;
      if (before == Tri::kFalse) break;
      std::swap(item(i), item(parent));
      i = parent;
    }
    return Status::kOk;
  }

  // Item i goes down to a leaf, always after the child that comes first, and then up again to its place: most items taken
  // from the end belong near the leaves, so this compares less than stopping on the way down would.
  Status down(Py_ssize_t i) {
    Py_ssize_t start = i;
    for (Py_ssize_t child = 2 * i + 1; child < size_; child = 2 * i + 1) {
      if (child + 1 < size_) {
        Tri left_first = comes_before(child, child + 1);
        if (failed(left_first)) return Status::kError;
        if (left_first == Tri::kFalse) ++child;
      }
      std::swap(item(i), item(child));
      i = child;
    }
    return up(start, i);
  }

  Status heapify() {
    for (Py_ssize_t i = size_ / 2; i-- > 0;) {
      if (failed(down(i))) return Status::kError;
    }
    return Status::kOk;
  }

 private:
  PyObject*& item(Py_ssize_t i) { return list_items(list_)[i]; }
  Tri comes_before(Py_ssize_t i, Py_ssize_t j) {
    Ref<> a = dup(item(i)), b = dup(item(j));
    Tri r = kOrder == Order::kMin ? object_richcompare_bool(ts_, a.get(), b.get(), Py_LT)
                                  : object_richcompare_bool(ts_, b.get(), a.get(), Py_LT);
    if (!failed(r) && list_size(list_) != size_) return raise(ts_, PyExc_RuntimeError, "list changed size during iteration");
    return r;
  }

  ThreadState& ts_;
  PyObject* list_;
  Py_ssize_t size_;
};

Raised empty(ThreadState& ts) { return raise(ts, PyExc_IndexError, "index out of range"); }

Status m_heappush(ThreadState& ts, PyObject*, List heap, PyObject* item) {
  if (failed(list_append(ts, heap.o, dup(item)))) return Status::kError;
  return Sifter<Order::kMin>(ts, heap.o).up(0, list_size(heap.o) - 1);
}

// Puts an item in the place of the first one, which is given back.
template <Order kOrder>
Ref<> exchange_first(ThreadState& ts, PyObject* list, Ref<> item) {
  Ref<> first = Ref<>::steal(std::exchange(list_items(list)[0], item.release()));
  return failed(Sifter<kOrder>(ts, list).down(0)) ? Ref<>() : std::move(first);
}

template <Order kOrder>
Ref<> pop(ThreadState& ts, PyObject*, List heap) {
  Py_ssize_t n = list_size(heap.o);
  if (n == 0) return empty(ts);
  Ref<> last = dup(list_items(heap.o)[n - 1]);
  if (failed(list_set_slice(ts, heap.o, n - 1, n, nullptr))) return {};
  return n == 1 ? std::move(last) : exchange_first<kOrder>(ts, heap.o, std::move(last));
}

template <Order kOrder>
Ref<> replace(ThreadState& ts, PyObject*, List heap, PyObject* item) {
  if (list_size(heap.o) == 0) return empty(ts);
  return exchange_first<kOrder>(ts, heap.o, dup(item));
}

Ref<> m_heappushpop(ThreadState& ts, PyObject*, List heap, PyObject* item) {
  if (list_size(heap.o) == 0) return dup(item);
  Ref<> first = dup(list_items(heap.o)[0]);
  Tri smaller = object_richcompare_bool(ts, first.get(), item, Py_LT);
  if (failed(smaller)) return {};
  if (smaller == Tri::kFalse) return dup(item);
  if (list_size(heap.o) == 0) return empty(ts);
  return exchange_first<Order::kMin>(ts, heap.o, dup(item));
}

template <Order kOrder>
Status heapify(ThreadState& ts, PyObject*, List heap) {
  return Sifter<kOrder>(ts, heap.o).heapify();
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(m_heappush, "heappush", "($module, heap, item, /)", "Push item onto heap, maintaining the heap invariant."),
    ATOLL_METHOD(m_heappushpop, "heappushpop", "($module, heap, item, /)",
                 "Push item on the heap, then pop and return the smallest item from the heap.\n\n"
                 "Faster than heappush() followed by heappop()."),
    ATOLL_METHOD(pop<Order::kMin>, "heappop", "($module, heap, /)",
                 "Pop the smallest item off the heap, maintaining the heap invariant."),
    ATOLL_METHOD(replace<Order::kMin>, "heapreplace", "($module, heap, item, /)",
                 "Pop and return the smallest item, and add the new one.\n\n"
                 "Faster than heappop() followed by heappush(). The result may be larger than the\n"
                 "new item."),
    ATOLL_METHOD(heapify<Order::kMin>, "heapify", "($module, heap, /)", "Transform list into a heap, in-place, in O(len(heap)) time."),
    ATOLL_METHOD(pop<Order::kMax>, "_heappop_max", "($module, heap, /)", "Maxheap variant of heappop."),
    ATOLL_METHOD(heapify<Order::kMax>, "_heapify_max", "($module, heap, /)", "Maxheap variant of heapify."),
    ATOLL_METHOD(replace<Order::kMax>, "_heapreplace_max", "($module, heap, item, /)", "Maxheap variant of heapreplace."),
    ATOLL_METHOD_END};

constexpr char kAbout[] =
    "Heap queues\n\n"
    "A heap is a list in which a[k] <= a[2*k+1] and a[k] <= a[2*k+2] for every k, as far\n"
    "as there are such items: a tree whose smallest item stands at a[0]. Taking that one\n"
    "away, or adding one, costs a number of comparisons that grows as the logarithm of\n"
    "the size. Used for scheduling, merging and sorting.\n";

int exec(PyObject* module) {
  ThreadState& ts = current_thread();
  return static_cast<int>(module_add(ts, module, "__about__", Ref<>::steal(PyUnicode_FromString(kAbout))));
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__heapq, "_heapq",
                     "Heap queue algorithm (a.k.a. priority queue).\n\n"
                     "heap = []            # an empty heap\n"
                     "heappush(heap, x)    # add an item\n"
                     "x = heappop(heap)    # take the smallest one\n"
                     "x = heap[0]          # look at it\n"
                     "heapify(x)           # make a heap of a list\n"
                     "x = heapreplace(heap, y)  # take the smallest one, add another\n",
                     0, atl::kFunctions, atl::exec)

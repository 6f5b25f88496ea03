// list.sort: a stable, adaptive merge sort on natural runs.
//
// The list is cut into runs that are ascending already, or strictly descending and then reversed; short ones are
// extended by binary insertion to a minimum length. Runs are merged in an order given by their "powers" (Munro and
// Wild, 2018: the depth of the boundary between two neighbours in a nearly optimal merge tree), which needs no more
// than log2(n) + 1 waiting runs. A merge copies the shorter run aside. Where one side wins many times in a row, the
// merge gallops: it looks for the place by exponential search.
//
// With a key function the keys are compared and the values move along. The comparison is chosen once for all: when all
// keys are of one exact type that we know, no general comparison is called.
#include <cstring>

#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/upcalls.h"

namespace atl {

namespace {

struct Item {
  PyObject* key;
  PyObject* value;  // the key itself when there is no key function
};

struct Sorter {
  ThreadState& ts;
  bool (*less_fast)(PyObject*, PyObject*) = nullptr;  // can't fail
  Item* buffer = nullptr;
  size_t buffer_room = 0;
  bool failed_ = false;

  explicit Sorter(ThreadState& t) : ts(t) {}
  ~Sorter() { std::free(buffer); }

  // a < b; false after an error too (failed_ is set).
  bool less(PyObject* a, PyObject* b) {
    if (less_fast != nullptr) return less_fast(a, b);
    Tri t = object_richcompare_bool_no_identity(a, b);
    if (t == Tri::kError) {
      failed_ = true;
      return false;
    }
    return t == Tri::kTrue;
  }

  Tri object_richcompare_bool_no_identity(PyObject* a, PyObject* b) {
    Ref<> r = object_richcompare(ts, a, b, Py_LT);
    if (!r) return Tri::kError;
    if (r.get() == Py_True) return Tri::kTrue;
    if (r.get() == Py_False) return Tri::kFalse;
    return object_is_true(ts, r.get());
  }

  bool room(size_t n) {
    if (n <= buffer_room) return true;
    std::free(buffer);
    buffer = static_cast<Item*>(std::malloc(n * sizeof(Item)));
    buffer_room = buffer != nullptr ? n : 0;
    if (buffer == nullptr) {
      raise_no_memory(ts);
      failed_ = true;
      return false;
    }
    return true;
  }
};

// ---- comparisons for lists of one type ----------------------------------------------------------------------------

bool less_int(PyObject* a, PyObject* b) {
  if (int_is_compact(a) && int_is_compact(b)) return int_compact_value(a) < int_compact_value(b);
  return int_compare(a, b) < 0;
}
bool less_float(PyObject* a, PyObject* b) { return float_value(a) < float_value(b); }
bool less_str(PyObject* a, PyObject* b) { return str_compare(a, b) < 0; }

void choose_comparison(Sorter& s, const Item* items, size_t n) {
  PyTypeObject* type = items[0].key->ob_type;
  for (size_t i = 1; i < n; ++i) {
    if (items[i].key->ob_type != type) return;
  }
  if (type == &PyLong_Type) s.less_fast = less_int;
  if (type == &PyFloat_Type) s.less_fast = less_float;
  if (type == &PyUnicode_Type) s.less_fast = less_str;
}

// ---- runs --------------------------------------------------------------------------------------------------------

constexpr size_t kMinRun = 24;
constexpr size_t kGallop = 7;  // wins in a row before galloping

void reverse(Item* from, Item* to) {
  while (from < to) std::swap(*from++, *--to);
}

// Length of the run that begins at a; a descending one is turned round.
size_t find_run(Sorter& s, Item* a, size_t n) {
  if (n < 2) return n;
  size_t i = 2;
  if (s.less(a[1].key, a[0].key)) {
    while (i < n && s.less(a[i].key, a[i - 1].key)) ++i;
    if (!s.failed_) reverse(a, a + i);
  } else {
    while (i < n && !s.less(a[i].key, a[i - 1].key) && !s.failed_) ++i;
  }
  return i;
}

// Sorts a[0..n) whose first `sorted` items are in order.
void insertion_sort(Sorter& s, Item* a, size_t n, size_t sorted) {
  for (size_t i = sorted; i < n; ++i) {
    Item item = a[i];
    size_t low = 0, high = i;
    while (low < high) {
      size_t mid = (low + high) / 2;
      if (s.less(item.key, a[mid].key)) {
        high = mid;
      } else {
        low = mid + 1;
      }
      if (s.failed_) return;
    }
    std::memmove(a + low + 1, a + low, (i - low) * sizeof(Item));
    a[low] = item;
  }
}

// ---- merging -----------------------------------------------------------------------------------------------------

// Number of items of a[0..n) that are < key (or <= key): exponential, then binary search from the front.
size_t gallop_front(Sorter& s, PyObject* key, const Item* a, size_t n, bool or_equal) {
  auto before = [&](size_t i) { return or_equal ? !s.less(key, a[i].key) : s.less(a[i].key, key); };
  size_t known = 0, step = 1;
  while (known + step <= n && before(known + step - 1) && !s.failed_) {
    known += step;
    step *= 2;
  }
  size_t low = known, high = known + step < n ? known + step - 1 : n;
  while (low < high && !s.failed_) {
    size_t mid = (low + high) / 2;
    if (before(mid)) {
      low = mid + 1;
    } else {
      high = mid;
    }
  }
  return low;
}
// The same searched from the back.
size_t gallop_back(Sorter& s, PyObject* key, const Item* a, size_t n, bool or_equal) {
  auto before = [&](size_t i) { return or_equal ? !s.less(key, a[i].key) : s.less(a[i].key, key); };
  size_t known = n, step = 1;
  while (known >= step && !before(known - step) && !s.failed_) {
    known -= step;
    step *= 2;
  }
  size_t low = known >= step ? known - step + 1 : 0, high = known;
  while (low < high && !s.failed_) {
    size_t mid = (low + high) / 2;
    if (before(mid)) {
      low = mid + 1;
    } else {
      high = mid;
    }
  }
  return low;
}

// a[0..n) and a[n..n+m), n <= m: the left run goes aside, the merge fills from the front. On an error what is aside
// comes back, so that every item stays in the list.
void merge_low(Sorter& s, Item* a, size_t n, size_t m) {
  if (!s.room(n)) return;
  std::memcpy(s.buffer, a, n * sizeof(Item));
  Item *left = s.buffer, *left_end = left + n;
  Item *right = a + n, *right_end = right + m;
  Item* out = a;
  size_t left_wins = 0, right_wins = 0;
  while (left < left_end && right < right_end && !s.failed_) {
    if (s.less(right->key, left->key)) {
      *out++ = *right++;
      left_wins = 0;
      if (++right_wins >= kGallop && right < right_end) {
        size_t k = gallop_front(s, left->key, right, static_cast<size_t>(right_end - right), false);
        if (s.failed_) break;
        std::memmove(out, right, k * sizeof(Item));
        out += k;
        right += k;
        right_wins = 0;
      }
    } else {
      if (s.failed_) break;
      *out++ = *left++;
      right_wins = 0;
      if (++left_wins >= kGallop && left < left_end) {
        size_t k = gallop_front(s, right->key, left, static_cast<size_t>(left_end - left), true);
        if (s.failed_) break;
        std::memcpy(out, left, k * sizeof(Item));
        out += k;
        left += k;
        left_wins = 0;
      }
    }
  }
  std::memcpy(out, left, static_cast<size_t>(left_end - left) * sizeof(Item));
}

// The mirror image, m < n: the right run goes aside, the merge fills from the back.
void merge_high(Sorter& s, Item* a, size_t n, size_t m) {
  if (!s.room(m)) return;
  std::memcpy(s.buffer, a + n, m * sizeof(Item));
  size_t left = n, right = m;
  Item* out = a + n + m;
  size_t left_wins = 0, right_wins = 0;
  while (left > 0 && right > 0 && !s.failed_) {
    if (s.less(s.buffer[right - 1].key, a[left - 1].key)) {
      *--out = a[--left];
      right_wins = 0;
      if (++left_wins >= kGallop && left > 0) {
        size_t keep = gallop_back(s, s.buffer[right - 1].key, a, left, true);
        if (s.failed_) break;
        size_t k = left - keep;
        out -= k;
        std::memmove(out, a + keep, k * sizeof(Item));
        left = keep;
        left_wins = 0;
      }
    } else {
      if (s.failed_) break;
      *--out = s.buffer[--right];
      left_wins = 0;
      if (++right_wins >= kGallop && right > 0) {
        size_t keep = gallop_back(s, a[left - 1].key, s.buffer, right, false);
        if (s.failed_) break;
        size_t k = right - keep;
        out -= k;
        std::memcpy(out, s.buffer + keep, k * sizeof(Item));
        right = keep;
        right_wins = 0;
      }
    }
  }
  std::memcpy(out - right, s.buffer, right * sizeof(Item));
}

void merge(Sorter& s, Item* a, size_t n, size_t m) {
  // What is in place at both ends already does not take part.
  size_t skip = gallop_front(s, a[n].key, a, n, true);
  if (s.failed_) return;
  a += skip;
  n -= skip;
  if (n == 0) return;
  m = gallop_back(s, a[n - 1].key, a + n, m, false);
  if (s.failed_ || m == 0) return;
  if (n <= m) {
    merge_low(s, a, n, m);
  } else {
    merge_high(s, a, n, m);
  }
}

// Depth of the boundary between runs [b, b+n) and [b+n, b+n+m) of `total` items in the merge tree.
unsigned boundary_power(size_t b, size_t n, size_t m, size_t total) {
  // Twice the runs' midpoints, as fractions of 2 * total; the power is the first bit in which they differ.
  uint64_t x = 2 * static_cast<uint64_t>(b) + n;
  uint64_t y = x + n + m;
  uint64_t whole = 2 * static_cast<uint64_t>(total);
  unsigned power = 0;
  for (;;) {
    ++power;
    x *= 2;
    y *= 2;
    bool in_x = x >= whole, in_y = y >= whole;
    if (in_x != in_y) return power;
    if (in_x) {
      x -= whole;
      y -= whole;
    }
  }
}

void sort_items(Sorter& s, Item* a, size_t n) {
  struct Run {
    size_t begin, length;
    unsigned power;  // of the boundary to the run before it
  } stack[72];
  size_t depth = 0;
  size_t at = 0;
  size_t min_run = n < 64 ? n : kMinRun;
  while (at < n && !s.failed_) {
    size_t length = find_run(s, a + at, n - at);
    if (s.failed_) return;
    size_t want = n - at < min_run ? n - at : min_run;
    if (length < want) {
      insertion_sort(s, a + at, want, length);
      length = want;
    }
    unsigned power = depth == 0 ? 0 : boundary_power(stack[depth - 1].begin, stack[depth - 1].length, length, n);
    while (depth > 1 && stack[depth - 1].power > power && !s.failed_) {
      Run& left = stack[depth - 2];
      merge(s, a + left.begin, left.length, stack[depth - 1].length);
      left.length += stack[depth - 1].length;
      --depth;
    }
    stack[depth++] = {at, length, power};
    at += length;
  }
  while (depth > 1 && !s.failed_) {
    Run& left = stack[depth - 2];
    merge(s, a + left.begin, left.length, stack[depth - 1].length);
    left.length += stack[depth - 1].length;
    --depth;
  }
}

}  // namespace

Status list_sort(ThreadState& ts, PyObject* o, PyObject* key, bool reverse_order) {
  auto* list = reinterpret_cast<PyListObject*>(o);
  // While it sorts the list looks empty; whatever is put in meanwhile is an error afterwards.
  PyObject** items = std::exchange(list->ob_item, nullptr);
  Py_ssize_t n = std::exchange(list->ob_base.ob_size, 0);
  Py_ssize_t allocated = std::exchange(list->allocated, -1);
  Status result = Status::kOk;
  size_t count = static_cast<size_t>(n);
  Item* work = count == 0 ? nullptr : static_cast<Item*>(std::malloc(count * sizeof(Item)));
  if (count != 0 && work == nullptr) {
    result = raise_memory(ts);
  } else if (count != 0) {
    size_t made = 0;
    for (; made < count; ++made) {
      work[made].value = items[made];
      work[made].key = items[made];
      if (key == nullptr) continue;
      PyObject* k = call(ts, key, items[made]).release();
      if (k == nullptr) {
        result = Status::kError;
        break;
      }
      work[made].key = k;
    }
    if (!failed(result) && count > 1) {
      Sorter s(ts);
      choose_comparison(s, work, count);
      // Reversing before and after keeps equal items in their order.
      if (reverse_order) reverse(work, work + count);
      sort_items(s, work, count);
      if (reverse_order) reverse(work, work + count);
      if (s.failed_) result = Status::kError;
      for (size_t i = 0; i < count; ++i) items[i] = work[i].value;
    }
    if (key != nullptr) {
      for (size_t i = 0; i < made; ++i) decref(work[i].key);
    }
    std::free(work);
  }
  if (list->allocated != -1 && !failed(result)) result = raise(ts, PyExc_ValueError, "list modified during sort");
  // What somebody put in goes, after the list has its own items back.
  PyObject** foreign = std::exchange(list->ob_item, items);
  Py_ssize_t foreign_count = std::exchange(list->ob_base.ob_size, n);
  list->allocated = allocated;
  if (foreign != nullptr) {
    for (Py_ssize_t i = 0; i < foreign_count; ++i) xdecref(foreign[i]);
    object_free(ts, foreign);
  }
  return result;
}

}  // namespace atl

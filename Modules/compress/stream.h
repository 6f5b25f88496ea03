// What the compression modules share: growing output, input that is left over, the lock of an object.
#pragma once

#include <climits>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include "Modules/module_tools.h"
#include "Objects/bytes.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "structmember.h"

namespace atl::compress {

// Several threads may use one object: the work goes on without the interpreter's lock, under the object's own. Waiting for that never
// keeps the interpreter's. To be made while holding the interpreter's lock, which is held again at the end of the scope.
class Unlocked {
 public:
  explicit Unlocked(std::mutex& lock) : lock_(lock), saved_(PyEval_SaveThread()) { lock_.lock(); }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
  ~Unlocked() {
    lock_.unlock();
    PyEval_RestoreThread(saved_);
  }

 private:
  std::mutex& lock_;
  PyThreadState* saved_;
};
// The object's lock, with the interpreter's held: for work that needs both.
class Locked {
 public:
  explicit Locked(std::mutex& lock) : lock_(lock) {
    if (lock_.try_lock()) return;
    PyThreadState* saved = PyEval_SaveThread();
    lock_.lock();
    PyEval_RestoreThread(saved);
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() { lock_.unlock(); }

 private:
  std::mutex& lock_;
};

// An optional size argument that has a default.
inline bool take_ssize(ThreadState& ts, PyObject* o, Py_ssize_t* out) {
  Ref<> index = number_index(ts, o);
  if (!index) return false;
  *out = PyLong_AsSsize_t(index.get());
  return !error_set(ts);
}

// Output of unknown size, at most `limit` bytes (negative: no limit).
class Output {
 public:
  explicit Output(Py_ssize_t limit, size_t first = 16384) : limit_(limit), next_(first) {}
  // More room behind what is used, to be filled and then said by used(). False: the limit is reached.
  bool room(char** at, size_t* n) {
    *at = nullptr;
    *n = 0;
    if (limit_ >= 0 && size_ >= static_cast<size_t>(limit_)) return false;
    if (size_ == bytes_.size()) {
      size_t want = bytes_.size() + next_;
      next_ = want < (size_t{1} << 28) ? want : (size_t{1} << 28);  // doubles
      if (limit_ >= 0 && want > static_cast<size_t>(limit_)) want = static_cast<size_t>(limit_);
      bytes_.resize(want);
    }
    *at = bytes_.data() + size_;
    *n = bytes_.size() - size_;
    if (*n > UINT_MAX) *n = UINT_MAX;
    return true;
  }
  void used(size_t n) { size_ += n; }
  bool full() const { return limit_ >= 0 && size_ >= static_cast<size_t>(limit_); }
  Ref<> bytes(ThreadState& ts) { return bytes_from(ts, {bytes_.data(), size_}); }

 private:
  Py_ssize_t limit_;
  size_t next_;
  std::vector<char> bytes_;
  size_t size_ = 0;
};

}  // namespace atl::compress

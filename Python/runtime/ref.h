// Reference counts and the owning handle Ref<T>.
//
// An object is immortal when the upper 32 bits of its count are not zero; the core never writes such a
// count. The test is one 32-bit load at offset 4. Raw increments appear only in the object core; everybody
// else moves Refs about and calls dup().
#pragma once

#include <type_traits>

#include "Python/runtime/base.h"

namespace atl {

inline constexpr Py_ssize_t kImmortalRefcnt = Py_ssize_t{1} << 62;

// True for every C struct that begins with a PyObject head.
template <class T>
concept ObjectStruct = std::is_same_v<std::remove_cv_t<T>, PyObject> || requires(T* p) { p->ob_base; } ||
                       requires(T* p) { p->head; } || requires(T* p) { p->_base; } || requires(T* p) { p->ht_type; } || requires(T* p) { p->d_common; } ||
                       requires(T* p) { p->ob_refcnt; };

template <class T>
ATOLL_INLINE PyObject* obj(T* p) {
  return reinterpret_cast<PyObject*>(const_cast<std::remove_cv_t<T>*>(p));
}

ATOLL_INLINE bool is_immortal(const PyObject* o) {
  return reinterpret_cast<const uint32_t*>(o)[1] != 0;
}

#ifdef ATOLL_CHECKED
void check_toucher(const PyObject* o);  // foreign.cc
#else
ATOLL_INLINE void check_toucher(const PyObject*) {}
#endif

ATOLL_INLINE void incref(PyObject* o) {
  if (ATOLL_UNLIKELY(is_immortal(o))) return;
  check_toucher(o);
  ++o->ob_refcnt;
}

// May run a finalizer, and with it any Python code.
ATOLL_INLINE void decref(PyObject* o) {
  if (ATOLL_UNLIKELY(is_immortal(o))) return;
  check_toucher(o);
  if (--o->ob_refcnt == 0) _Py_Dealloc(o);
}

ATOLL_INLINE void xincref(PyObject* o) {
  if (o != nullptr) incref(o);
}
ATOLL_INLINE void xdecref(PyObject* o) {
  if (o != nullptr) decref(o);
}
template <class T>
ATOLL_INLINE T* new_ref(T* o) {
  incref(obj(o));
  return o;
}

// Owns one reference, or none when empty. Move-only; dup() is the one visible way to add a count.
template <class T = PyObject>
class [[nodiscard]] Ref {
 public:
  constexpr Ref() = default;
  constexpr Ref(std::nullptr_t) {}
  Ref(Ref&& other) noexcept : p_(other.release()) {}
  template <class U>
    requires(!std::is_same_v<U, T> && (std::is_same_v<T, PyObject>))
  Ref(Ref<U>&& other) noexcept : p_(obj(other.release())) {}
  Ref& operator=(Ref&& other) noexcept {
    T* old = std::exchange(p_, other.release());
    if (old != nullptr) decref(obj(old));
    return *this;
  }
  Ref(const Ref&) = delete;
  Ref& operator=(const Ref&) = delete;
  ~Ref() {
    if (p_ != nullptr) decref(obj(p_));
  }

  // Takes over a reference that the caller owns (NULL gives an empty handle).
  static Ref steal(T* p) {
    Ref r;
    r.p_ = p;
    return r;
  }
  // Makes a new reference (NULL gives an empty handle).
  static Ref dup_of(T* p) {
    if (p != nullptr) incref(obj(p));
    return steal(p);
  }

  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  PyObject* object() const { return obj(p_); }
  Ref dup() const { return dup_of(p_); }
  // Hands the reference to a C caller or a field.
  T* release() { return std::exchange(p_, nullptr); }
  void reset() { *this = Ref(); }
  // The same reference seen as another struct (the caller has checked the type).
  template <class U>
  Ref<U> cast() && {
    return Ref<U>::steal(reinterpret_cast<U*>(release()));
  }
  // For C functions that fill an owned result.
  T** out() {
    reset();
    return &p_;
  }

 private:
  T* p_ = nullptr;
};

template <class T>
ATOLL_INLINE Ref<T> dup(T* p) {
  return Ref<T>::dup_of(p);
}
template <class T>
ATOLL_INLINE Ref<T> steal(T* p) {
  return Ref<T>::steal(p);
}

// Puts item into an owned field; the old value goes last, because letting go may run Python.
template <class T>
ATOLL_INLINE void set_field(T*& field, Ref<T> item) {
  Ref<T> old = Ref<T>::steal(std::exchange(field, item.release()));
}
template <class T>
ATOLL_INLINE void clear_field(T*& field) {
  Ref<T> old = Ref<T>::steal(std::exchange(field, nullptr));
}

}  // namespace atl

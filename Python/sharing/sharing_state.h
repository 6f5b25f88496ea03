// What the sharing room keeps per interpreter: its classes, made on first use.
#pragma once

#include "Python/runtime/ref.h"

namespace atl {

struct SharingState {
  PyTypeObject* receive_type = nullptr;
  PyTypeObject* send_type = nullptr;
  PyObject* channel_error = nullptr;
  PyObject* channel_not_found = nullptr;
  PyObject* channel_closed = nullptr;
  PyObject* channel_empty = nullptr;
  PyObject* channel_full = nullptr;
  PyObject* channel_not_empty = nullptr;
  PyObject* not_shareable = nullptr;
  PyObject* interpreter_error = nullptr;
  PyObject* interpreter_not_found = nullptr;
};

}  // namespace atl

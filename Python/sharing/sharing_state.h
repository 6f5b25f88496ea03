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
  PyTypeObject* channel_id_type = nullptr;
  PyTypeObject* queue_type = nullptr;
  PyObject* queue_error = nullptr;
  PyObject* queue_not_found = nullptr;
  PyObject* queue_empty = nullptr;
  PyObject* queue_full = nullptr;
};

}  // namespace atl

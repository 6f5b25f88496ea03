// Descriptors inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

struct PropertyObject {
  PyObject ob_base;
  PyObject* get;
  PyObject* set;
  PyObject* del;
  PyObject* doc;
  PyObject* name;   // as __set_name__ told
  bool getter_doc;  // doc was taken from the getter
};

}  // namespace atl

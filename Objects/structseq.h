// Struct sequences inside the core.
#pragma once

#include "Objects/object.h"
#include "Include/structseq.h"

extern "C" {
PyAPI_FUNC(PyTypeObject*) _PyStructSequence_NewType(PyStructSequence_Desc* desc, unsigned long flags);
}

namespace atl {

// A type shared by all interpreters (bring-up only). The description is read now; its texts must outlive the process.
Status structseq_static_ready(ThreadState& ts, PyTypeObject* type, const PyStructSequence_Desc* desc);
// A heap type of this interpreter; names and documents of the fields must outlive it.
Ref<> structseq_type_new(ThreadState& ts, const PyStructSequence_Desc* desc, unsigned long flags = 0);

}  // namespace atl

// _pickle: what its files share.
#pragma once

#include <cstring>
#include <vector>

#include "Modules/module_tools.h"
#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "structmember.h"

namespace atl::pickle {

inline constexpr int kHighestProtocol = 5, kDefaultProtocol = 4;
inline constexpr size_t kFrameTarget = 64 * 1024, kFrameHeader = 9, kFrameMin = 4;
inline constexpr Py_ssize_t kBatch = 1000;

enum Op : unsigned char {
  kMark = '(', kStop = '.', kPop = '0', kPopMark = '1', kDup = '2', kFloat = 'F', kInt = 'I', kBinInt = 'J', kBinInt1 = 'K', kLong = 'L',
  kBinInt2 = 'M', kNone = 'N', kPersId = 'P', kBinPersId = 'Q', kReduce = 'R', kString = 'S', kBinString = 'T', kShortBinString = 'U',
  kUnicode = 'V', kBinUnicode = 'X', kAppend = 'a', kBuild = 'b', kGlobal = 'c', kDict = 'd', kEmptyDict = '}', kAppends = 'e', kGet = 'g',
  kBinGet = 'h', kInst = 'i', kLongBinGet = 'j', kList = 'l', kEmptyList = ']', kObj = 'o', kPut = 'p', kBinPut = 'q', kLongBinPut = 'r',
  kSetItem = 's', kTuple = 't', kEmptyTuple = ')', kSetItems = 'u', kBinFloat = 'G', kProto = 0x80, kNewObj = 0x81, kExt1 = 0x82, kExt2 = 0x83,
  kExt4 = 0x84, kTuple1 = 0x85, kTuple2 = 0x86, kTuple3 = 0x87, kNewTrue = 0x88, kNewFalse = 0x89, kLong1 = 0x8a, kLong4 = 0x8b,
  kBinBytes = 'B', kShortBinBytes = 'C', kShortBinUnicode = 0x8c, kBinUnicode8 = 0x8d, kBinBytes8 = 0x8e, kEmptySet = 0x8f, kAddItems = 0x90,
  kFrozenSet = 0x91, kNewObjEx = 0x92, kStackGlobal = 0x93, kMemoize = 0x94, kFrame = 0x95, kByteArray8 = 0x96, kNextBuffer = 0x97,
  kReadOnlyBuffer = 0x98
};

struct State {
  PyObject *error, *pickling_error, *unpickling_error;
  PyObject *dispatch_table, *extension_registry, *inverted_registry, *extension_cache;  // copyreg's
  PyObject *names_2to3, *imports_2to3, *names_3to2, *imports_3to2;                      // _compat_pickle's
  PyObject *encode, *getattr, *partial;
  PyTypeObject *pickler_type, *unpickler_type, *pickler_memo_type, *unpickler_memo_type;
};
State& state_of_module(PyObject* m);
State* state_of_type(PyTypeObject* type);  // NULL with an exception set

PyTypeObject* make_pickler_type(PyObject* m);
PyTypeObject* make_unpickler_type(PyObject* m);
PyTypeObject* make_pickler_memo_type(PyObject* m);
PyTypeObject* make_unpickler_memo_type(PyObject* m);

Ref<> dump(ThreadState& ts, State& state, PyObject* o, PyObject* file /* NULL: the bytes are the result */, PyObject* protocol, bool fix_imports,
           PyObject* buffer_callback);
Ref<> load(ThreadState& ts, State& state, PyObject* file, PyObject* data, bool fix_imports, const char* encoding, const char* errors, PyObject* buffers);

// The parts of a dotted name; AttributeError, "Can't …local object", for names in functions.
Ref<> dotted_path(ThreadState& ts, PyObject* name, PyObject* of);
// An attribute along a path, and the object that the last one was taken from. AttributeError when there is none.
Ref<> deep_attribute(ThreadState& ts, PyObject* o, PyObject* path, Ref<>* parent);

}  // namespace atl::pickle

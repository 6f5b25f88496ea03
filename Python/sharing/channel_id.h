// ChannelID of 3.11's _xxsubinterpreters: a channel's number as an object that keeps the channel.
#pragma once

#include "Objects/object.h"
#include "Python/sharing/channel.h"

namespace atl {

// Which ends a ChannelID stands for.
enum ChannelIdEnds : uint8_t { kBothEnds = 0, kSendEnd = 1, kReceiveEnd = 2 };

struct ChannelIdValue {
  int64_t id;
  uint8_t ends;
};

Status channel_id_class(ThreadState& ts);
bool is_channel_id(ThreadState& ts, PyObject* o);
ChannelIdValue channel_id_value(PyObject* o);
// A new ChannelID, with a handle (kId) of its own.
Ref<> channel_id_new(ThreadState& ts, Channel* channel, uint8_t ends);
// One that keeps nothing.
Ref<> channel_id_forced(ThreadState& ts, int64_t id, uint8_t ends);
Raised raise_channel_not_found(ThreadState& ts, int64_t id);

// == and != of objects that are numbers with a type of their own.
Ref<> number_object_richcompare(ThreadState& ts, int64_t own, PyObject* other, bool same_type, int64_t others, int op);
// A number that is not negative, from anything with __index__: TypeError, ValueError, OverflowError.
Status number_argument(ThreadState& ts, PyObject* o, const char* what, int64_t* out);

}  // namespace atl

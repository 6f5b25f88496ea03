// RecvChannel and SendChannel: a channel's ends as Python objects, and the classes of this room's exceptions.
#pragma once

#include "Objects/object.h"
#include "Python/sharing/values.h"

namespace atl {

// Makes the classes of the current interpreter, once.
Status sharing_classes(ThreadState& ts);
Status sharing_init(ThreadState& ts);
void sharing_clear(ThreadState& ts);

bool is_channel_end(ThreadState& ts, PyObject* o);
ChannelHandle channel_end_handle(PyObject* end);
// A handle of the current interpreter on one end.
Ref<> channel_end_new(ThreadState& ts, Channel* channel, ChannelEnd end);
// The exception for a result other than kOk.
Raised channel_raise(ThreadState& ts, ChannelResult result, int64_t id);

// Sends or receives, waiting until the deadline (0: not at all). kOk, or an exception is set. *timed_out tells an elapsed
// deadline, for which none is set.
Status channel_send(ThreadState& ts, Channel* channel, PyObject* value, int64_t deadline, bool* timed_out, bool* received_soon);
Ref<> channel_receive(ThreadState& ts, Channel* channel, int64_t deadline, bool* timed_out);
// A deadline from seconds: None or NULL waits for ever. TypeError, ValueError, OverflowError.
Status deadline_from(ThreadState& ts, PyObject* timeout, int64_t* deadline);

}  // namespace atl

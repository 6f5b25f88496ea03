// Queue of concurrent.interpreters: both ends of a channel in one object, which every interpreter may hold.
#pragma once

#include "Objects/object.h"
#include "Python/sharing/channel.h"

namespace atl {

// Makes the classes of the current interpreter, once. Imports queue, whose exceptions are bases.
Status queue_classes(ThreadState& ts);
bool is_shared_queue(ThreadState& ts, PyObject* o);
Channel* shared_queue_channel(PyObject* o);
Ref<> shared_queue_new(ThreadState& ts, Channel* channel);

Raised raise_queue_not_found(ThreadState& ts, int64_t id);
// Waits until the deadline at most (0: not at all). QueueFull, QueueEmpty, QueueNotFoundError when it was destroyed.
Status shared_queue_put(ThreadState& ts, Channel* channel, PyObject* value, int64_t deadline);
Ref<> shared_queue_get(ThreadState& ts, Channel* channel, int64_t deadline);

}  // namespace atl
